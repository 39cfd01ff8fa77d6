"""Why a problem has no answer, and the least change that would help, in exact numbers."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import Final

from optimizer.problem.constraints import LotSize, MinimumTradeValue, Shares, TradingCosts, clip
from optimizer.problem.problem import Problem
from optimizer.problem.reason import Reason
from optimizer.separable.choices import rules_of
from optimizer.separable.closed_form import band
from optimizer.separable.value_range import ValueRange
from optimizer.separable.wording import edges, money_down, money_up, plain, weight_up

#: What the limits of all orders are called, by what they do to a position.
_LIMITS: Final = {
    Reason.REDUCED_FOR_CASH: "cash floor",
    Reason.TURNOVER_LIMIT: "maximum turnover",
    Reason.TRADE_COUNT_LIMIT: "maximum trade count",
    Reason.GROUP_LIMIT: "limits of groups",
}


class ConflictKind(Enum):
    """What cannot be met."""

    BAND = "BAND"
    """No whole-share order brings the position inside its band."""
    LOT_SIZE = "LOT_SIZE"
    """The band holds whole shares, but no whole lot reaches them."""
    CASH_FLOOR = "CASH_FLOOR"
    """Even with every position at the bottom of its band, too little cash is left."""
    TURNOVER = "TURNOVER"
    """Bringing every position inside its band takes more turnover than allowed."""
    TRADE_COUNT = "TRADE_COUNT"
    """Bringing every position inside its band takes more trades than allowed."""
    SECURITY_LIMIT = "SECURITY_LIMIT"
    """No whole shares that the band and the options leave keep the limit on the security's weight."""
    GROUP_LIMIT = "GROUP_LIMIT"
    """No whole shares that bands and options leave keep the limit on the weight of a group."""
    COMBINATION = "COMBINATION"
    """Each limit can be met, but not all of them together."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """One requirement that no whole-share orders meet.

    The `needed_*` values are exact and least: each alone resolves this conflict, and nothing smaller does
    (a floor or a weight on the other side: nothing larger). What a model may not have is never suggested: a
    drift above 1, or a low drift above the high one.

    Attributes:
        security_id: the security; None for a limit of the whole portfolio or of a group.
        group: the name of the group; None for all else.
        kind: what cannot be met.
        low_value: bottom of the band in money; for a limit, the least use of it (a trade count: trades). Of a
            security's limit, the least that its band and options leave; of a group's minimum, what is asked.
        high_value: top of the band in money; for a limit, the most that is allowed. Of a security's limit,
            the most that its band and options leave; of a group's minimum, the most that they leave.
        price: of one share; None for a limit.
        needed_high_drift: least high drift that admits the next reachable share above; None if none does.
        needed_low_drift: least low drift that admits the next reachable share below; None if none does.
        needed_market_value: least market value above the present one at which the band admits the next
            reachable share above; None for a band without a width, which fits one value by accident.
        most_market_value: greatest market value at which it still admits that share; None without an end.
        needed_cash_floor: greatest cash floor that can be met.
        needed_turnover: least maximum turnover, as a weight, that can be met.
        needed_trade_count: least maximum trade count that can be met.
        needed_maximum_weight: least maximum weight of the security or the group that can be met.
        needed_minimum_weight: greatest minimum weight of the security or the group that can be met.
        description: the same as a sentence; suggested numbers are rounded to the safe side.
    """

    security_id: str | None
    kind: ConflictKind
    low_value: Fraction
    high_value: Fraction
    price: Fraction | None = None
    needed_high_drift: Fraction | None = None
    needed_low_drift: Fraction | None = None
    needed_market_value: Fraction | None = None
    most_market_value: Fraction | None = None
    needed_cash_floor: Fraction | None = None
    needed_turnover: Fraction | None = None
    needed_trade_count: int | None = None
    needed_maximum_weight: Fraction | None = None
    needed_minimum_weight: Fraction | None = None
    group: str | None = None
    description: str = ""

    def __str__(self) -> str:
        return self.description


def position_conflict(problem: Problem, index: int) -> Conflict:
    """The conflict of a position that no allowed order brings inside its band."""
    line, position = problem.lines[index], problem.positions[index]
    terms = position.terms
    target, low, high = (Fraction(each, terms.weight) for each in (terms.target, terms.low, terms.high))
    above, below = (
        None if shares is None else Fraction(line.value(shares), problem.unit)
        for shares in _neighbours(problem, index)
    )
    market_value = Fraction(problem.market_value, problem.unit)
    higher = None if above is None else above / market_value - target
    lower = None if below is None else target - below / market_value
    # A limit on the weight moves with the market value, so that no such advice is given beside one.
    limited = any(isinstance(rule, ValueRange) for rule in rules_of(problem, index))
    widens = above is not None and high > low and not limited
    conflict = Conflict(
        security_id=position.security_id,
        kind=ConflictKind.LOT_SIZE if band(line) else ConflictKind.BAND,
        low_value=Fraction(max(0, line.low), problem.unit),
        high_value=Fraction(line.high, problem.unit),
        price=Fraction(line.price, problem.unit),
        needed_high_drift=None if higher is None or higher > 1 else higher,
        needed_low_drift=None if lower is None or lower > high - target else lower,
        needed_market_value=above / high if above is not None and widens else None,
        most_market_value=above / low if above is not None and widens and low > 0 else None,
    )
    return replace(conflict, description=_band_sentence(problem, index, conflict))


def _neighbours(problem: Problem, index: int) -> tuple[int | None, int | None]:
    """The shares next above and next below the band that restriction, sides, limit and lots let orders reach.

    The minimum trade has no say: the holding is outside its band, and where a wider band takes it in, it
    need not trade.
    """
    line, whole = problem.lines[index], band(problem.lines[index])
    rules = rules_of(problem, index)
    enough = [rule.least(line) for rule in rules if isinstance(rule, ValueRange)]
    furthest = max(whole.start, whole.stop, line.held, *enough) + _lot(problem, index)
    reachable: Shares = (range(furthest + 1),)
    for rule in rules:
        if not isinstance(rule, MinimumTradeValue):
            reachable = rule.narrow(reachable, line, problem.unit)
    above = clip(reachable, max(whole.start, whole.stop), None)
    below = clip(reachable, None, whole.start - 1)
    return (above[0][0] if above else None), (below[-1][-1] if below else None)


def _lot(problem: Problem, index: int) -> int:
    rules = rules_of(problem, index)
    return next((rule.shares for rule in rules if isinstance(rule, LotSize)), 1)


def _band_sentence(problem: Problem, index: int, conflict: Conflict) -> str:
    low, high = edges(conflict.low_value, conflict.high_value)
    price = plain(problem.positions[index].price)
    if conflict.kind is ConflictKind.LOT_SIZE:
        holds = f"is not reached by whole lots of {_lot(problem, index)} shares at {price}"
    elif problem.lines[index].residual == 0:
        holds = f"holds no multiple of {price}"
    else:
        holds = f"holds no whole-share value at a price of {price}"
    needs = _needs(problem, index, conflict)
    advice = f"needs {' or '.join(needs)}" if needs else "no drift that a model may have admits one"
    return f"security {conflict.security_id}: band [{low}, {high}] {holds}; {advice}"


def _needs(problem: Problem, index: int, conflict: Conflict) -> list[str]:
    needs: list[str] = []
    if conflict.needed_high_drift is not None:
        needs.append(f"high drift >= {weight_up(conflict.needed_high_drift, Fraction(1))}")
    if conflict.needed_low_drift is not None:
        most = Fraction(problem.positions[index].high_drift)
        needs.append(f"low drift >= {weight_up(conflict.needed_low_drift, most)}")
    if conflict.needed_market_value is not None:
        most_value = conflict.most_market_value
        end = "" if most_value is None else f" and <= {money_down(most_value, conflict.needed_market_value)}"
        needs.append(f"a market value >= {money_up(conflict.needed_market_value, most_value)}{end}")
    return needs


def cash_conflict(problem: Problem, least_value: int) -> Conflict:
    """The conflict of a cash floor that the bottoms of all bands together do not leave."""
    floor = Fraction(problem.market_value - (problem.spendable or 0), problem.unit)
    needed = Fraction(problem.market_value - least_value, problem.unit)
    least, most = Fraction(least_value, problem.unit), Fraction(problem.spendable or 0, problem.unit)
    if most < 0 or least == 0:
        worth = Fraction(problem.market_value, problem.unit)
        cannot = f"cash floor {money_down(floor)} exceeds the market value of {money_down(worth)}"
    else:
        cannot = (
            f"cash floor {money_down(floor)} leaves {money_down(most)} for positions whose bands"
            f"{_and_costs(problem)} need at least {money_up(least)}"
        )
    # A floor is not below zero: what needs one needs an overdraft.
    helps = f"a cash floor <= {money_down(needed)}" if needed >= 0 else f"an overdraft of {money_up(-needed)}"
    return Conflict(
        security_id=None,
        kind=ConflictKind.CASH_FLOOR,
        low_value=least,
        high_value=most,
        needed_cash_floor=needed,
        description=f"{cannot}; needs {helps}",
    )


def _and_costs(problem: Problem) -> str:
    costly = any(isinstance(one, TradingCosts) for one in problem.constraints)
    return ", with the costs of trading into them," if costly else ""


def turnover_conflict(problem: Problem, least: int, most: int) -> Conflict:
    """The conflict of a turnover limit that repairing the bands exceeds."""
    needed = Fraction(least, problem.market_value)
    low, high = Fraction(least, problem.unit), Fraction(most, problem.unit)
    return Conflict(
        security_id=None,
        kind=ConflictKind.TURNOVER,
        low_value=low,
        high_value=high,
        needed_turnover=needed,
        description=(
            f"bringing every position inside its band takes a turnover of {money_up(low)} where"
            f" {money_down(high)} is allowed; needs a maximum turnover >= {weight_up(needed)}"
        ),
    )


def count_conflict(least: int, most: int) -> Conflict:
    """The conflict of a limit on the number of trades that repairing the bands exceeds."""
    return Conflict(
        security_id=None,
        kind=ConflictKind.TRADE_COUNT,
        low_value=Fraction(least),
        high_value=Fraction(most),
        needed_trade_count=least,
        description=(
            f"bringing every position inside its band takes {least} {'trade' if least == 1 else 'trades'},"
            f" and the limit is {most}; needs a maximum trade count >= {least}"
        ),
    )


def combination_conflict(limits: Iterable[Reason]) -> Conflict:
    """The conflict of limits that no orders meet together; each is named once, and no other is."""
    *names, last = dict.fromkeys(_LIMITS[one] for one in limits)
    told = f"{', '.join(names)} and {last}" if names else f"{last} and every band"
    return Conflict(
        security_id=None,
        kind=ConflictKind.COMBINATION,
        low_value=Fraction(),
        high_value=Fraction(),
        description=(
            f"each limit can be met, but no orders meet {told} together; needs at least one of them looser"
        ),
    )
