"""Decides which positions trade where their number is limited: branch and bound over sets of positions.

For multipliers m >= 0 of all other limits, let h_i be the bracket of a position that stays at its holding,
and t_i its least bracket. At most `count` of the positions trade, so every answer costs at least

    sum_i h_i - (the sum of the `count` greatest h_i - t_i) - sum_l m_l capacity_l

The number of trades is met exactly in this bound, and the multipliers are chosen anew for every node (Land
and Doig, Econometrica 28, 1960; bounds after Fisher, Management Science 27, 1981). A node fixes positions to
their holding, or gives them one of the trades; where no more may trade than are allowed to, the number limits
nothing any more, and the other limits decide.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from heapq import heappop, heappush, nlargest
from itertools import count, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.enumeration.enumeration import Clock, watched
from optimizer.limits.dual import best_in_turn
from optimizer.limits.lagrange import BITS, corners
from optimizer.limits.limits import Limit
from optimizer.problem.problem import Problem
from optimizer.separable.choices import Choices, costs_of

Floats = NDArray[np.float64]

GRID = {1: 16, 2: 6}
"""Points of a grid a multiplier, by how many there are."""

ROUNDS = 8
"""Grids, each within the best cell of the one before."""

SHRINK = {1: 6.0, 2: 2.2}
"""How many times narrower each is."""

MOST_RATE = 4.0
"""Units of the objective that a unit of money may cost."""

MAX_NODES = 20_000
"""Nodes opened."""


class Node(NamedTuple):
    """Positions that stay as they are, and positions that have one of the trades."""

    holding: frozenset[int]
    trading: frozenset[int]


class Relaxed(NamedTuple):
    """The relaxation of a node.

    Attributes:
        bound: in units of the objective, rounded up.
        trading: who takes the trades that are left.
        branch: of these the one that gains least by it; None if none is left.
    """

    bound: int
    trading: frozenset[int]
    branch: int | None


class Leaf(NamedTuple):
    """What the other limits say of a node where the number of trades limits nothing.

    Attributes:
        shares: None if none were found.
        bound: a lower bound of the objective; None if there are proven to be none.
    """

    shares: list[int] | None
    bound: int | None


class Branched(NamedTuple):
    """What came of all nodes.

    Attributes:
        shares: the best answer known, if any.
        bound: no answer costs less; None: no answer exists but those known.
    """

    shares: list[int] | None
    bound: int | None


class TradeSets:
    """The relaxation of one problem under a limit on the number of trades and others.

    Args:
        problem: the portfolio.
        found: what is allowed position by position.
        others: the other limits.
        most: the number of trades.
        expired: whether time is up.

    Raises:
        TimeUpError: before there is a relaxation.
    """

    def __init__(
        self, problem: Problem, found: Choices, others: Sequence[Limit], most: int, expired: Clock
    ) -> None:
        lines, self._expired = problem.lines, expired
        aim = costs_of(problem, found).coarser()[1]
        positions = zip(lines, found.allowed, strict=True)
        ends = [sorted(corners(*each)) for each in watched(positions, expired)]
        self._corners = [
            [(aim.of(line, n), *(limit.use(line, n) for limit in others)) for n in counts]
            for line, counts in watched(zip(lines, ends, strict=True), expired)
        ]
        self._held = [
            counts.index(line.held) if line.held in counts else None
            for line, counts in zip(lines, ends, strict=True)
        ]
        # Where nothing else tells positions apart, those that free the most of the first limit trade.
        self._reach = [
            0 if held is None else max(ways[held][1] - way[1] for way in ways)
            for ways, held in zip(self._corners, self._held, strict=True)
        ]
        self.must = frozenset(index for index, place in enumerate(self._held) if place is None)
        self.may = [
            index for index, place in enumerate(self._held) if place is not None and len(ends[index]) > 1
        ]
        self.most = most
        self._capacities = [limit.capacity for limit in others]
        starts = np.cumsum([0, *(len(ways) for ways in self._corners[:-1])])
        self._starts = starts
        table = np.array([way for ways in self._corners for way in ways], dtype=np.float64)
        self._costs, self._uses = table[:, 0], table[:, 1:].T
        self._stay = np.array(
            [
                start if place is None else start + place
                for start, place in zip(starts, self._held, strict=True)
            ]
        )

    def relaxed(self, node: Node) -> "Relaxed":
        """The bound of a node in integers, and who trades there."""
        multipliers = self.multipliers(node)
        weights = [max(0, round(multiplier * (1 << BITS))) for multiplier in multipliers]
        total = -sum(weight * capacity for weight, capacity in zip(weights, self._capacities, strict=True))
        gains: list[tuple[int, int, int]] = []
        for index, (ways, held) in enumerate(zip(self._corners, self._held, strict=True)):
            if held is not None and index in node.holding:
                total += _bracket(ways[held], weights)
                continue
            least = min([_bracket(way, weights) for way in ways])
            if held is None or index in node.trading:
                total += least
            else:
                stays = _bracket(ways[held], weights)
                total += stays
                gains.append((stays - least, self._reach[index], index))
        chosen = nlargest(self._left(node), gains)
        total -= sum(gain for gain, _, _ in chosen)
        gaining = [index for gain, _, index in chosen if gain]
        trading = frozenset(index for _, _, index in chosen)
        branch = gaining[-1] if gaining else chosen[0][2] if chosen else None
        return Relaxed(-(-total >> BITS), trading, branch)

    def multipliers(self, node: Node) -> list[float]:
        """Multipliers at which the bound of a node is about as high as it gets."""
        size = len(self._capacities)
        if size not in GRID:
            return self._of_many
        steps = np.array(list(product(np.linspace(-1, 1, GRID[size]), repeat=size)))
        center, width = np.full(size, MOST_RATE / 2), MOST_RATE / 2
        best = (-np.inf, center)
        for _ in range(ROUNDS):
            grid = np.clip(center + steps * width, 0, None)
            bounds = self._bounds(node, grid)
            place = int(np.argmax(bounds))
            if bounds[place] > best[0]:
                best = float(bounds[place]), grid[place]
            center, width = best[1], width / SHRINK[size]
        return [float(one) for one in best[1]]

    @cached_property
    def _of_many(self) -> list[float]:
        """Multipliers of more limits than a grid is made for: once for all nodes, as they take long."""
        root = Node(frozenset(), frozenset())
        most = np.full(len(self._capacities), MOST_RATE)
        return best_in_turn(partial(self._bounds, root), most, self._expired)

    def _bounds(self, node: Node, multipliers: Floats) -> Floats:
        brackets = self._costs + multipliers @ self._uses
        least = np.minimum.reduceat(brackets, self._starts, axis=1)
        stays = brackets[:, self._stay]
        trading = list(self.must | node.trading)
        stays[:, trading] = least[:, trading]
        gains = stays - least
        gains[:, list(node.holding)] = 0
        left = min(self._left(node), gains.shape[1])
        top = (
            np.partition(gains, gains.shape[1] - left, axis=1)[:, gains.shape[1] - left :]
            if left
            else gains[:, :0]
        )
        found: Floats = stays.sum(axis=1) - top.sum(axis=1) - multipliers @ np.array(self._capacities, float)
        return found

    def _left(self, node: Node) -> int:
        return self.most - len(self.must) - len(node.trading)

    def is_leaf(self, node: Node) -> bool:
        """Whether no more positions may trade than are allowed to."""
        return len(self.may) - len(node.holding) - len(node.trading) <= self._left(node)


def restricted(problem: Problem, found: Choices, holding: frozenset[int]) -> Choices:
    """What is allowed where some positions stay at their holding."""
    allowed, best = list(found.allowed), list(found.best)
    for index in holding:
        held = problem.lines[index].held
        allowed[index], best[index] = (range(held, held + 1),), held
    return found._replace(allowed=allowed, best=best)


def _bracket(way: Sequence[int], weights: Sequence[int]) -> int:
    cost, *uses = way
    return (cost << BITS) + sum([weight * use for weight, use in zip(weights, uses, strict=True)])


def best_trade_set(
    sets: TradeSets,
    solved: Callable[[frozenset[int], int | None], Leaf],
    objective: Callable[[list[int]], int],
    best: list[int] | None,
    expired: Clock,
) -> Branched:
    """The best answer over all sets of positions that may trade.

    Args:
        sets: the relaxation.
        solved: what the other limits say where the given positions stay at their holding; a bound above
            the given value is as good as a proof that nothing below exists.
        objective: of shares.
        best: an answer, if one is known.
        expired: whether time is up.
    """
    value = None if best is None else objective(best)
    order = count()
    root = Node(frozenset(), frozenset())
    relaxed = sets.relaxed(root)
    open_: list[tuple[int, int, Node, Relaxed]] = [(relaxed.bound, next(order), root, relaxed)]
    unproven: list[int] = []
    tried: set[frozenset[int]] = set()

    def take(holding: frozenset[int]) -> Leaf:
        nonlocal best, value
        tried.add(holding)
        leaf = solved(holding, value)
        if leaf.shares is not None and (value is None or objective(leaf.shares) < value):
            best, value = leaf.shares, objective(leaf.shares)
        return leaf

    while open_ and not expired() and next(order) < MAX_NODES:
        bound, _, node, relaxed = open_[0]
        if value is not None and bound >= value:
            break  # all that is open costs as much
        heappop(open_)
        staying = frozenset(sets.may) - node.trading - relaxed.trading
        branch = relaxed.branch
        if branch is None or sets.is_leaf(node):
            leaf = take(staying if branch is None else node.holding)
            if leaf.bound is not None:
                unproven.append(leaf.bound)
            continue
        if staying not in tried:
            take(staying)  # only for a better answer: other nodes may still hold the best
        for child in (
            Node(node.holding | {branch}, node.trading),
            Node(node.holding, node.trading | {branch}),
        ):
            if len(child.trading) + len(sets.must) > sets.most:
                continue
            relaxed = sets.relaxed(child)
            heappush(open_, (max(bound, relaxed.bound), next(order), child, relaxed))
    bounds = [one[0] for one in open_] + unproven
    return Branched(best, min(bounds) if bounds else None)
