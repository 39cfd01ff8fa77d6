"""Rules: what may be left out of a problem without another model. Bands belong to the model, and are none."""

from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TypeAlias

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


_NARROWING = (CashFloor, LotSize, MinimumTradeValue, MaximumTurnover, MaximumTradeCount)
"""Rules that forbid orders and do nothing else: whatever is left out beside them."""


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
    band has to be met. One side alone is none while there is any such position.
    """
    excused = {problem.positions[index].security_id for index in choices(problem).breaches}
    is_known = all(map(_excuses_bands_alone, problem.constraints))
    return frozenset(one for one in rules if _only_forbids(one, excused, is_known=is_known))


def _only_forbids(rule: object, excused: Collection[str], *, is_known: bool) -> bool:
    """Whether a rule forbids orders and excuses nothing; of a kind that is new here it is not supposed."""
    if isinstance(rule, _NARROWING):
        return True
    if isinstance(rule, OneSided):
        return is_known and not excused
    return is_known and isinstance(rule, Restriction) and rule.security_id not in excused


def _excuses_bands_alone(constraint: object) -> bool:
    """Whether a constraint is of a kind that is excused by no restriction, and excuses nothing but bands."""
    return isinstance(constraint, (*_NARROWING, OneSided, Restriction, TradingCosts))
