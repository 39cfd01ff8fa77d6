"""Bounds and proofs under several limits, exact for whatever multipliers a float solver suggests.

For all multipliers m >= 0, every answer that meets the limits obeys

    sum_i cost_i(n_i) >= sum_i min over n of [cost_i(n) + sum_l m_l use_li(n)] - sum_l m_l capacity_l

(Fisher, "The Lagrangian Relaxation Method", Management Science 27, 1981). A position away from the least
of its bracket adds the difference, its penalty; so all better answers are found by walking the sets of
such deviations whose penalties fit between the bound and the best answer known.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import add, sub
from time import monotonic
from typing import NamedTuple

from optimizer.limits.limits import Limit
from optimizer.problem.constraints import Shares
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.separable.choices import Choices, costs_of

BITS = 48
"""Binary places to which multipliers are taken."""

MAX_MOVES = 20_000
"""Deviations listed before a proof is given up."""

CLOCK_MOVES = 128
"""Deviations between two looks at the clock."""

MAX_STEPS = 2_000_000
"""Sets of deviations walked before a proof is given up."""


class Move(NamedTuple):
    """A position away from the least of its bracket: what that adds to the bound, the cost and each use."""

    penalty: int
    place: int
    shares: int
    cost: int
    uses: tuple[int, ...]


class Lagrangian:
    """The relaxation of all limits at given multipliers; costs are of the first aim, times 2^BITS.

    Args:
        problem: the portfolio.
        found: what is allowed position by position.
        limits: all limits.
        multipliers: one a limit, objective per unit of use; negative ones count as 0.
    """

    def __init__(
        self, problem: Problem, found: Choices, limits: Sequence[Limit], multipliers: Sequence[float]
    ) -> None:
        self._lines, self._allowed, self._limits = problem.lines, found.allowed, limits
        self._weights = [max(0, round(multiplier * (1 << BITS))) for multiplier in multipliers]
        self._aim = costs_of(problem, found).coarser()[1]
        pairs = zip(self._lines, self._allowed, strict=True)
        least = [min((self._bracket(line, n), n) for n in corners(line, shares)) for line, shares in pairs]
        self._least = [bracket for bracket, _ in least]
        self._shares = [shares for _, shares in least]
        used = (weight * limit.capacity for weight, limit in zip(self._weights, limits, strict=True))
        self._bound = sum(self._least) - sum(used)

    def bound(self) -> int:
        """The lower bound in units of the objective, rounded up, as objectives are whole."""
        return -(-self._bound >> BITS)

    def search(self, best: list[int] | None, deadline: float) -> tuple[list[int] | None, bool]:
        """The best answer, and whether that is proven; not, if there are too many to walk in time."""
        value = None if best is None else sum(map(self._aim.of, self._lines, best))
        moves = self._moves(None if value is None else (value << BITS) - self._bound, deadline)
        if moves is None:
            return best, False
        walk = _Walk(moves, self._bound, value)
        cost = sum(map(self._aim.of, self._lines, self._shares))
        spare = [limit.capacity - limit.total(self._lines, self._shares) for limit in self._limits]
        complete = walk.run(cost, spare, deadline)
        if walk.found is not None:
            best = list(self._shares)
            for move in walk.found:
                best[move.place] = move.shares
        return best, complete

    def _move(self, penalty: int, place: int, shares: int) -> Move:
        line, base = self._lines[place], self._shares[place]
        uses = tuple(limit.use(line, shares) - limit.use(line, base) for limit in self._limits)
        return Move(penalty, place, shares, self._aim.of(line, shares) - self._aim.of(line, base), uses)

    def _bracket(self, line: Line, shares: int) -> int:
        used = zip(self._weights, self._limits, strict=True)
        return (self._aim.of(line, shares) << BITS) + sum(
            weight * limit.use(line, shares) for weight, limit in used if weight
        )

    def _moves(self, gap: int | None, deadline: float) -> list[Move] | None:
        """All deviations of penalty < gap in ascending order; None if there are too many, or time is up."""
        moves: list[Move] = []
        for index in range(len(self._lines)):
            for move in self._moves_of(index, gap):
                moves.append(move)
                if len(moves) > MAX_MOVES or (len(moves) % CLOCK_MOVES == 0 and monotonic() > deadline):
                    return None
        return sorted(moves)

    def _moves_of(self, index: int, gap: int | None) -> Iterator[Move]:
        """Those of one position: walked from either end of each stretch until the penalty reaches the gap."""
        line, allowed = self._lines[index], self._allowed[index]
        ends = sorted(corners(line, allowed))
        seen = {self._shares[index]}
        for low, high in pairwise([ends[0], *ends, ends[-1]]):
            for walk in (_between(allowed, low, high), reversed(_between(allowed, low, high))):
                for shares in walk:
                    penalty = self._bracket(line, shares) - self._least[index]
                    if gap is not None and penalty >= gap:
                        break
                    if shares not in seen:
                        seen.add(shares)
                        yield self._move(penalty, index, shares)


class _Walk:
    """Depth-first over sets of moves, at most one a position.

    Attributes:
        found: the best set found that beats `value`, if any.
    """

    def __init__(self, moves: Sequence[Move], bound: int, value: int | None) -> None:
        self._moves, self._bound, self._value = moves, bound, value
        self.found: list[Move] | None = None

    def run(self, cost: int, spare: Sequence[int], deadline: float) -> bool:
        """Whether all sets were walked; `cost` and `spare` capacities are those of no move at all."""
        moves, bound, left = self._moves, self._bound, tuple(spare)
        chosen: list[int] = []
        taken: set[int] = set()
        position, steps = 0, 0
        self._consider(cost, left, chosen)
        while steps < MAX_STEPS and (steps % 256 or monotonic() < deadline):
            steps += 1
            if position < len(moves) and self._may_improve(bound + moves[position].penalty):
                move = moves[position]
                if move.place not in taken:
                    taken.add(move.place)
                    chosen.append(position)
                    bound, cost = bound + move.penalty, cost + move.cost
                    left = tuple(map(sub, left, move.uses))
                    self._consider(cost, left, chosen)
            elif chosen:
                position = chosen.pop()
                move = moves[position]
                taken.remove(move.place)
                bound, cost = bound - move.penalty, cost - move.cost
                left = tuple(map(add, left, move.uses))
            else:
                return True
            position += 1
        return False

    def _may_improve(self, bound: int) -> bool:
        return self._value is None or bound < self._value << BITS

    def _consider(self, cost: int, left: tuple[int, ...], chosen: Sequence[int]) -> None:
        if (self._value is None or cost < self._value) and min(left) >= 0:
            self._value = cost
            self.found = [self._moves[position] for position in chosen]


def corners(line: Line, allowed: Shares) -> set[int]:
    """Allowed shares between which cost and uses are linear: one of them is the least of any such sum."""
    found: set[int] = set()
    for part in allowed:
        for pivot in (line.held, (line.target - line.residual) // line.price):
            place = (pivot - part.start) // part.step
            found |= {part[min(max(place + step, 0), len(part) - 1)] for step in (-1, 0, 1, 2)}
        found |= {part[0], part[-1]}
    return found


def _between(allowed: Shares, low: int, high: int) -> range:
    """Allowed shares from one corner to the next: they lie in one range, or are the corners themselves."""
    for part in allowed:
        if low in part and high in part:
            return range(low, high + 1, part.step)
    return range(low, high + 1, max(1, high - low))
