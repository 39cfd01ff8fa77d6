"""Answers that meet a Lagrangian bound: equally good shares that use up the one limit that has a price.

Where one multiplier alone is above 0, an answer meets the bound if every position has a least bracket, that
limit is used up to the last unit, and the other limits are kept. Along the least brackets uses are linear,
so real numbers that keep all limits are a matter of two fills: one by the use of another limit, which leaves
the most of it, and one of equal parts. Whole shares near a mixture of both then hit the amount exactly; where
hardly any of the other limit is left, only positions that use it alike take other shares than the nearest.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

from optimizer.cover.exact_keys import Level, exact_keys
from optimizer.enumeration.enumeration import Clock

MIXTURES = (0.5, 0.1, 0.9, 0.0, 1.0)
"""How far from the mixture that just keeps the other limit to the one that leaves the most of it."""

RATE_PLACES = 9
"""Decimals to which it is told how much of the other limit is used."""

Uses = Callable[[int], int]
"""What shares of a position use."""


class Span(NamedTuple):
    """Equally good shares of a position between which uses are linear.

    Attributes:
        parts: ranges of shares.
        main: the least that is used of the limit that has a price, and how much more at the most.
        side: the same of another limit.
    """

    parts: tuple[range, ...]
    main: tuple[int, int]
    side: tuple[int, int]


def span(parts: tuple[range, ...], main: Uses, side: Uses) -> Span:
    """The span of equally good shares."""
    ends = sorted((end for part in parts for end in (part[0], part[-1])), key=main)
    low, high = ends[0], ends[-1]
    return Span(parts, (main(low), main(high) - main(low)), (side(low), side(high) - side(low)))


def level_shares(
    spans: Sequence[Span],
    uses: Sequence[Uses],
    capacities: tuple[int, int],
    is_right: Callable[[list[int]], bool],
    expired: Clock,
) -> list[int] | None:
    """Shares that use up the first capacity exactly and are right; None where none were found.

    Args:
        spans: position by position.
        uses: of the limit that has a price.
        capacities: of that limit, and of another.
        is_right: whether shares keep all limits.
        expired: whether time is up.
    """
    capacity, other = capacities
    missing = capacity - sum(one.main[0] for one in spans)
    most = sum(one.main[1] for one in spans)
    if not 0 <= missing <= most or most == 0:
        return None
    even = [missing / most] * len(spans)
    frugal, last = _frugal(spans, missing)
    sides = [_side(spans, parts) for parts in (even, frugal)]
    least = 0.0 if sides[0] <= other or sides[0] <= sides[1] else (sides[0] - other) / (sides[0] - sides[1])
    if least > 1:
        return None
    levels = [Level(one.parts, use) for one, use in zip(spans, uses, strict=True)]
    for mixture, fixed in product(MIXTURES, ((), set(range(len(spans))) - last)):
        if expired():
            return None
        weight = least + mixture * (1 - least)
        parts = [weight * one + (1 - weight) * two for one, two in zip(frugal, even, strict=True)]
        goals = [one.main[0] + part * one.main[1] for one, part in zip(spans, parts, strict=True)]
        shares = exact_keys(levels, goals, capacity, expired, fixed=fixed)
        if shares is not None and is_right(shares):
            return shares
    return None


def _side(spans: Sequence[Span], parts: Sequence[float]) -> float:
    return sum(one.side[0] + part * one.side[1] for one, part in zip(spans, parts, strict=True))


def _frugal(spans: Sequence[Span], missing: int) -> tuple[list[float], set[int]]:
    """The part of each span that is taken where those that use the least of the other limit go first.

    Those that use as much of it are taken in equal parts; the last that are taken are told, too.
    """
    rates = [round(one.side[1] / one.main[1], RATE_PLACES) if one.main[1] else 0.0 for one in spans]
    parts, last = [0.0] * len(spans), set[int]()
    for rate in sorted(set(rates)):
        places = {place for place, one in enumerate(rates) if one == rate and spans[place].main[1]}
        most = sum(spans[place].main[1] for place in places)
        if missing > 0 and places:
            last = places
            for place in places:
                parts[place] = min(1.0, missing / most)
        missing -= most
    return parts, last
