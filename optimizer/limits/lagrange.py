"""Bounds and proofs under several limits, exact for whatever multipliers a float solver suggests.

For all multipliers m >= 0, every answer that meets the limits obeys

    sum_i cost_i(n_i) >= sum_i min over n of [cost_i(n) + sum_l m_l use_li(n)] - sum_l m_l capacity_l

(Fisher, "The Lagrangian Relaxation Method", Management Science 27, 1981). A position away from the least
of its bracket adds the difference, its penalty; so all better answers are sets of such deviations whose
penalties fit between the bound and the best answer known. They are met in the middle, see `cover.sets`.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from optimizer.enumeration.enumeration import Clock, Enumeration, never, watched
from optimizer.enumeration.moves import Move, Task, Weights
from optimizer.enumeration.sets import best_sets
from optimizer.limits.dual import Dual
from optimizer.limits.level import Span, least_slack, level_shares, span
from optimizer.limits.limits import CashLimit, Limit, TurnoverLimit
from optimizer.problem.constraints import Shares, length
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.separable.choices import Choices, costs_of

BITS = 48
"""Binary places to which multipliers are taken."""

MAX_MOVES = 20_000
"""Deviations listed before a proof is given up."""

NEAR = ((1, 1 << 12), (2, 1 << 14), (4, 1 << 16))
"""How far from a good answer shares are looked at, and sets in a half, at most."""

FEW_LIMITS = 3
"""Limits for which sizes of halves are meant."""

SMALL, LARGE = (1 << 10, 1 << 14), (1 << 17, 1 << 20)
"""Sets in a half, at most: of a first look, and of a long one."""


class Searched(NamedTuple):
    """What a search found.

    Attributes:
        shares: the best answer; None if none is known.
        exhaustive: whether none has a lesser first aim, or, if none is known, there is none.
        settled: whether no other is as good in all aims but by the order of positions, which is kept.
    """

    shares: list[int] | None
    exhaustive: bool
    settled: bool


class Lagrangian:
    """The relaxation of all limits at given multipliers; brackets are of the first aim, times 2^BITS.

    Args:
        problem: the portfolio.
        found: what is allowed position by position.
        limits: all limits.
        multipliers: one a limit, objective per unit of use; negative ones count as 0.
        expired: whether time is up.

    Raises:
        TimeUpError: before there is a bound.
    """

    def __init__(
        self,
        problem: Problem,
        found: Choices,
        limits: Sequence[Limit],
        multipliers: Sequence[float],
        expired: Clock = never,
    ) -> None:
        self._problem = problem
        self._lines, self._allowed, self._limits = problem.lines, found.allowed, limits
        self._weights = tuple(max(0, round(multiplier * (1 << BITS))) for multiplier in multipliers)
        costs = costs_of(problem, found)
        self._aims, self._aim = costs.aims, costs.coarser()[1]
        pairs = zip(self._lines, self._allowed, strict=True)
        least = [
            min((self._bracket(line, n), n) for n in corners(line, shares))
            for line, shares in watched(pairs, expired)
        ]
        self._least = [bracket for bracket, _ in least]
        self._shares = [shares for _, shares in least]
        used = (weight * limit.capacity for weight, limit in zip(self._weights, limits, strict=True))
        self._bound = sum(self._least) - sum(used)

    def bound(self) -> int:
        """The lower bound in units of the objective, rounded up, as objectives are whole."""
        return -(-self._bound >> BITS)

    def level(self, expired: Clock) -> list[int] | None:
        """An answer that meets the bound, where one limit alone has a price; None if none was found."""
        priced = self._priced()
        if priced is None:
            return None
        main, sides = priced
        uses, spans = self._spans(main, sides, expired)
        capacities = main.capacity, sides[0].capacity if sides else 0
        return level_shares(spans, uses, capacities, self._is_met, expired)

    def settle(self, best: list[int] | None, expired: Clock) -> tuple[list[int] | None, int]:
        """What is best of shares of least brackets, where one limit alone has a price, and a bound of all.

        Any other answer leaves a least bracket, so it exceeds the bound by the least penalty, or more.
        """
        priced = self._priced()
        if priced is None:
            return None, 0
        main, sides = priced
        uses, spans = self._spans(main, sides, expired)
        weight = max(self._weights)
        gap = None if best is None else (sum(map(self._aim.of, self._lines, best)) << BITS) - self._bound
        slack = least_slack(spans, uses, main.capacity, None if gap is None else -(-gap // weight), expired)
        if slack.shares is not None:
            gap = weight * slack.left
        shares = slack.shares if slack.shares is not None and self._is_met(slack.shares) else None
        penalties = [self._least_penalty(index) for index in watched(range(len(spans)), expired)]
        gaps = [one for one in (gap, *penalties) if one is not None]
        return shares, -(-(self._bound + min(gaps)) >> BITS) if slack.exhaustive and gaps else 0

    def _priced(self) -> tuple[Limit, list[Limit]] | None:
        """The one limit that has a price, and the others that are counted in money; None if more have."""
        priced = [limit for limit, weight in zip(self._limits, self._weights, strict=True) if weight]
        money = [limit for limit in self._limits if isinstance(limit, CashLimit | TurnoverLimit)]
        return (priced[0], [one for one in money if one is not priced[0]]) if len(priced) == 1 else None

    def _spans(
        self, main: Limit, sides: Sequence[Limit], expired: Clock
    ) -> tuple[list[partial[int]], list[Span]]:
        uses = [partial(main.use, line) for line in self._lines]
        others = [partial(sides[0].use, line) if sides else _unused for line in self._lines]
        pairs = enumerate(zip(uses, others, strict=True))
        return uses, [span(self._least_parts(index), *both) for index, both in watched(pairs, expired)]

    def _least_penalty(self, index: int) -> int | None:
        """The least penalty of a position above none: penalties are linear between corners."""
        line, found = self._lines[index], list[int]()
        ends = sorted(corners(line, self._allowed[index]))
        for part in self._allowed[index]:
            near = [(n, self._bracket(line, n) - self._least[index]) for n in ends if n in part]
            found += [penalty for _, penalty in near]
            for (low, one), (high, other) in pairwise(near):
                if bool(one) != bool(other):
                    inner = high - part.step if one else low + part.step
                    found.append(self._bracket(line, inner) - self._least[index])
        return min((penalty for penalty in found if penalty), default=None)

    def _is_met(self, shares: list[int]) -> bool:
        return all(limit.is_met(self._lines, shares) for limit in self._limits)

    def _least_parts(self, index: int) -> tuple[range, ...]:
        """The shares of least bracket of a position, where brackets are convex within a range."""
        line, allowed = self._lines[index], self._allowed[index]
        ends = [n for n in sorted(corners(line, allowed)) if self._bracket(line, n) == self._least[index]]
        kept = [(part, [n for n in ends if n in part]) for part in allowed]
        return tuple(range(found[0], found[-1] + 1, part.step) for part, found in kept if found)

    def search(
        self, best: list[int] | None, expired: Clock, sizes: Sequence[int] = SMALL + LARGE
    ) -> Searched:
        """The best answer by all aims, if all that may be better are few enough to be looked at in time."""
        exhaustive = settled = False
        moves: Enumeration[Move] | None = None
        for size in sizes:
            value = None if best is None else sum(map(self._aim.of, self._lines, best))
            moves = self._moves(value, moves, expired)
            if expired():
                break
            outcome = best_sets(moves, self._task(self._shares, value), self._fitting(size), expired)
            if outcome.sets:
                best = min((_moved(self._shares, one) for one in outcome.sets), key=self._in_order)
            exhaustive, settled = outcome.exhaustive, outcome.settled
            if exhaustive:
                break
        return Searched(best, exhaustive, settled)

    def near(self, best: list[int], expired: Clock) -> list[int]:
        """A better answer a few shares from a good one, or that one."""
        for reach, size in NEAR:
            if expired():
                break
            moves = Enumeration.some(
                self._move(best, index, shares)
                for index, allowed in enumerate(self._allowed)
                for shares in _next_to(allowed, best[index], reach)
            )
            value = sum(map(self._aim.of, self._lines, best))
            outcome = best_sets(moves, self._task(best, value), self._fitting(size), expired, ties=False)
            if outcome.sets:
                best = _moved(best, outcome.sets[0])
        return best

    def _fitting(self, size: int) -> int:
        """Sets in a half: of many limits fewer, as each has a row of numbers."""
        return size * FEW_LIMITS // max(FEW_LIMITS, len(self._limits))

    def _task(self, shares: Sequence[int], value: int | None) -> Task:
        spare = tuple(limit.capacity - limit.total(self._lines, shares) for limit in self._limits)
        base = sum(map(self._aim.of, self._lines, shares))
        # Selling frees cash as it turns over: where both are scarce, hardly anything may be bought.
        money = tuple(int(isinstance(limit, CashLimit | TurnoverLimit)) for limit in self._limits)
        relaxations = (Weights(1 << BITS, self._weights), Weights(0, money))
        return Task(spare, relaxations, None if value is None else value - base)

    def _in_order(self, shares: Sequence[int]) -> list[int]:
        """Of equal answers the one of fewest shares is taken, in order of security id."""
        pairs = zip(self._problem.positions, shares, strict=True)
        return [count for _, count in sorted(pairs, key=lambda pair: pair[0].security_id)]

    def _bracket(self, line: Line, shares: int) -> int:
        used = zip(self._weights, self._limits, strict=True)
        return (self._aim.of(line, shares) << BITS) + sum(
            weight * limit.use(line, shares) for weight, limit in used if weight
        )

    def _moves(self, value: int | None, known: Enumeration[Move] | None, expired: Clock) -> Enumeration[Move]:
        """Leaving the least bracket of a position at a penalty within the gap, of less penalty first."""
        gap = None if value is None else (value << BITS) - self._bound
        if known is not None and known.exhaustive:
            return known if gap is None else known.where(lambda move: self._penalty(move) <= gap)
        found = (
            (penalty, index, shares)
            for index in range(len(self._lines))
            for penalty, shares in self._deviations(index, gap)
        )
        listed = Enumeration.of(found, MAX_MOVES, expired).sorted()
        made = (self._move(self._shares, *one[1:]) for one in watched(listed, expired))
        return Enumeration(tuple(made), listed.exhaustive)

    def _penalty(self, move: Move) -> int:
        return self._bracket(self._lines[move.place], move.key) - self._least[move.place]

    def _move(self, start: Sequence[int], place: int, shares: int) -> Move:
        line, base = self._lines[place], start[place]
        uses = tuple(limit.use(line, shares) - limit.use(line, base) for limit in self._limits)
        after, before = self._aims(line, shares), self._aims(line, base)
        return Move(place, shares, (after[0] - before[0], after[1] - before[1], after[2] - before[2]), uses)

    def _deviations(self, index: int, gap: int | None) -> Iterator[tuple[int, int]]:
        """Those of one position: walked from either end of each stretch until the penalty exceeds the gap."""
        line, allowed = self._lines[index], self._allowed[index]
        ends = sorted(corners(line, allowed))
        seen = {self._shares[index]}
        for low, high in pairwise([ends[0], *ends, ends[-1]]):
            for walk in (_between(allowed, low, high), reversed(_between(allowed, low, high))):
                for shares in walk:
                    penalty = self._bracket(line, shares) - self._least[index]
                    if gap is not None and penalty > gap:
                        break
                    if shares not in seen:
                        seen.add(shares)
                        yield penalty, shares


def _unused(shares: int) -> int:  # noqa: ARG001 - as of a limit that nothing uses
    return 0


def _moved(start: Sequence[int], moves: Sequence[Move]) -> list[int]:
    shares = list(start)
    for move in moves:
        shares[move.place] = move.key
    return shares


def _next_to(allowed: Shares, count: int, reach: int) -> list[int]:
    """Allowed shares at most `reach` steps from the given ones, within their range."""
    for part in allowed:
        if count in part:
            place = part.index(count)
            around = part[max(0, place - reach) : place + reach + 1]
            return [shares for shares in around if shares != count]
    return []


def is_refuted(problem: Problem, found: Choices, limits: Sequence[Limit], expired: Clock) -> bool:
    """Whether no answer keeps the limits of cash and turnover, as their sum cannot be kept.

    Selling frees as much cash as it turns over, so what is bought counts twice in the sum, and what is sold
    does not count.

    Raises:
        TimeUpError: before that is known.
    """
    money = [float(isinstance(limit, CashLimit | TurnoverLimit)) for limit in limits]
    return refutes(problem, found, limits, money, expired)


def refutes(
    problem: Problem, found: Choices, limits: Sequence[Limit], multipliers: Sequence[float], expired: Clock
) -> bool:
    """Whether no answer keeps all limits, as their sum by these multipliers cannot be kept.

    Raises:
        TimeUpError: before that is known.
    """
    weights = [max(0, round(multiplier * (1 << BITS))) for multiplier in multipliers]
    priced = [(weight, limit) for weight, limit in zip(weights, limits, strict=True) if weight]
    pairs = zip(problem.lines, found.allowed, strict=True)
    least = sum(
        min(sum(weight * limit.use(line, n) for weight, limit in priced) for n in corners(line, shares))
        for line, shares in watched(pairs, expired)
    )
    return least > sum(weight * limit.capacity for weight, limit in priced)


def good_multipliers(
    problem: Problem, found: Choices, limits: Sequence[Limit], expired: Clock
) -> list[float]:
    """Multipliers at which the bound is about as high as it gets.

    Raises:
        TimeUpError: before there are any.
    """
    aim = costs_of(problem, found).coarser()[1]
    positions = zip(problem.lines, found.allowed, strict=True)
    ends = [sorted(corners(*each)) for each in watched(positions, expired)]
    pairs = [(line, count) for line, counts in zip(problem.lines, ends, strict=True) for count in counts]
    starts = [0]
    for counts in ends[:-1]:
        starts.append(starts[-1] + len(counts))
    return Dual(
        [aim.of(*pair) for pair in watched(pairs, expired)],
        [[limit.use(*pair) for pair in watched(pairs, expired)] for limit in limits],
        starts,
        [limit.capacity for limit in limits],
    ).best(expired)


def corners(line: Line, allowed: Shares) -> set[int]:
    """Allowed shares between which cost and uses are linear: one of them is the least of any such sum."""
    found: set[int] = set()
    for part in allowed:
        for pivot in (line.held, (line.target - line.residual) // line.price):
            place = (pivot - part.start) // part.step
            found |= {part[min(max(place + step, 0), length(part) - 1)] for step in (-1, 0, 1, 2)}
        found |= {part[0], part[-1]}
    return found


def _between(allowed: Shares, low: int, high: int) -> range:
    """Allowed shares from one corner to the next: they lie in one range, or are the corners themselves."""
    for part in allowed:
        if low in part and high in part:
            return range(low, high + 1, part.step)
    return range(low, high + 1, max(1, high - low))
