"""The reason of every line, from its definition in docs/optimizer.md, by orders and in fractions."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor

from tests.fuzz.case import Case, Holding
from tests.fuzz.rules import Bounds, Rules, allowed, is_stuck
from tests.fuzz.search import size

LIMITS = {
    "cash": "REDUCED_FOR_CASH",
    "group": "GROUP_LIMIT",
    "turnover": "TURNOVER_LIMIT",
    "count": "TRADE_COUNT_LIMIT",
}


def reason(rules: Rules, orders: Sequence[int], index: int) -> str | None:
    """The reason of one line of an answer; None where nothing keeps it from its own best."""
    one, span = rules.case.positions[index], rules.bounds[index]
    best = own_best(rules, index, rules.allowed[index])
    if orders[index] == best:
        return demanded(rules, index) or own(rules.case, rules.gaps[index], one, span, best)
    changed = list(orders)
    changed[index] = next_step(rules.allowed[index], orders[index], best)
    limit = next((LIMITS[name] for name in rules.limits_broken(changed)), None)
    return "COSTS" if limit == LIMITS["cash"] and orders[index] > best else limit


def next_step(ways: Sequence[range], order: int, best: int) -> int:
    """The allowed order next to the present one on the way to the best."""
    found = []
    for part in ways:
        # The parts ascend by `step`: the first above, or the last below.
        place = (order - part.start) // part.step
        found += [part[at] for at in (place - 1, place, place + 1) if 0 <= at < size(part)]
        found += [part[0], part[-1]]
    if best > order:
        return min(way for way in found if way > order)
    return max(way for way in found if way < order)


def own_best(rules: Rules, index: int, ways: Sequence[range]) -> int:
    """The order that a position would have if nothing were shared with others."""
    price, gap = rules.prices[index], rules.gaps[index]
    by_turnover = rules.case.strategy == "TO_BAND"
    goal = Fraction(0) if by_turnover else gap / price

    def cost(order: int) -> tuple[Fraction, Fraction, int]:
        drift, turnover = abs(gap - order * price), abs(order) * price
        return (turnover, drift, order) if by_turnover else (drift, turnover, order)

    near: set[int] = set()
    for part in ways:
        place = floor((goal - part.start) / part.step)
        near |= {part[min(max(place + more, 0), size(part) - 1)] for more in (0, 1)}
    return min(near, key=cost)


def demanded(rules: Rules, index: int) -> str | None:
    """The last of restriction, sides, limit, lot and minimum trade that moved the own best, in this order."""
    case, one, span = rules.case, rules.case.positions[index], rules.bounds[index]
    bare = Case(case.positions, case.cash)
    restricted = replace(bare, sides=case.sides)
    if is_stuck(case, one, span):
        return "RESTRICTED" if is_stuck(restricted, one, span) else "SIDES"
    sided = replace(restricted, only=case.only)
    weighed = replace(sided, weights=case.weights)
    found: str | None = None
    before: int | None = None
    for name, part in (
        (None, bare),
        ("RESTRICTED", restricted),
        ("SIDES", sided),
        ("SECURITY_LIMIT", weighed),
        ("ROUNDED_TO_LOT", replace(weighed, lots=case.lots, odd_sells=case.odd_sells)),
        ("BELOW_MINIMUM_TRADE", case),
    ):
        ways = allowed(part, one, span)
        best = own_best(rules, index, ways) if ways else None
        if best != before and name:
            found = name
        before = best
    return found


def own(case: Case, gap: Fraction, one: Holding, span: Bounds, order: int) -> str:
    """Why a position goes to its own best where only its band has a say."""
    if span.top == 0 and one.quantity % 1 and order == span.closing:
        return "FRACTIONAL_RESIDUAL"
    if one.target == one.low == one.high == 0:
        return "NOT_IN_MODEL"
    if case.strategy == "TO_BAND":
        return "TRADED_TO_BAND" if order else "INSIDE_BAND"
    price = Fraction(one.price)
    if order == 0:
        return "ALREADY_NEAREST"
    if gap == order * price:
        return "TRADED_TO_TARGET"
    return "ROUNDED_TO_NEAREST_SHARE" if 2 * abs(gap - order * price) <= price else "CLIPPED_AT_BAND"
