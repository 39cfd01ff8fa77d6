"""Decides which sets of deviations from a relaxation are worth a look: depth-first, in the order of penalty.

Land and Doig, "An Automatic Method of Solving Discrete Programming Problems", Econometrica 28 (1960).
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from optimizer.enumeration.enumeration import Clock, Enumeration, never

FEW = 10
"""Moves up to which a bound on the rest costs more than it saves."""


class Deviation(NamedTuple):
    """A ladder leaving its least bracket: what it adds to the bound, and to the cash freed."""

    penalty: int
    gain: int
    ladder: int
    rung: int


CLOCK_STEPS = 4
"""Steps between two looks at the clock: each may make a table of all moves."""

COARSE = 2
"""Every how many positions a table of the rest is made, at least."""

MAX_TABLES = 64
"""Tables of the rest, at most: each is as long as the moves."""


class State(NamedTuple):
    """Where a search starts: the bound, the surplus of cash there, and the best value known."""

    bound: int
    surplus: int
    best: int


class Fills:
    """What the moves from a position on must still add to the value: a linear relaxation of the rest.

    While cash is short, moves that gain cash are filled in ascending order of penalty per cash, the last
    one in part (Dantzig, 1957). While there is a surplus, moves that give cash back are filled the same
    way as far as they cost less than the multiplier that a surplus costs. Tables are made when first asked
    for: most searches need few.
    """

    def __init__(self, moves: Sequence[Deviation], price: int) -> None:
        self._moves = moves
        self._price = price
        self._tables: dict[int, tuple[list[int], list[int]]] = {}
        self._coarse = max(COARSE, len(moves) // MAX_TABLES)
        # Two different ratios of numbers this long differ within these many binary places.
        places = 2 * max((abs(move.gain) for move in moves), default=1).bit_length() + 1
        by_rate = sorted(
            (index for index, move in enumerate(moves) if move.gain),
            key=lambda index: (moves[index].penalty << places) // abs(moves[index].gain),
        )
        self._gaining = [index for index in by_rate if moves[index].gain > 0]
        self._giving = [
            index
            for index in by_rate
            if moves[index].gain < 0 and moves[index].penalty < -price * moves[index].gain
        ]

    def may_improve(self, start: int, surplus: int, room: int) -> bool:
        """Whether moves from `start` on may end within `room` above the present value."""
        rest = self.least(start, surplus)
        return rest is not None and rest <= room

    def least(self, start: int, surplus: int) -> int | None:
        """A lower bound of the penalty and price of surplus still to come; None if cash must stay short."""
        start -= start % self._coarse  # more moves than there are make the bound lower, so it stays one
        amount = abs(surplus)
        amounts, penalties = self._tables.get(start if surplus < 0 else ~start) or self._table(start, surplus)
        place = bisect_left(amounts, amount)
        if place == len(amounts):
            return None if surplus < 0 else penalties[-1] + self._price * (amount - amounts[-1])
        if place == 0:
            return 0
        before, penalty = amounts[place - 1], penalties[place - 1]
        return penalty + (penalties[place] - penalty) * (amount - before) // (amounts[place] - before)

    def _table(self, start: int, surplus: int) -> tuple[list[int], list[int]]:
        order = self._gaining if surplus < 0 else self._giving
        moves = [self._moves[index] for index in order if index >= start]
        table = (
            [0, *accumulate(abs(move.gain) for move in moves)],
            [0, *accumulate(move.penalty for move in moves)],
        )
        self._tables[start if surplus < 0 else ~start] = table
        return table


Consider = Callable[[int, int, list[int]], int | None]
"""Looks at a set of moves: its value, its surplus, their positions; returns the best value so far, or None
to look at no more."""


def branch_and_bound(
    moves: Enumeration[Deviation],
    price: int,
    state: State,
    consider: Consider,
    *,
    most_steps: int | None,
    expired: Clock = never,
) -> bool:
    """Show every set of moves, at most one a ladder, that may be as good as the best one seen.

    Args:
        moves: in ascending order of penalty; sets of moves that are not listed are not shown.
        price: what a unit of surplus adds to a value.
        state: where to start.
        consider: called with every set that is reached.
        most_steps: when to stop; None: only in time.
        expired: whether time is up; asked now and then.

    Returns:
        Whether all such sets were shown.
    """
    listed, exhaustive = moves.items, moves.exhaustive
    fills = Fills(listed, price) if len(listed) > FEW else None
    value, surplus, best = state
    count, position, steps = len(listed), 0, 0
    taken: set[int] = set()
    chosen: list[int] = []
    # An explicit stack: the depth may exceed what recursion allows.
    while steps != most_steps and (steps % CLOCK_STEPS or not expired()):
        steps += 1
        if (
            position < count
            and value + listed[position][0] <= best
            and (fills is None or fills.may_improve(position, surplus, best - value))
        ):
            penalty, gain, ladder, _ = listed[position]
            if ladder not in taken:
                taken.add(ladder)
                chosen.append(position)
                value += penalty
                surplus += gain
                considered = consider(value, surplus, chosen)
                if considered is None:
                    return False
                best = considered
        elif chosen:
            position = chosen.pop()
            penalty, gain, ladder, _ = listed[position]
            value -= penalty
            surplus -= gain
            taken.remove(ladder)
        else:
            return exhaustive
        position += 1
    return False
