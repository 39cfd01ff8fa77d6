"""The common case without detours: the closed form, and a cash floor that a few shares meet.

The same relaxation as in `cover`, at the costs of drift alone and written out for plain ladders. A first
share less of a position rounded up past its target costs `price - gain` (gain: twice the excess of its
value over the target), every other share its price. Where this does not decide in short order, the general
way is taken.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from optimizer.cover.branch_and_bound import Deviation, State, branch_and_bound
from optimizer.cover.first_value import first_value
from optimizer.enumeration.enumeration import Enumeration
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.separable.closed_form import ClosedForm, closed_form

MAX_TIES = 100
"""Answers of equal drift before the general way is taken."""

MAX_STEPS = 5_000
"""Search steps before the general way is taken."""

MANY_MOVES = 12
"""Deviations above which a good cover is looked for before all are walked."""

MAX_MOVES = 300
"""Deviations before the general way is taken."""


Gain: TypeAlias = tuple[float, int, int, int]
"""A position rounded up past its target: what its first share less saves, per money and in all; the price of
a share; its index."""


def fast_path(problem: Problem) -> list[int] | None:
    """The best shares of a plain problem, or None if this way does not decide them."""
    lines = problem.lines
    form = closed_form(lines)
    if form.infeasible:
        return None
    if problem.spendable is None:
        return form.best
    worth = [count * line[0] + line[1] for line, count in zip(lines, form.best, strict=True)]
    excess = sum(worth) - problem.spendable
    return form.best if excess <= 0 else _reduced(problem, form, worth, excess)


def _reduced(problem: Problem, form: ClosedForm, worth: Sequence[int], excess: int) -> list[int] | None:
    """Fewer shares that free `excess` at least drift."""
    gains = [
        (2 * (value - line[2]) / line[0], 2 * (value - line[2]), line[0], index)
        for index, (line, value) in enumerate(zip(problem.lines, worth, strict=True))
        if value > line[2] and form.best[index] > form.least[index]
    ]
    gains.sort(reverse=True)
    short, split = excess, 0
    while split < len(gains) and gains[split][2] < short:
        short -= gains[split][2]
        split += 1
    if split == len(gains):
        return None
    moves, gap = _moves(problem.lines, form, gains, split, short)
    found = _searched(moves, gains[split], short, gap)
    if not found:
        return None
    base = list(form.best)
    for _, _, _, index in gains[:split]:
        base[index] -= 1
    return _least(problem, base, [[moves.items[place] for place in chosen] for chosen in found])


def _searched(moves: Enumeration[Deviation], split: Gain, short: int, best: int) -> list[list[int]] | None:
    """All sets of moves of least drift, as places in `moves`; None if they are too many to find."""
    if not moves.exhaustive:
        return None
    _, rate, scale, _ = split
    price = scale - rate
    found: list[list[int]] = []

    def consider(value: int, surplus: int, chosen: list[int]) -> int:
        nonlocal best
        if surplus >= 0:
            total = value + price * surplus
            if total < best:
                best = total
                found.clear()
            if total == best:
                found.append(list(chosen))
        return best

    walked = branch_and_bound(moves, price, State(0, -short, best), consider, most_steps=MAX_STEPS)
    return found if walked and len(found) <= MAX_TIES else None


def _least(problem: Problem, base: Sequence[int], found: Sequence[Sequence[Deviation]]) -> list[int]:
    """Of answers of equal drift, the one of least turnover, then of fewest trades, then by security id."""
    touched = {move.ladder for moves in found for move in moves} if len(found) > 1 else ()
    order = sorted(touched, key=lambda index: problem.positions[index].security_id)

    def judged(moves: Sequence[Deviation]) -> tuple[int, int, list[int]]:
        given = {move.ladder: move.rung for move in moves}
        changes = [(index, base[index] - given.get(index, 0) - problem.lines[index].held) for index in order]
        turnover = sum(problem.lines[index].price * abs(change) for index, change in changes)
        return turnover, sum(change != 0 for _, change in changes), [change for _, change in changes]

    shares = list(base)
    for move in min(found, key=judged):
        shares[move.ladder] -= move.rung
    return shares


def _moves(
    lines: Sequence[Line], form: ClosedForm, gains: Sequence[Gain], split: int, short: int
) -> tuple[Enumeration[Deviation], int]:
    """Deviations that a best answer may have, in ascending order of penalty, and the value of a known one.

    A deviation's rung counts shares less than the relaxation gives up: -1 takes one back.
    """
    _, rate, scale, _ = gains[split]
    gap = (scale - rate) * (scale - short)
    moves: list[Deviation] = []
    for place, (_, gain, price, index) in enumerate(gains):
        penalty = rate * price - scale * gain
        if place < split:
            if -penalty <= gap:
                moves.append(Deviation(-penalty, -price, index, -1))
        elif penalty <= gap:
            moves.append(Deviation(penalty, price, index, 1))
    if gap > 0 and len(moves) > MANY_MOVES:
        moves.sort()
        gap = first_value(moves, scale - rate, short, gap)
        moves = [move for move in moves if move[0] <= gap]
    dearest = gap // rate
    if any([line[0] <= dearest for line in lines]):  # noqa: C419 - a list is twice as fast here
        further = _further(lines, form, gains, split, gap)
        return Enumeration.of(chain(moves, further), MAX_MOVES).sorted(), gap
    return Enumeration.of(moves, MAX_MOVES).sorted(), gap


def _further(
    lines: Sequence[Line], form: ClosedForm, gains: Sequence[Gain], split: int, gap: int
) -> Iterator[Deviation]:
    """Deviations by shares that cost their whole price, of penalty <= gap."""
    _, rate, scale, _ = gains[split]
    # Per position: the rungs already spoken for by the relaxation, by its first gain, and that one's penalty.
    given = {index: 1 for _, _, _, index in gains[:split]}
    first = {index: rate * price - scale * gain for _, gain, price, index in gains[split:]}
    for index, line in enumerate(lines):
        step = rate * line[0]
        done, penalty = int(index in first), first.get(index, 0)
        room = form.best[index] - form.least[index] - given.get(index, 0)
        most = min(room, done + max(0, gap - penalty) // step)
        for rung in range(done + 1, most + 1):
            yield Deviation(penalty + (rung - done) * step, rung * line[0], index, rung)
