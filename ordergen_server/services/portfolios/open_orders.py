"""What open orders make of what a portfolio holds: a failure, or what it will hold once they are filled."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from ordergen_server.domain.errors import DataProblem, HasOpenOrders, InternalError, Violation
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.open_orders import LOOKING, OpenOrder, OpenOrders
from ordergen_server.domain.requests.violations import MAXIMUM_VIOLATIONS, summary
from ordergen_server.services.portfolios.securities import Securities

_WAIT = "wait until they are filled, or cancel them, or have them counted or ignored (open_orders)"
_NO_COUNT = "wait until they are filled, or cancel them, or have them ignored (open_orders)"


def with_open_orders(
    holdings: Holdings, securities: Securities, how: OpenOrders | None
) -> Holdings | HasOpenOrders | DataProblem:
    """What a portfolio is rebalanced with, or why it cannot be.

    Args:
        holdings: what it holds now.
        securities: of the run, whose snapshot has the open orders.
        how: what to do with them; None is to ignore them.
    """
    if how not in LOOKING:
        return holdings
    if securities.snapshot.open_orders is None:
        raise InternalError("A run that looks at open orders has none in its snapshot.")
    orders = securities.snapshot.open_orders.get(holdings.portfolio_id, ())
    if not orders:
        return holdings
    if how is OpenOrders.REFUSE:
        return _error(f"The portfolio has {_counted(orders)}", orders, _WAIT)
    unknown = [order for order in orders if order.change is None]
    if unknown:
        what = f"The portfolio has {_counted(unknown)} of which nobody can say what is left to trade"
        return _error(what, unknown, _NO_COUNT)
    try:
        return filled(holdings, orders, lambda one: securities.snapshot.quote(one).price)
    except DataProblem as error:
        return error


def filled(holdings: Holdings, orders: Sequence[OpenOrder], price_of: Callable[[str], Decimal]) -> Holdings:
    """The holdings once orders, of which it is known what is left, are filled at the prices of securities.

    Raises what `price_of` does.
    """
    quantities, cash = dict(holdings.quantities), holdings.cash
    with localcontext(EXACT):
        for order in orders:
            change = order.change or ZERO
            quantities[order.security_id] = quantities.get(order.security_id, ZERO) + change
            cash -= change * price_of(order.security_id)
    return replace(holdings, cash=cash, quantities=quantities)


def _error(what: str, orders: Sequence[OpenOrder], mend: str) -> HasOpenOrders:
    shown = orders[:MAXIMUM_VIOLATIONS]
    more = len(orders) - len(shown)
    return HasOpenOrders(
        f"{what}: {summary([str(order) for order in shown], len(orders))}: {mend}.",
        metadata={"open_order_count": str(len(orders)), **({"more_violations": str(more)} if more else {})},
        violations=[Violation(order.security_id, str(order), "OPEN_ORDER") for order in shown],
    )


def _counted(orders: Sequence[OpenOrder]) -> str:
    return f"{len(orders):,} open order{'' if len(orders) == 1 else 's'}"
