"""Which reason each position of an answer has."""

from collections.abc import Sequence

from optimizer.limits.limits import Limit, limits_of
from optimizer.problem.constraints import LotSize, MinimumTradeValue, Restriction, Shares
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem, Strategy
from optimizer.problem.reason import Reason
from optimizer.separable.choices import cheapest, choices, costs_of, is_plain, rules_of
from optimizer.separable.closed_form import band, closed_form, nearest
from optimizer.separable.costs import Costs


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
    found, limits = choices(problem), limits_of(problem)
    broken = [limit for limit in limits if not limit.is_met(problem.lines, found.best)]
    costs = costs_of(problem, found)
    return tuple(
        _limit_reason(broken, problem.lines[index], count, found.best[index])
        or _constraint_reason(problem, index, costs)
        or own_reason(problem, problem.lines[index], count)
        for index, count in enumerate(shares)
    )


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
    return Reason.ROUNDED_TO_NEAREST_SHARE if shares == nearest(line) else Reason.CLIPPED_AT_BAND


def _limit_reason(broken: Sequence[Limit], line: Line, shares: int, best: int) -> Reason | None:
    """The limit to which a position gave way; for one that made room for others, the first of all."""
    if shares == best or not broken:
        return None
    gave = [limit.reason for limit in broken if limit.use(line, shares) < limit.use(line, best)]
    if shares == line.held and Reason.TRADE_COUNT_LIMIT in gave:
        return Reason.TRADE_COUNT_LIMIT
    return gave[0] if gave else broken[0].reason


def _constraint_reason(problem: Problem, index: int, costs: Costs) -> Reason | None:
    """The last constraint that moved the position's best shares."""
    line, security_id = problem.lines[index], problem.positions[index].security_id
    shares: Shares = (band(line),) if band(line) else ()
    best, reason = cheapest(line, shares, costs), None
    for rule in rules_of(problem, security_id):
        shares = rule.narrow(shares, line, problem.unit)
        if not shares:
            return Reason.RESTRICTED  # a breach: nothing else empties a position of a feasible answer
        if cheapest(line, shares, costs) != best:
            best, reason = cheapest(line, shares, costs), _REASONS[type(rule)]
    return reason


_REASONS: dict[type, Reason] = {
    Restriction: Reason.RESTRICTED,
    LotSize: Reason.ROUNDED_TO_LOT,
    MinimumTradeValue: Reason.BELOW_MINIMUM_TRADE,
}
