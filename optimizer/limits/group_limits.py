"""Limits on what a group of securities is worth: its maximum takes fewer shares, its minimum takes more.

What a group is worth counts as its use of its maximum; of its minimum it is the same below zero, so that less
use is what every limit asks for. A side that the holdings break, and that restrictions and sides alone make
impossible, has what the holdings use as its capacity: the orders do not make it worse.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from optimizer.cover.ladder import Rungs
from optimizer.limits.limits import Limit, limits_of
from optimizer.problem.constraints import Barrier, Shares, clip
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.problem.reason import Reason
from optimizer.problem.weight_limits import Money
from optimizer.separable.choices import Choices, choices
from optimizer.separable.conflict import Conflict
from optimizer.separable.weight_conflicts import maximum_conflict, minimum_conflict


class Free(NamedTuple):
    """What a group uses without orders, and at least if any order may be; None where that is no matter."""

    held: int
    least: int | None


@dataclass(frozen=True, slots=True)
class GroupSide(Limit):
    """One side of the limit of a group; capacity in units.

    Attributes:
        group: its place among the groups of the problem.
        free: what is known of it where its shares cannot keep it; set for a conflict alone.
    """

    group: int
    free: Free | None = None

    @property
    def sign(self) -> int:
        """What a unit of value uses."""
        return 1

    def use(self, line: Line, shares: int) -> int:
        """The value of a member."""
        return self.sign * line.value(shares) if line.is_in(self.group) else 0

    def least_of(self, problem: Problem, found: Choices) -> int:
        """The least that the group can use."""
        pairs = zip(problem.lines, found.allowed, found.best, strict=True)
        return sum(self.least_use(*each) for each in pairs if each[1] and each[0].is_in(self.group))


class GroupMaximum(GroupSide):
    """A group is worth at most so much."""

    __slots__ = ()

    def rungs(self, line: Line, shares: Shares, best: int) -> Rungs:
        """Ever fewer shares of a member."""
        return Rungs.down(shares, best) if line.is_in(self.group) else Rungs(clip(shares, best, best))

    def within(self, line: Line, shares: Shares, most: int) -> Shares:
        """At most as many of a member."""
        return clip(shares, None, most) if line.is_in(self.group) else shares

    def fitting(self, line: Line, shares: Shares, left: int) -> Shares:
        """At most what they are worth, of a member."""
        if not line.is_in(self.group):
            return shares if left >= 0 else ()
        return clip(shares, None, (left - line.residual) // line.price)

    def conflict(self, problem: Problem, least: int) -> Conflict:
        """The group is worth more."""
        needed = _needed(self.free, least)
        return maximum_conflict(problem, problem.groups[self.group], least, self.capacity, needed)


class GroupMinimum(GroupSide):
    """A group is worth at least so much."""

    __slots__ = ()

    @property
    def sign(self) -> int:
        """More value is less use."""
        return -1

    def rungs(self, line: Line, shares: Shares, best: int) -> Rungs:
        """Ever more shares of a member."""
        return Rungs.up(shares, best) if line.is_in(self.group) else Rungs(clip(shares, best, best))

    def within(self, line: Line, shares: Shares, most: int) -> Shares:
        """At least as many of a member."""
        return clip(shares, most, None) if line.is_in(self.group) else shares

    def fitting(self, line: Line, shares: Shares, left: int) -> Shares:
        """At least what is still missing, of a member."""
        if not line.is_in(self.group):
            return shares if left >= 0 else ()
        return clip(shares, -((left + line.residual) // line.price), None)

    def conflict(self, problem: Problem, least: int) -> Conflict:
        """The group is worth less."""
        needed = _needed(self.free, least)
        return minimum_conflict(problem, problem.groups[self.group], -least, -self.capacity, -needed)


def _needed(free: Free | None, least: int) -> int:
    """The least capacity that leaves no conflict; from there on, what is used may be excused."""
    return free.least if free and free.least is not None and least <= free.held else least


def all_limits(problem: Problem, found: Choices) -> list[Limit]:
    """The limits of a problem, given what each position may do: the cash floor first, groups last."""
    return [*limits_of(problem), *_groups(problem, found)] if problem.groups else limits_of(problem)


def _groups(problem: Problem, found: Choices) -> Iterator[GroupSide]:
    unbarred: Choices | None = None
    for side in _sides(problem):
        if side.least_of(problem, found) <= side.capacity:
            yield side
            continue
        if unbarred is None:
            unbarred = _unbarred(problem, found)
        yield _excused(problem, found, unbarred, side)


def _sides(problem: Problem) -> Iterator[GroupSide]:
    """Both sides of every group of which the problem has a security, as they were given."""
    for place, group in enumerate(problem.groups):
        members = [line for line in problem.lines if line.is_in(place)]
        if not members:
            continue
        money = Money.of(group, problem.market_value)
        if money.high is not None:
            rest = sum(line.residual for line in members) if money.admits_residuals else 0
            yield GroupMaximum(money.high + rest, Reason.GROUP_LIMIT, place)
        if money.low is not None:
            yield GroupMinimum(-money.low, Reason.GROUP_LIMIT, place)


def _excused(problem: Problem, found: Choices, unbarred: Choices, side: GroupSide) -> GroupSide:
    """The side that no shares keep, at what the holdings use where only barriers forbid its repair."""
    held = sum(side.use(line, line.held) for line in problem.lines)
    least, without = side.least_of(problem, found), side.least_of(problem, unbarred)
    free = Free(held, without if without < least else None)
    excused = held > side.capacity and without <= side.capacity
    return replace(side, capacity=held if excused else side.capacity, free=free)


def _unbarred(problem: Problem, found: Choices) -> Choices:
    """What is left without restrictions and sides; where that is nothing, what is left with them."""
    others = tuple(one for one in problem.constraints if not isinstance(one, Barrier))
    free = choices(replace(problem, constraints=others))
    pairs = zip(free.allowed, found.allowed, strict=True)
    allowed = [one or other for one, other in pairs]
    best = [new if one else old for one, new, old in zip(free.allowed, free.best, found.best, strict=True)]
    return free._replace(allowed=allowed, best=best)
