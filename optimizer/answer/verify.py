"""The last gate: no answer leaves the package unless every requirement holds exactly."""

from collections.abc import Sequence
from fractions import Fraction

from optimizer.answer.limit_breaches import Weighed, weighed
from optimizer.problem.constraints import (
    Barrier,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    Restriction,
    TradingCosts,
)
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.problem.weight_limits import GroupLimit, SecurityLimit


class VerificationError(RuntimeError):
    """An answer broke a requirement: a defect of this package, never of the problem."""


def verify(problem: Problem, shares: Sequence[int]) -> None:
    """Check whole shares after trading against the problem as it was posed, in integers.

    Raises:
        VerificationError: naming the requirement and the security.
    """
    total = 0
    suspects: list[int] = []
    for index, ((price, residual, _, low, high, _), count) in enumerate(
        zip(problem.lines, shares, strict=True)
    ):
        value = count * price + residual
        total += value
        if count < 0 or not low <= value <= high:
            suspects.append(index)
    restricted = {one.security_id: one for one in problem.constraints if isinstance(one, Restriction)}
    sided = next((one for one in problem.constraints if isinstance(one, OneSided)), None)
    for index in suspects:
        line, security_id = problem.lines[index], problem.positions[index].security_id
        needed = 1 if line.value(line.held) < max(0, line.low) else -1
        forbidden = any(one.forbids(needed) for one in (restricted.get(security_id), sided) if one)
        kept = forbidden and shares[index] == line.held
        if not (kept or line.is_inside(shares[index])):
            raise VerificationError(f"security {security_id}: {shares[index]} shares break the band")
    if problem.spendable is not None and total > problem.spendable:
        raise VerificationError("the cash floor is broken")
    if problem.constraints:
        _verify_constraints(problem, shares)


def _verify_constraints(problem: Problem, shares: Sequence[int]) -> None:
    by_id = {
        position.security_id: (line, count)
        for position, line, count in zip(problem.positions, problem.lines, shares, strict=True)
    }
    for constraint in problem.constraints:
        match constraint:
            case SecurityLimit() | GroupLimit():
                continue
            case Restriction() | LotSize():
                concerned = [by_id[constraint.security_id]] if constraint.security_id in by_id else []
            case MinimumTradeValue():
                mended = _mended(problem)
                concerned = [pair for security_id, pair in by_id.items() if security_id not in mended]
            case _:
                concerned = list(by_id.values())
        if not _holds(problem, constraint, concerned):
            raise VerificationError(f"{constraint} is broken")
    for one in weighed(problem):
        if not _is_kept(problem, one, shares):
            raise VerificationError(f"{one.limit} is broken")


def _mended(problem: Problem) -> set[str]:
    """The securities whose holding breaks their own limit, so that any trade mends it."""
    held = [line.held for line in problem.lines]
    return {
        one.limit.security_id
        for one in weighed(problem)
        if isinstance(one.limit, SecurityLimit) and one.excess(one.value(problem.lines, held))
    }


def _is_kept(problem: Problem, one: Weighed, shares: Sequence[int]) -> bool:
    """Within the limit; or as far from it as the holdings were, or nearer, if the way back is forbidden."""
    after = one.excess(one.value(problem.lines, shares))
    if after == 0:
        return True
    before = one.excess(one.value(problem.lines, [line.held for line in problem.lines]))
    ids = {problem.positions[place].security_id for place in one.places}
    forbidden = any(
        isinstance(other, Barrier)
        and (isinstance(other, OneSided) or other.security_id in ids)
        and other.forbids(-after)
        for other in problem.constraints
    )
    return forbidden and (0 < after <= before or before <= after < 0)


def _holds(  # noqa: PLR0911 - one a kind
    problem: Problem, constraint: object, concerned: Sequence[tuple[Line, int]]
) -> bool:
    changes = [(line, count, count - line.held) for line, count in concerned]
    match constraint:
        case Restriction() | OneSided():
            return not any(change and constraint.forbids(change) for _, _, change in changes)
        case LotSize(shares=lot, buys_only=buys_only):
            return all(
                change % lot == 0 or count == 0 or (buys_only and change < 0) for _, count, change in changes
            )
        case MinimumTradeValue(value=value):
            numerator, denominator = value.as_integer_ratio()
            return all(
                change == 0
                or count == 0
                or abs(change) * line.price * denominator >= numerator * problem.unit
                or not line.is_inside(line.held)
                for line, count, change in changes
            )
        case MaximumTurnover(weight=weight):
            numerator, denominator = weight.as_integer_ratio()
            traded = sum(line.price * abs(change) for line, _, change in changes)
            return traded * denominator <= numerator * problem.market_value
        case MaximumTradeCount(count=most):
            return sum(change != 0 for _, _, change in changes) <= most
        case TradingCosts(rate_weight=rate, per_trade_amount=fee):
            return problem.spendable is None or problem.spendable >= sum(
                line.value(count)
                + (Fraction(rate) * line.price * abs(change) + Fraction(fee) * problem.unit if change else 0)
                for line, count, change in changes
            )
    return False
