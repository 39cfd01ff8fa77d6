"""What the approved portfolios of a run trade together, and who gets what of a fill."""

from collections.abc import Iterator
from dataclasses import dataclass

from allocation import Block, Blocks, allocated
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import NotFound, Resource
from ordergen_server.domain.orders.ended import check_ended
from ordergen_server.domain.orders.reviews import ReviewState
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.rebalances.results import PortfolioRebalance, View
from ordergen_server.domain.rebalances.runs import Rebalance
from ordergen_server.domain.requests.violations import broken
from ordergen_server.domain.stores import RebalanceStore
from ordergen_server.services.reviewing.reviewer import Reviewer

#: Results that are read at once, and kept; those with positions have a hundred lines each.
AT_ONCE = {View.FULL: 100, View.BASIC: 500}


@dataclass(frozen=True, slots=True)
class OrderBlock:
    """A block, with the ticker of its security."""

    block: Block
    ticker: str


@dataclass(frozen=True, slots=True)
class FillAllocation:
    """What a portfolio gets of a fill, in whole shares."""

    portfolio_id: str
    ordered: int
    allocated: int


class Filling:
    """The use cases of blocks and fills. They read what is stored, page by page, and store nothing.

    A review that changes while they read counts as it is when its portfolio is read.
    """

    def __init__(self, runs: RebalanceStore, reviewer: Reviewer) -> None:
        self._runs = runs
        self._reviewer = reviewer

    def blocks(self, rebalance_id: str, deadline: Deadline) -> list[OrderBlock]:
        """All that the approved portfolios trade, by security, buys before sells.

        Raises:
            NotFound: there is no such run.
            PreconditionFailed: it goes on.
            DeadlineExceeded, Cancelled: the time is over, or nobody waits any more.
        """
        blocks, tickers = Blocks(), dict[str, str]()
        for portfolio in self._approved(self._ended(rebalance_id), View.FULL, deadline):
            for line in portfolio.positions:
                if line.trade_quantity:
                    security = line.security
                    blocks.add(security.security_id, line.trade_quantity, security.price)
                    tickers[security.security_id] = security.ticker
        return [OrderBlock(one, tickers[one.security_id]) for one in blocks]

    def allocate(
        self, rebalance_id: str, security_id: str, side: Side, filled: int, deadline: Deadline
    ) -> list[FillAllocation]:
        """Who gets how many of `filled` shares of a block, by portfolio.

        Those whose remainders are the same stand in an order that follows from the ids of run, security and
        portfolio: the run had its id before anything of it was traded.

        Raises:
            InvalidArgument: that many shares are not in the block.
            NotFound: there is no such run, or no approved portfolio trades the security on that side.
            PreconditionFailed: the run goes on.
            DeadlineExceeded, Cancelled: the time is over, or nobody waits any more.
        """
        found = {
            portfolio.portfolio_id: trade.quantity
            for portfolio in self._approved(self._ended(rebalance_id), View.BASIC, deadline)
            for trade in portfolio.transactions
            if trade.security_id == security_id and trade.side is side
        }
        if not found:
            raise _no_block(rebalance_id, security_id, side)
        if filled > sum(found.values()):
            rule = f"must be at most {sum(found.values())}, which is what the block has"
            raise broken("filled_quantity", rule, filled)
        ordered = dict(sorted(found.items()))
        shares = allocated(ordered, filled, f"{rebalance_id}/{security_id}")
        return [FillAllocation(one, quantity, shares[one]) for one, quantity in ordered.items()]

    def _ended(self, rebalance_id: str) -> Rebalance:
        run = self._runs.get(rebalance_id)
        check_ended(run)
        return run

    def _approved(self, run: Rebalance, view: View, deadline: Deadline) -> Iterator[PortfolioRebalance]:
        """The approved portfolios of a run, as they are read. Raises NotFound where some are not there."""
        sequence, last = 1, 1 + sum(run.counts.values())
        while sequence < last:
            deadline.raise_if_stopped()
            deadline.remaining_seconds("everything was read")
            results = self._runs.portfolios_after(run.rebalance_id, sequence, AT_ONCE[view], view)
            if not results:
                raise _being_deleted(run.rebalance_id)
            reviewed = self._reviewer.reviewed(run, results)
            for one in results:
                if one.portfolio_id in reviewed and reviewed[one.portfolio_id].state is ReviewState.APPROVED:
                    yield one
            sequence = results[-1].sequence


def _no_block(rebalance_id: str, security_id: str, side: Side) -> NotFound:
    verb = "buys" if side is Side.BUY else "sells"
    return NotFound(
        f"No approved portfolio of rebalance {rebalance_id} {verb} security {security_id}:"
        " AggregateOrders has the blocks that there are.",
        metadata={"rebalance_id": rebalance_id, "security_id": security_id},
        resource=Resource("OrderBlock", f"{rebalance_id}/{security_id}/{side.value}"),
    )


def _being_deleted(rebalance_id: str) -> NotFound:
    return NotFound(
        f"Results of rebalance {rebalance_id} are not there any more: it is being deleted.",
        metadata={"rebalance_id": rebalance_id},
        resource=Resource("Rebalance", rebalance_id),
    )
