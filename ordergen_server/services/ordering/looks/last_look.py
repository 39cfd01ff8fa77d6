"""The last look: whether what a run proposed for a portfolio still holds, at the holdings and prices of now.

What the run stored is taken exactly. Its orders are out of date where the holdings are not those that it saw,
or where at the new prices they break a band that they kept, or the cash floor.

What orders are open is looked at as the run did: where that refused portfolios with some, they are out of
date; where it counted them, they are counted again.

Buys that waited for their sells are looked at once more: the sells are in the holdings then, and cash is what
they brought, which no proposal knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from ordergen_server.domain.errors import StaleProposal, Violation
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.open_orders import OpenOrder, OpenOrders
from ordergen_server.domain.rebalances.lines import RebalancePosition
from ordergen_server.domain.rebalances.options import RebalanceOptions, TradingCosts
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.requests.violations import summary
from ordergen_server.services.ordering.looks.limit_look import Standing, broken_limits
from ordergen_server.services.portfolios.constraints import cash_floor
from ordergen_server.services.portfolios.open_orders import filled

FREE = TradingCosts()
Prices = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a run proposed for a portfolio, and which of it has been traded since.

    Attributes:
        result: whole.
        options: as they held for the portfolio, with what its settings asked for then.
        traded: shares that its own orders brought (above 0) or sold (below 0) since, by security.
        own: the ids of those orders in the order service.
    """

    result: PortfolioRebalance
    options: RebalanceOptions
    traded: Mapping[str, int]
    own: frozenset[int] = frozenset()


def look(
    proposal: Proposal, holdings: Holdings, prices: Prices, open_orders: Sequence[OpenOrder] = ()
) -> StaleProposal | None:
    """Why a proposal does not hold any more; None where it does.

    Args:
        proposal: what it is.
        holdings: as they are now.
        prices: of now, of every security that the proposal has.
        open_orders: those of the portfolio, where the run looked at them; its own are none.
    """
    others = [one for one in open_orders if one.external_order_id not in proposal.own]
    violations = list(_open(proposal, others))
    if not violations:
        known = {one.security.security_id: one.security.price for one in proposal.result.positions}
        as_then = filled(holdings, others, lambda one: known.get(one, ZERO))
        as_now = filled(holdings, others, lambda one: prices.get(one, ZERO))
        violations = list(_moved(proposal, as_then)) or list(_broken(proposal, as_now, prices, as_then.cash))
    return stale(proposal.result.portfolio_id, violations) if violations else None


def stale(portfolio_id: str, violations: Sequence[Violation]) -> StaleProposal:
    """The error of a portfolio whose proposal does not hold any more."""
    causes = summary([one.rule for one in violations], len(violations))
    return StaleProposal(
        f"Nothing more of portfolio {portfolio_id} is sent, for its proposal is out of date: {causes}."
        " Rebalance it again.",
        metadata={"portfolio_id": portfolio_id},
        violations=violations,
    )


def traded_by(other_run: str, portfolio_id: str) -> StaleProposal:
    """The error of a portfolio that another run trades, or has traded since its proposal was made."""
    rule = f"orders of rebalance {other_run} were written down for it, which this run could not see"
    return stale(portfolio_id, [Violation(other_run, rule, "OTHER_RUN")])


def is_booked(proposal: Proposal, holdings: Holdings) -> bool:
    """Whether what was traded is in the holdings: until then nobody can tell what moved."""
    before = {one.security.security_id: one.original_quantity for one in proposal.result.positions}
    return all(holdings.quantities.get(one, ZERO) != before[one] for one in proposal.traded)


def _open(proposal: Proposal, orders: Sequence[OpenOrder]) -> Iterator[Violation]:
    """Open orders with which a run would not have gone on: ours would come on top of them."""
    counts = proposal.options.open_orders is OpenOrders.COUNT
    for one in orders:
        if not counts or one.change is None:
            yield Violation(one.security_id, f"{one} is open", "OPEN_ORDER")


def _moved(proposal: Proposal, holdings: Holdings) -> Iterator[Violation]:
    """What is not held as the run saw it, apart from what its own orders traded."""
    result = proposal.result
    if not proposal.traded and not _is_cash(result, holdings.cash):
        rule = f"cash is {holdings.cash:f}, and was {result.cash_before:f}"
        yield Violation("cash", rule, "CASH_MOVED")
    expected = {
        one.security.security_id: EXACT.add(
            one.original_quantity, Decimal(proposal.traded.get(one.security.security_id, 0))
        )
        for one in result.positions
    }
    expected |= {one.security.security_id: one.quantity for one in result.frozen}
    for one in sorted(expected.keys() | holdings.quantities.keys()):
        was, now = expected.get(one, ZERO), holdings.quantities.get(one, ZERO)
        if was != now:
            yield Violation(one, f"{now:f} shares of security {one} are held, not {was:f}", "QUANTITY_MOVED")


