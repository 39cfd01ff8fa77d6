"""A page of portfolios whose drift is checked: read side by side, and told together."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.services.desk.judging import IdleWorkers, Judge, Judged, judged
from ordergen_server.services.desk.lending import Lending
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.portfolios.readings import Readings


class Page:
    """Portfolios that are read together: by idle processes, and by this one where there are none.

    Args:
        asked: each with its judge, at least one.
        closed: those that are not to be traded today.
        take: permits for so many, if they are there.
        work: reads them here.
        idle: processes.
        deadline: of the check.
    """

    def __init__(
        self,
        asked: Sequence[tuple[Judge, str]],
        closed: Collection[str],
        take: Callable[[int], bool],
        *,
        work: PortfolioWork,
        idle: IdleWorkers,
        deadline: Deadline,
    ) -> None:
        self._of = {portfolio_id: judge for judge, portfolio_id in asked}
        self._closed = closed
        self._take = take
        self._work = work
        self._idle = idle
        self._deadline = deadline
        self._lending: Lending | None = None
        self._readings: Readings | None = None

    def is_begun(self) -> bool:
        """Begin to read it, unless that is done; whether it could be."""
        if self._lending is None and self._take(len(self._of)):
            asked = [(judge, one) for one, judge in self._of.items() if judge.securities]
            self._lending = Lending(asked, self._idle, self._deadline)
            if not self._lending:
                self._readings = self._read(self._lending.left)
        return self._lending is not None

    def known(self) -> tuple[list[PortfolioDrift], OrderGenerationError | None]:
        """What is known of its portfolios once all are read, and why no more is, if anything stopped it."""
        drifts = [judge.unread(one) for one, judge in self._of.items() if judge.securities is None]
        stopped = None
        for some in self._judged():
            drifts += some.drifts
            stopped = stopped or some.stopped
        return [self._as_closed(one) for one in drifts], stopped

    def close(self) -> None:
        """Read no more of it."""
        if self._readings:
            self._readings.close()

    def _judged(self) -> Iterator[Judged]:
        """What others have judged, then what is left to this process: nothing, once the check is to stop."""
        stopped = False
        for some in self._lending or ():
            stopped = stopped or some.stopped is not None
            yield some
        if self._lending is None or stopped:
            return
        self._readings = self._readings or self._read(self._lending.left)
        for batch in self._readings:
            known = judged(batch, self._of.__getitem__)
            yield known
            if known.stopped:
                return

    def _as_closed(self, one: PortfolioDrift) -> PortfolioDrift:
        """The portfolio, with the state of those that are not to be traded if it is one of them."""
        return replace(one, state=DriftState.DO_NOT_TRADE) if one.portfolio_id in self._closed else one

    def _read(self, portfolio_ids: Iterable[str]) -> Readings:
        judges = ((self._of[one], one) for one in portfolio_ids)
        asked = [(judge.securities, one) for judge, one in judges if judge.securities]
        return self._work.readings(asked, self._deadline)
