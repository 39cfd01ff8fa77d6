"""The runs this server carries out: begun here, or taken over from a server that has died."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal

from ordergen_server.domain import origin
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.rebalances import Rebalance
from ordergen_server.domain.stores import Request, RunOrder
from ordergen_server.domain.subjects import Subject
from ordergen_server.services.members import NO_FLOWS
from ordergen_server.services.observer import UNOBSERVED, RunObserver
from ordergen_server.services.running.execution import Execution
from ordergen_server.services.running.holding import Holder
from ordergen_server.services.running.leased_run import LeasedRun, RunJournal
from ordergen_server.services.running.room import Room


class Runs(Holder[LeasedRun]):
    """At most `maximum_runs` at once, each in a thread of its own, and as many previews beside them."""

    def __init__(
        self,
        execution: Execution,
        journal: RunJournal,
        *,
        maximum_runs: int,
        tend_seconds: float,
        observer: RunObserver = UNOBSERVED,
    ) -> None:
        room = Room(
            maximum_runs, "runs", "Too many runs are in progress on this server: try again in a moment."
        )
        super().__init__(_Running(execution, journal, observer), room, tend_seconds)
        self._execution = execution
        self._journal = journal
        # A preview lasts for as long as its caller takes to read it: that must keep no run from beginning.
        self._previews = Room(
            maximum_runs,
            "previews",
            "Too many previews are in progress on this server: try again in a moment.",
        )

    def begin(
        self,
        order: RunOrder,
        portfolio_ids: Sequence[str],
        request: Request | None,
        cash_flows: Mapping[str, Decimal] = NO_FLOWS,
    ) -> Rebalance:
        """Begin a run; where the same request has begun one before, answer that.

        Raises:
            ResourceExhausted: too many runs here, or the server is about to stop.
            RebalanceInProgress: another run of the model is in progress.
            InvalidArgument: the request id was used for another call.
        """
        with self.take_room() as unless_begun:
            token = self._journal.runs.new_id()
            size = self._execution.chunk_size(len(portfolio_ids))
            begun = self._journal.runs.begin(
                order, portfolio_ids, self._journal.lease(token), request, size, cash_flows=cash_flows
            )
            if begun.rebalance_id == order.rebalance.rebalance_id:
                self.carry_on(_leased(order, token, origin.current().trace), unless_begun)
        return begun

    @contextmanager
    def previewing(self) -> Iterator[None]:
        """A block that does the work of a run and is none. Raises ResourceExhausted as `begin` does."""
        if self.draining:
            raise self._previews.exhausted()
        with self._previews.held():
            yield

    def cancel(self, rebalance_id: str, by: Subject) -> Rebalance:
        """Ask for a run to be cancelled, wherever it is carried out. Raises NotFound."""
        found = self._journal.cancel(rebalance_id, by)
        self.stop(rebalance_id)
        return found


class _Running:
    """How runs are held and carried out: a Craft."""

    what = "run"

    def __init__(self, execution: Execution, journal: RunJournal, observer: RunObserver) -> None:
        self._execution = execution
        self._journal = journal
        self._observer = observer

    def renew(self, work: LeasedRun) -> None:
        self._journal.renew(work)

    def take_over(self) -> LeasedRun | None:
        token = self._journal.runs.new_id()
        order = self._journal.runs.take_over(self._journal.lease(token))
        return _leased(order, token) if order else None

    def release(self, work: LeasedRun) -> None:
        self._journal.release(work)

    def to_be_cancelled(self) -> Collection[str]:
        return self._journal.runs.to_be_cancelled()

    def carry_out(self, work: LeasedRun, *, taken_over: bool) -> None:
        with self._observer.run(work.rebalance_id, taken_over=taken_over):
            self._execution.carry_out(work)

    def lost(self) -> None:
        self._observer.lease_lost()


def _leased(order: RunOrder, token: str, trace: object = None) -> LeasedRun:
    return LeasedRun(order, token, Deadline.after(order.seconds_left), trace=trace)
