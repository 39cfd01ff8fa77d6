"""Portfolios whose drift is checked, lent in pieces to processes that have nothing else to do."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import groupby
from math import ceil

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.origin import Origin, current
from ordergen_server.services.desk.judging import Checked, DriftTask, IdleWorkers, Judge, Judged
from ordergen_server.services.portfolios.readings import LOOK_SECONDS
from ordergen_server.services.running.chunk_executor import WorkerLost

#: Fewer portfolios of a model than this are read sooner than they are sent.
LEAST = 8
#: A market with more securities for each portfolio of its model than this costs more to send than it saves.
SECURITIES_A_PORTFOLIO = 16
#: A process that has not answered for so long is taken to be lost: no piece takes longer.
SILENT_SECONDS = 180.0


@dataclass(slots=True)
class _Piece:
    judge: Judge
    task: DriftTask
    lent_at: float = 0.0


class Lending:
    """Has portfolios judged by whoever is idle, as long as somebody is; answered once, as they come.

    Whoever stops asking lets go of them: what a process has it reads to its end, and that is thrown away.

    Args:
        asked: portfolios with their judges, those of a judge together.
        idle: processes.
        deadline: of the check.

    Attributes:
        left: what nobody took, or whose process was lost; all of it once nothing is lent any more.
    """

    def __init__(self, asked: Iterable[tuple[Judge, str]], idle: IdleWorkers, deadline: Deadline) -> None:
        self._idle = idle
        self._deadline = deadline
        self._lent: dict[Future[Judged], _Piece] = {}
        origin = current()
        self._origin = Origin(dict(origin.fields), dict(origin.headers))  # its span stays in this process
        self.left: list[str] = []
        self._waiting = deque[_Piece]()
        for judge, group in groupby(asked, key=lambda one: one[0]):
            self._cut(judge, [portfolio_id for _, portfolio_id in group])
        self._lend()

    def __bool__(self) -> bool:
        """Whether anything is lent."""
        return bool(self._lent)

    def __iter__(self) -> Iterator[Judged]:
        """What has come; once one of them says that the check is to stop, what else is lent, and no more.

        What has not come by the deadline is left.

        Raises:
            Cancelled: the check is stopped.
        """
        while self._lent and not self._deadline.passed:
            ended = wait(self._lent, LOOK_SECONDS, FIRST_COMPLETED).done
            self._deadline.raise_if_stopped()
            known = [found for one in ended if (found := self._taken_back(one))]
            if any(one.stopped for one in known):
                self._waiting.clear()
            self._give_up_silent()
            self._lend()
            yield from known
        self._leave(self._lent.values())
        self._leave(self._waiting)

    def _cut(self, judge: Judge, portfolio_ids: Sequence[str]) -> None:
        """Pieces of one size: what is left over of a page would not be worth sending."""
        if not _is_worth_sending(judge.checked, len(portfolio_ids)):
            self.left += portfolio_ids
            return
        size = ceil(len(portfolio_ids) / ceil(len(portfolio_ids) / self._idle.piece))
        until, look_id = self._deadline.expires_at, judge.checked.look_id
        for at in range(0, len(portfolio_ids), size):
            task = DriftTask(look_id, portfolio_ids[at : at + size], until, self._origin)
            self._waiting.append(_Piece(judge, task))

    def _lend(self) -> None:
        while self._waiting and (future := self._taken(self._waiting[0])):
            self._lent[future] = self._waiting.popleft()
        if not self._lent:
            self._leave(self._waiting)
            self._waiting.clear()

    def _taken(self, piece: _Piece) -> Future[Judged] | None:
        piece.lent_at = time.monotonic()
        return self._idle.judge(piece.task, piece.judge.checked)

    def _taken_back(self, future: Future[Judged]) -> Judged | None:
        piece = self._lent.pop(future)
        try:
            return future.result()
        except WorkerLost:
            self._leave([piece])
            return None

    def _give_up_silent(self) -> None:
        for piece in self._lent.values():
            if time.monotonic() > piece.lent_at + SILENT_SECONDS:
                self._idle.give_up(piece.task)  # which ends its future, too

    def _leave(self, pieces: Iterable[_Piece]) -> None:
        self.left += [portfolio_id for piece in pieces for portfolio_id in piece.task.portfolio_ids]


def _is_worth_sending(checked: Checked, count: int) -> bool:
    """Whether so many portfolios of a model save more than sending its market costs.

    Of a market that has not all quotes, each process would have to look up those that are lacking.
    """
    market = checked.market
    if market is None or market.prices is not None or count < LEAST:
        return False
    return checked.portfolio_count * SECURITIES_A_PORTFOLIO >= len(market.quotes)
