"""Which reason each position of an answer has."""

from collections.abc import Sequence
from typing import NamedTuple

from optimizer.limits.group_limits import all_limits
from optimizer.limits.limits import Limit
from optimizer.problem.constraints import (
    LotSize,
    MinimumTradeValue,
    OneSided,
    Restriction,
    Shares,
    clip,
)
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem, Strategy
from optimizer.problem.reason import Reason
from optimizer.separable.choices import (
    Choices,
    Rule,
    all_rules,
    cheapest,
    choices,
    costs_of,
    holding_back,
    is_plain,
)
from optimizer.separable.closed_form import band, closed_form
from optimizer.separable.costs import Costs
from optimizer.separable.value_range import ValueRange


def reasons(problem: Problem, shares: Sequence[int]) -> tuple[Reason, ...]:
    """The reason of every position, given its whole shares after trading.

    A limit comes first, where the position gave way to it; then what the constraints took from the
    position's own best; then how its order was rounded.
    """
    if is_plain(problem):
        best = closed_form(problem.lines).best
        return tuple(
            Reason.REDUCED_FOR_CASH if count < own else own_reason(problem, line, count)
            for line, count, own in zip(problem.lines, shares, best, strict=True)
        )
    found = choices(problem)
    given = list(all_rules(problem))
    costs = _costs_of_bands(problem, found) if any(given) else None
    spares = _spares(problem, found, shares)
    return tuple(
        _limit_reason(spares, line, found.allowed[index], count, found.best[index])
        or (_constraint_reason(line, rules, problem.unit, costs) if rules and costs else None)
        or own_reason(problem, line, count)
        for index, (line, count, rules) in enumerate(zip(problem.lines, shares, given, strict=True))
    )


def _costs_of_bands(problem: Problem, found: Choices) -> Costs:
    """Shares that a constraint took away are judged as well, so costs span whole bands."""
    bands: list[Shares] = [(whole,) if (whole := band(line)) else () for line in problem.lines]
    return costs_of(problem, found._replace(allowed=bands))


def own_reason(problem: Problem, line: Line, shares: int) -> Reason:
    """The reason of a position that went where its band let it go."""
    if line.high == 0 and line.residual and shares == 0:
        return Reason.FRACTIONAL_RESIDUAL
    if line.low == line.high == 0:
        return Reason.NOT_IN_MODEL
    if problem.strategy is Strategy.TO_BAND:
        return Reason.INSIDE_BAND if shares == line.held else Reason.TRADED_TO_BAND
    if shares == line.held:
        return Reason.ALREADY_NEAREST
    if line.value(shares) == line.target:
        return Reason.TRADED_TO_TARGET
    is_nearest = (
        2 * abs(line.target - line.value(shares)) <= line.price
    )  # or one of two that are equally near
    return Reason.ROUNDED_TO_NEAREST_SHARE if is_nearest else Reason.CLIPPED_AT_BAND


class _Spare(NamedTuple):
    """What an answer leaves of a limit."""

    limit: Limit
    left: int


def _spares(problem: Problem, found: Choices, shares: Sequence[int]) -> list[_Spare]:
    """Cash, groups, turnover, trade count: that number is blamed where nothing else keeps a line back."""
    limits = sorted(all_limits(problem, found), key=lambda limit: _LIMITS.index(limit.reason))
    return [_Spare(limit, limit.capacity - limit.total(problem.lines, shares)) for limit in limits]


def _limit_reason(
    spares: Sequence[_Spare], line: Line, allowed: Shares, shares: int, best: int
) -> Reason | None:
    """The first limit that one step towards the position's own best would break, all others as they are.

    Every such step costs less, so in a best answer there is always a limit that forbids it. In an answer
    that is not proven there may be none: then the first limit of which the own best would use more.
    """
    if shares == best:
        return None
    step = clip(allowed, shares + 1, None)[0][0] if shares < best else clip(allowed, None, shares - 1)[-1][-1]
    broken = (one for one, left in spares if one.use(line, step) - one.use(line, shares) > left)
    spared = (one for one, _ in spares if one.use(line, best) > one.use(line, shares))
    limit = next(broken, None) or next(spared, None)
    return None if limit is None else limit.blamed(shares, best)


def _constraint_reason(line: Line, rules: Sequence[Rule], unit: int, costs: Costs) -> Reason | None:
    """The last constraint that moved the position's best shares."""
    shares: Shares = (band(line),) if band(line) else ()
    best, reason = cheapest(line, shares, costs), None
    for rule in rules:
        shares = rule.narrow(shares, line, unit)
        if not shares:  # a breach: nothing else empties a position of a feasible answer
            return _REASONS[type(holding_back(line, rules))]
        if cheapest(line, shares, costs) != best:
            best, reason = cheapest(line, shares, costs), _REASONS[type(rule)]
    return reason


_LIMITS = (
    Reason.REDUCED_FOR_CASH,
    Reason.GROUP_LIMIT,
    Reason.TURNOVER_LIMIT,
    Reason.TRADE_COUNT_LIMIT,
)

_REASONS: dict[type, Reason] = {
    Restriction: Reason.RESTRICTED,
    OneSided: Reason.SIDES,
    ValueRange: Reason.SECURITY_LIMIT,
    LotSize: Reason.ROUNDED_TO_LOT,
    MinimumTradeValue: Reason.BELOW_MINIMUM_TRADE,
}
