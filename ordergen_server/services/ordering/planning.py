"""Which orders become of proposals, and what a submission is after a change: values alone."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ordergen_server.domain.errors import OrderGenerationError, StaleProposal
from ordergen_server.domain.orders.batching import cut
from ordergen_server.domain.orders.orders import Order, OrderState, attempted
from ordergen_server.domain.orders.submissions import (
    Approvals,
    Changes,
    Left,
    OrderBatch,
    SubmittedPortfolio,
    by_portfolio,
)
from ordergen_server.domain.rebalances.lines import RebalancePosition, Side
from ordergen_server.domain.rebalances.results import PortfolioRebalance

_SIDES = {Left.ALL: (Side.SELL, Side.BUY), Left.BUYS: (Side.BUY,)}
NewId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Part:
    """A portfolio with those of its orders that are written down together.

    Attributes:
        portfolio: as it is then.
        orders: sells first, each by security; in no batch yet.
        waits: buys wait for these sells.
    """

    portfolio: SubmittedPortfolio
    orders: tuple[Order, ...]
    waits: bool = False


def part(
    portfolio: SubmittedPortfolio, result: PortfolioRebalance, new_id: NewId, *, sells_first: bool
) -> Part:
    """What is to be written down next of a portfolio: all that is left, or its sells alone."""
    orders = orders_left(portfolio, result, new_id)
    sells = tuple(one for one in orders if one.side is Side.SELL)
    if sells_first and portfolio.left is Left.ALL and 0 < len(sells) < len(orders):
        return Part(replace(portfolio, left=Left.BUYS), sells, waits=True)
    return Part(replace(portfolio, left=Left.NOTHING), orders)


def orders_left(
    portfolio: SubmittedPortfolio, result: PortfolioRebalance, new_id: NewId
) -> tuple[Order, ...]:
    """The orders of a portfolio that were not written down, exactly as its result has them."""
    return tuple(
        _order(portfolio, line, new_id())
        for side in _SIDES.get(portfolio.left, ())
        for line in sorted(result.positions, key=lambda one: one.security.security_id)
        if line.trade_quantity and (line.trade_quantity > 0) == (side is Side.BUY)
    )


def _order(portfolio: SubmittedPortfolio, line: RebalancePosition, order_id: str) -> Order:
    return Order(
        order_id=order_id,
        rebalance_id=portfolio.rebalance_id,
        submission_id=portfolio.submission_id,
        portfolio_id=portfolio.portfolio_id,
        security_id=line.security.security_id,
        ticker=line.security.ticker,
        side=Side.BUY if line.trade_quantity > 0 else Side.SELL,
        quantity=abs(line.trade_quantity),
        state=OrderState.SENDING,
    )


def written_down(
    parts: Sequence[Part], mark: int, new_id: NewId, approvals: Approvals, alone_since: datetime | None
) -> Changes:
    """Parts written down in batches from a mark on; the first of them is attempted at once.

    Not where another run trades a portfolio of them, or has since `alone_since`.
    """
    batches: list[OrderBatch] = []
    orders: list[Order] = []
    awaited = {one.portfolio.portfolio_id for one in parts if one.waits}
    for number, chunk in enumerate(cut([order for one in parts for order in one.orders])):
        first = chunk[0]
        batch = OrderBatch(
            new_id(),
            first.submission_id,
            first.rebalance_id,
            mark + number,
            attempting=not number,
            awaited=any(one.portfolio_id in awaited for one in chunk),
        )
        placed = [replace(one, batch_id=batch.batch_id, mark=batch.mark) for one in chunk]
        orders += placed if number else [attempted(one) for one in placed]
        batches.append(batch.standing(placed))
    states = {key: {one.state for one in found} for key, found in by_portfolio(orders).items()}
    return Changes(
        orders=tuple((None, one) for one in orders),
        portfolios=tuple(one.portfolio.standing(states[one.portfolio.portfolio_id]) for one in parts),
        new_batches=tuple(batches),
        approvals=replace(approvals, portfolio_ids=tuple(states)),
        alone_since=alone_since,
    )


def given_up(
    parts: Iterable[Part], why: Mapping[str, OrderGenerationError], known: Iterable[Order]
) -> Changes:
    """What is left of portfolios is not sent, each for its reason; `known` has their other orders."""
    others = by_portfolio(known)
    portfolios: list[SubmittedPortfolio] = []
    orders: list[Order] = []
    for one in parts:
        error = why[one.portfolio.portfolio_id]
        dropped = [replace(order, state=OrderState.NOT_SENT, error=error) for order in one.orders]
        orders += dropped
        states = {order.state for order in [*others.get(one.portfolio.portfolio_id, []), *dropped]}
        after = replace(one.portfolio, left=Left.NOTHING)
        if isinstance(error, StaleProposal):
            after = replace(after, stale=error)
        portfolios.append(after.standing(states))
    return Changes(orders=tuple((None, one) for one in orders), portfolios=tuple(portfolios))


def changed(
    before: Collection[Order],
    after: Sequence[Order],
    batch: OrderBatch,
    portfolios: Iterable[SubmittedPortfolio],
    known: Iterable[Order],
) -> Changes:
    """Orders of a batch that change, and what that makes of their batch and portfolios.

    Args:
        before: all orders of the batch.
        after: those that may change, as they are to be.
        batch: as it is to be, but for its numbers.
        portfolios: those of the orders that change.
        known: all orders of these portfolios, as they were.
    """
    was = {one.order_id: one for one in before}
    now = {**was, **{one.order_id: one for one in after}}
    told = [one for one in after if one != was[one.order_id]]
    everything = by_portfolio({**{one.order_id: one for one in known}, **now}.values())
    standing = [one.standing({order.state for order in everything[one.portfolio_id]}) for one in portfolios]
    return Changes(
        orders=tuple((was[one.order_id].state, one) for one in told),
        portfolios=tuple(standing),
        batches=(batch.standing(now.values()),),
    )
