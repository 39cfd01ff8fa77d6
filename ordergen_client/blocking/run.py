"""The handle of a run."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from ordergen_client.blocking.connection import Connection
from ordergen_client.blocking.decided import read_decided
from ordergen_client.blocking.orders import RunOrders
from ordergen_client.calls import runs
from ordergen_client.records.states import RebalanceState, View
from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceEvent
from ordergen_client.report.loading import of_the_extra


class Run(RunOrders):
    """A run that goes on by itself, whether anybody looks or not.

        for portfolio in run:      # each as it is done and stored, in the order of the run
            ...
        ended = run.wait()

    A connection that breaks meanwhile is made again: nothing is missed, and nothing comes twice. What cannot
    be taken up within `reconnect_seconds` of the client is raised.

    Attributes:
        rebalance_id: the run.
        started: the run as it was when it was started; None where it was attached to.
    """

    def __init__(self, connection: Connection, rebalance_id: str, started: Rebalance | None = None) -> None:
        self.rebalance_id = rebalance_id
        self.started = started
        self._connection = connection

    def __repr__(self) -> str:
        return f"Run({self.rebalance_id!r})"

    def __iter__(self) -> Iterator[PortfolioRebalance]:
        """Each portfolio, from the first one on. Raises the error of a run that FAILED, at its end."""
        for event in self.events():
            if event.portfolio:
                yield event.portfolio
            if event.finished and event.finished.error:
                raise event.finished.error

    def events(
        self, after_sequence: int = 0, *, view: runs.AnyView = View.FULL
    ) -> Generator[RebalanceEvent, None, None]:
        """Every event of the run after a point, as `runs.watch` has them."""
        watched = runs.watch(self.rebalance_id, after_sequence, view=view)
        return self._connection.follow(watched, known=self.started is not None)

    def wait(self) -> Rebalance:
        """Wait for the end of the run, and answer it. Raises the error of a run that FAILED."""
        run = self.started or self.read()
        if run.state is RebalanceState.RUNNING:
            # Only the end comes after all of its portfolios.
            for event in self.events(run.portfolio_count + 1, view=View.BASIC):
                run = event.finished or run
        if run.error:
            raise run.error
        return run

    def read(self) -> Rebalance:
        """The run as it is now."""
        return self._connection.call(runs.get(self.rebalance_id))

    def cancel(self) -> Rebalance:
        """Cancel the run: portfolios not yet worked on become SKIPPED. One that has ended stays as it is."""
        return self._connection.call(runs.cancel(self.rebalance_id))

    def report(self, path: str | Path, *, force: bool = False) -> Rebalance:
        """Write the run as a page for people, which any browser opens without a network; answers the run.

        A run that goes on is followed to its end; one that FAILED has its page, too, and is not raised. The
        page of one that has ended tells what was approved by whom, and what became of orders.

        Args:
            path: the file; until it is whole its name ends in `.part`.
            force: replace a file that is there.

        Raises:
            ImportError: the extra `report` of this distribution is not installed.
            FileNotWrittenError: there is such a file, or it cannot be written.
        """
        with of_the_extra():
            from ordergen_client.report.write import write_report  # noqa: PLC0415 - it needs an extra
        decided = read_decided(self, self.read())
        with closing(self.events()) as events:
            return write_report(events, Path(path), force=force, decided=decided)