def _is_cash(result: PortfolioRebalance, cash: Decimal) -> bool:
    """Whether cash is what the run saw, or that with the cash flow, which then has come."""
    before, flow = result.cash_before, result.cash_flow
    return before is None or cash == before or (flow is not None and cash == EXACT.add(before, flow))


def _broken(
    proposal: Proposal, holdings: Holdings, prices: Prices, cash_then: Decimal
) -> Iterator[Violation]:
    """What the orders break at the new prices of what they kept at those of the run."""
    result = proposal.result
    left = [
        (one, 0 if one.security.security_id in proposal.traded else one.trade_quantity)
        for one in result.positions
    ]
    with localcontext(EXACT):
        cash = holdings.cash + _still_to_come(proposal, cash_then)
        values = [_held(one, holdings) * prices[one.security.security_id] for one, _ in left]
        base = sum(values, cash)
    if base <= 0:
        yield Violation("market_value", f"market value is {base:f} now", "MARKET_VALUE_NOT_POSITIVE")
        return
    for one, trade in left:
        yield from _of_line(one, trade, holdings, prices[one.security.security_id], (base, _base(result)))
    yield from _of_limits(proposal, left, (holdings, base), prices)
    yield from _of_cash(proposal, left, (cash, base), prices)


def _still_to_come(proposal: Proposal, cash: Decimal) -> Decimal:
    """The cash flow, unless it is in cash; after sells nobody can tell, and the lesser cash is taken."""
    flow = proposal.result.cash_flow or ZERO
    if proposal.traded:
        return min(flow, ZERO)
    return flow if cash == proposal.result.cash_before else ZERO


def _of_line(
    line: RebalancePosition,
    trade: int,
    holdings: Holdings,
    price: Decimal,
    bases: tuple[Decimal, Decimal],
) -> Iterator[Violation]:
    security = line.security
    held = _held(line, holdings)
    after = EXACT.add(held, Decimal(trade))
    if trade < 0 and after < 0:
        rule = f"{-trade} shares of {security.ticker} are to be sold, and {held:f} are held"
        yield Violation(security.security_id, rule, "MORE_THAN_HELD")
    base, before = bases
    if _is_inside(line, line.adjusted_market_value, before) and not _is_inside(
        line, EXACT.multiply(after, price), base
    ):
        rule = (
            f"{after:f} shares of {security.ticker} at {price:f} (it was {security.price:f}) are outside its"
            f" band, which is {security.target - security.low_drift:f} to"
            f" {security.target + security.high_drift:f} of {base:f}"
        )
        yield Violation(security.security_id, rule, "BAND")


def _of_limits(
    proposal: Proposal,
    left: Sequence[tuple[RebalancePosition, int]],
    held: tuple[Holdings, Decimal],
    prices: Prices,
) -> Iterator[Violation]:
    """Limits of weights that the orders kept at the prices of the run."""
    holdings, base = held
    ids = [one.security.security_id for one, _ in left]
    was = [one.adjusted_market_value for one, _ in left]
    with localcontext(EXACT):
        after = [
            (_held(one, holdings) + trade) * prices[key] for (one, trade), key in zip(left, ids, strict=True)
        ]
    then = Standing(dict(zip(ids, was, strict=True)), _base(proposal.result))
    now = Standing(dict(zip(ids, after, strict=True)), base)
    tickers = {one.security.security_id: one.security.ticker for one, _ in left}
    yield from broken_limits(proposal.options, then, now, tickers)


def _of_cash(
    proposal: Proposal,
    left: Sequence[tuple[RebalancePosition, int]],
    money: tuple[Decimal, Decimal],
    prices: Prices,
) -> Iterator[Violation]:
    """The cash floor, where the orders kept it at the prices of the run."""
    cash, base = money
    costs = proposal.options.costs or FREE
    result = proposal.result
    with localcontext(EXACT):
        for one, trade in left:
            if trade:
                value = trade * prices[one.security.security_id]
                cash -= value + costs.of(abs(value))
    floor = cash_floor(base, proposal.options)
    kept = cash_floor(_base(result), proposal.options)
    was_kept = kept is not None and result.cash_after is not None and result.cash_after >= kept
    if was_kept and floor is not None and cash < floor:
        rule = f"cash would be {cash:f} after the orders, and must be at least {floor:f}"
        yield Violation("cash", rule, "CASH_FLOOR")


def _base(result: PortfolioRebalance) -> Decimal:
    return result.base_value or ZERO


def _held(line: RebalancePosition, holdings: Holdings) -> Decimal:
    return holdings.quantities.get(line.security.security_id, ZERO)


def _is_inside(line: RebalancePosition, value: Decimal, base: Decimal) -> bool:
    one = line.security
    with localcontext(EXACT):
        return (one.target - one.low_drift) * base <= value <= (one.target + one.high_drift) * base
