"""Rules: what may be left out of a problem without another model. Bands belong to the model, and are none."""

from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TypeAlias

from optimizer.answer.limit_breaches import weighed
from optimizer.problem.constraints import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    Restriction,
    TradingCosts,
)
from optimizer.problem.problem import Problem
from optimizer.problem.weight_limits import GroupLimit, SecurityLimit
from optimizer.separable.choices import choices


@dataclass(frozen=True, slots=True)
class CashFloor:
    """The cash floor of a problem, as a rule."""


Rule: TypeAlias = CashFloor | Constraint

Stopped: TypeAlias = Callable[[], bool]
"""Whether nobody wants an answer any more; it is asked before each problem that is solved."""


def never() -> bool:
    """Somebody always does."""
    return False


_OF_ALL = (CashFloor, MaximumTurnover, MaximumTradeCount)
"""Rules over all orders together, that forbid and do nothing else: whatever is left out beside them."""
_OF_ONE = (LotSize, MinimumTradeValue)
"""Rules of each position, of which that is as true, unless what a group of positions can reach matters."""


def rules_of(problem: Problem) -> tuple[Rule, ...]:
    """The rules that can matter to a problem: the cash floor first, then the constraints that concern it."""
    ids = {position.security_id for position in problem.positions}
    floor: tuple[Rule, ...] = () if problem.cash_floor is None else (CashFloor(),)
    return floor + tuple(one for one in problem.constraints if _concerns(one, ids))


def _concerns(constraint: Constraint, ids: AbstractSet[str]) -> bool:
    """Whether a constraint is about any of these securities, or about orders of all."""
    match constraint:
        case LotSize() | Restriction() | SecurityLimit():
            return constraint.security_id in ids
        case GroupLimit():
            return not ids.isdisjoint(constraint.security_ids)
    return True


def without(problem: Problem, rules: Collection[Rule]) -> Problem:
    """The same problem without some of its rules."""
    if not rules:
        return problem
    return replace(
        problem,
        cash_floor=None if CashFloor() in rules else problem.cash_floor,
        constraints=tuple(one for one in problem.constraints if one not in rules),
    )


def narrowing(problem: Problem, rules: Sequence[Rule]) -> frozenset[Rule]:
    """Those rules without which every answer of the problem stays one, whatever else is left out.

    A restriction is none of them while it holds a position outside its band, which it excuses: without it the
    band has to be met. One side alone is none while there is any such position. Lots and minimum trades are
    none while a group may be excused: without them it may be within reach of its limit, which then has to be
    met.
    """
    excused = {problem.positions[index].security_id for index in choices(problem).breaches}
    is_known = all(map(_excuses_bands_alone, problem.constraints))
    kinds = (*_OF_ALL, GroupLimit) if _may_excuse_a_group(problem) else (*_OF_ALL, *_OF_ONE, GroupLimit)
    return frozenset(
        one for one in rules if isinstance(one, kinds) or _only_forbids(one, excused, is_known=is_known)
    )


def _only_forbids(rule: object, excused: Collection[str], *, is_known: bool) -> bool:
    """Whether a restriction or a side forbids and excuses nothing; beside what is not known it may."""
    if isinstance(rule, OneSided):
        return is_known and not excused
    return is_known and isinstance(rule, Restriction) and rule.security_id not in excused


def _may_excuse_a_group(problem: Problem) -> bool:
    """Whether the holdings break the limit of a group while something keeps them from being traded."""
    held = [line.held for line in problem.lines]
    return any(isinstance(one, Restriction | OneSided) for one in problem.constraints) and any(
        isinstance(one.limit, GroupLimit) and one.excess(one.value(problem.lines, held))
        for one in weighed(problem)
    )


def _excuses_bands_alone(constraint: object) -> bool:
    """Whether a constraint is of a kind that is excused by no restriction, and excuses nothing but bands."""
    return isinstance(constraint, (*_OF_ALL, *_OF_ONE, OneSided, Restriction, TradingCosts))
