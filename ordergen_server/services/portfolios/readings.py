"""What is read of portfolios, many at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.market import Holdings, Quoted
from ordergen_server.services.portfolios.securities import Securities

#: How long to wait for something to come.
LOOK_SECONDS = 0.2

#: The securities of a portfolio's model, and the portfolio.
Asked = tuple[Securities, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a portfolio, or why it could not be; `quotes` has those that `securities` lacked."""

    portfolio_id: str
    securities: Securities
    name: str
    holdings: Holdings | OrderGenerationError
    quotes: Mapping[str, Quoted]


class Readings:
    """Portfolios that are being read, the first of them from the beginning on; answered once, as they come.

    Closing lets go of them: what is being read is read to its end, and thrown away.

    Args:
        asked: the portfolios.
        begin: has one of them read by another thread.
        window: so many are begun, and neither answered nor let go of, at most.
        deadline: of the work that they are for.
    """

    def __init__(
        self,
        asked: Iterable[Asked],
        begin: Callable[[Asked], "Future[Reading]"],
        window: int,
        deadline: Deadline,
    ) -> None:
        self._waiting = iter(asked)
        self._begin = begin
        self._deadline = deadline
        self._busy = set[Future[Reading]]()
        self._ended = SimpleQueue[Future[Reading]]()
        self._begin_more(window)

    def __iter__(self) -> Iterator[list[Reading]]:
        """Batches as they come; where nothing comes for a moment an empty one, for its reader to look around.

        Raises:
            Cancelled: the work is stopped; what has been read and not answered was not done.
        """
        while self._busy:
            ended = self._come()
            self._deadline.raise_if_stopped()
            self._busy.difference_update(ended)
            self._begin_more(len(ended))
            yield [future.result() for future in ended]

    def close(self) -> None:
        """Begin no more."""
        for future in self._busy:
            future.cancel()

    def _begin_more(self, count: int) -> None:
        for asked in islice(self._waiting, count):
            future = self._begin(asked)
            self._busy.add(future)
            future.add_done_callback(self._ended.put)  # nobody looks through all that are busy

    def _come(self) -> "list[Future[Reading]]":
        try:
            first = self._ended.get(timeout=LOOK_SECONDS)
        except Empty:
            return []
        return [first, *(self._ended.get_nowait() for _ in range(self._ended.qsize()))]
