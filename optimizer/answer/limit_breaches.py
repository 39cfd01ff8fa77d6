"""The limits on weights that an answer breaks, where it may not mend what was broken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.problem.weight_limits import GroupLimit, Money, SecurityLimit


@dataclass(frozen=True, slots=True)
class LimitBreach:
    """A limit of a security or of a group that is broken after the orders, as it was before, and no worse.

    Attributes:
        security_id: the security; None for a group.
        group: the name of the group; None for a security.
        value: what it is worth after the orders, in money.
        is_above: more than the maximum; otherwise less than the minimum.
    """

    security_id: str | None
    group: str | None
    value: Fraction
    is_above: bool


class Weighed(NamedTuple):
    """A limit with the places of what it weighs.

    Attributes:
        limit: the constraint.
        places: of the positions, not empty.
        low: the least value, in units.
        high: the most value, in units, with the residuals that a maximum of 0 admits.
    """

    limit: SecurityLimit | GroupLimit
    places: list[int]
    low: int | None
    high: int | None

    def value(self, lines: Sequence[Line], shares: Sequence[int]) -> int:
        """What the securities are worth, in units."""
        return sum(lines[place].value(shares[place]) for place in self.places)

    def excess(self, value: int) -> int:
        """How far a value exceeds the maximum (above 0), or falls short of the minimum (below 0)."""
        if self.high is not None and value > self.high:
            return value - self.high
        return value - self.low if self.low is not None and value < self.low else 0


def weighed(problem: Problem) -> Iterator[Weighed]:
    """The limits of a problem that concern any of its positions."""
    places = {position.security_id: place for place, position in enumerate(problem.positions)}
    for limit in problem.constraints:
        if isinstance(limit, SecurityLimit | GroupLimit):
            ids = (limit.security_id,) if isinstance(limit, SecurityLimit) else limit.security_ids
            found = [places[one] for one in ids if one in places]
            low, high, admits_residuals = Money.of(limit, problem.market_value)
            if high is not None and admits_residuals:
                high += sum(problem.lines[place].residual for place in found)
            if found:
                yield Weighed(limit, found, low, high)


def limit_breaches(problem: Problem, shares: Sequence[int]) -> tuple[LimitBreach, ...]:
    """The limits that whole shares after trading break, in the order in which they were given."""
    found: list[LimitBreach] = []
    for one in weighed(problem):
        value = one.value(problem.lines, shares)
        if excess := one.excess(value):
            worth, is_above = Fraction(value, problem.unit), excess > 0
            if isinstance(one.limit, SecurityLimit):
                found.append(LimitBreach(one.limit.security_id, None, worth, is_above))
            else:
                found.append(LimitBreach(None, one.limit.name, worth, is_above))
    return tuple(found)
