"""The handle of a run."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

from ordergen_client.asynchronous.connection import AsyncConnection
from ordergen_client.asynchronous.decided import read_decided
from ordergen_client.asynchronous.orders import AsyncRunOrders
from ordergen_client.calls import runs
from ordergen_client.records.states import RebalanceState, View
from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceEvent
from ordergen_client.report.loading import of_the_extra


class AsyncRun(AsyncRunOrders):
    """A run that goes on by itself, whether anybody looks or not.

        async for portfolio in run:      # each as it is done and stored, in the order of the run
            ...
        ended = await run.wait()

    A connection that breaks meanwhile is made again: nothing is missed, and nothing comes twice. What cannot
    be taken up within `reconnect_seconds` of the client is raised.

    Attributes:
        rebalance_id: the run.
        started: the run as it was when it was started; None where it was attached to.
    """

    def __init__(
        self, connection: AsyncConnection, rebalance_id: str, started: Rebalance | None = None
    ) -> None:
        self.rebalance_id = rebalance_id
        self.started = started
        self._connection = connection

    def __repr__(self) -> str:
        return f"AsyncRun({self.rebalance_id!r})"

    async def __aiter__(self) -> AsyncIterator[PortfolioRebalance]:
        """Each portfolio, from the first one on. Raises the error of a run that FAILED, at its end."""
        async with aclosing(self.events()) as events:
            async for event in events:
                if event.portfolio:
                    yield event.portfolio
                if event.finished and event.finished.error:
                    raise event.finished.error

    def events(
        self, after_sequence: int = 0, *, view: runs.AnyView = View.FULL
    ) -> AsyncGenerator[RebalanceEvent, None]:
        """Every event of the run after a point, as `runs.watch` has them."""
        watched = runs.watch(self.rebalance_id, after_sequence, view=view)
        return self._connection.follow(watched, known=self.started is not None)

    async def wait(self) -> Rebalance:
        """Wait for the end of the run, and answer it. Raises the error of a run that FAILED."""
        run = self.started or await self.read()
        if run.state is RebalanceState.RUNNING:
            # Only the end comes after all of its portfolios.
            async for event in self.events(run.portfolio_count + 1, view=View.BASIC):
                run = event.finished or run
        if run.error:
            raise run.error
        return run

    async def read(self) -> Rebalance:
        """The run as it is now."""
        return await self._connection.call(runs.get(self.rebalance_id))

    async def cancel(self) -> Rebalance:
        """Cancel the run: portfolios not yet worked on become SKIPPED. One that has ended stays as it is."""
        return await self._connection.call(runs.cancel(self.rebalance_id))

    async def report(self, path: str | Path, *, force: bool = False) -> Rebalance:
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
            from ordergen_client.report.awaited import write_awaited_report  # noqa: PLC0415 - it needs an extra
        decided = await read_decided(self, await self.read())
        async with aclosing(self.events()) as events:
            return await write_awaited_report(events, Path(path), force=force, decided=decided)
