"""Meeting in the middle: all covers of a few ladders, split into two halves that complete each other.

Horowitz and Sahni, "Computing Partitions with Applications to the Knapsack Problem", J. ACM 21 (1974).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from optimizer.cover.ladder import Ladder
from optimizer.enumeration.enumeration import Clock, never, watched

MAX_HALF = 100_000
"""Combinations of rungs on either side."""

Combination = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""Cash freed, cost, the shares, which decide ties, and the rungs."""


def meet_in_the_middle(ladders: Sequence[Ladder], required: int, expired: Clock = never) -> list[int] | None:
    """The least-cost cover, decided over all combinations; None where there are too many.

    Raises:
        TimeUpError: before all were looked at.
    """
    split = next(
        (
            place
            for place in range(len(ladders) + 1)
            if max(_count(ladders[:place]), _count(ladders[place:])) <= MAX_HALF
        ),
        None,
    )
    if split is None:
        return all_but_the_longest(ladders, required, expired)
    right = sorted(_combinations(ladders[split:], expired))
    freed = [combination[0] for combination in right]
    best_after = _best_after(right)
    best: tuple[int, tuple[int, ...], tuple[int, ...]] | None = None
    for gained, cost, shares, rungs in _combinations(ladders[:split], expired):
        place = bisect_left(freed, required - gained)
        if place < len(right):
            _, other_cost, other_shares, other_rungs = best_after[place]
            found = cost + other_cost, shares + other_shares, rungs + other_rungs
            best = found if best is None else min(best, found)
    return None if best is None else list(best[2])


def all_but_the_longest(ladders: Sequence[Ladder], required: int, expired: Clock = never) -> list[int] | None:
    """The same over the combinations of all ladders but the longest, which takes the first rung that covers.

    A ladder's cost rises from rung to rung, so the first rung that covers is the best one.
    """
    longest = max(range(len(ladders)), key=lambda index: ladders[index].rungs.count)
    others = [ladder for index, ladder in enumerate(ladders) if index != longest]
    if _count(others) > MAX_HALF:
        return None
    last = ladders[longest]
    best: tuple[int, tuple[int, ...], tuple[int, ...]] | None = None
    for gained, cost, shares, rungs in _combinations(others, expired):
        rung = last.first_freeing(required - gained)
        if rung < last.rungs.count:
            total = cost + last.option(rung).cost
            if best is None or total <= best[0]:
                found = (
                    total,
                    (*shares[:longest], last.rungs[rung], *shares[longest:]),
                    (*rungs[:longest], rung, *rungs[longest:]),
                )
                best = found if best is None else min(best, found)
    return None if best is None else list(best[2])


def _count(ladders: Sequence[Ladder]) -> int:
    return prod(ladder.rungs.count for ladder in ladders)


def _combinations(ladders: Sequence[Ladder], expired: Clock) -> Iterator[Combination]:
    """All combinations."""
    options = [
        [(*ladder.option(rung), ladder.rungs[rung], rung) for rung in range(ladder.rungs.count)]
        for ladder in ladders
    ]
    for parts in watched(product(*options), expired):
        yield (
            sum(part[0] for part in parts),
            sum(part[1] for part in parts),
            tuple(part[2] for part in parts),
            tuple(part[3] for part in parts),
        )


def _best_after(combinations: Sequence[Combination]) -> list[Combination]:
    """For every place, the cheapest combination from there on."""
    best = list(combinations)
    for place in range(len(best) - 2, -1, -1):
        if best[place + 1][1:] < best[place][1:]:
            best[place] = best[place + 1]
    return best
