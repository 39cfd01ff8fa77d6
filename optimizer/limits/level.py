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

from optimizer.enumeration.enumeration import Clock
from optimizer.problem.constraints import length
from optimizer.subset_sum.exact_keys import Level, exact_keys
from optimizer.subset_sum.least_sum import least_sum

MIXTURES = (0.5, 0.1, 0.9, 0.0, 1.0)
"""How far from the mixture that just keeps the other limit to the one that leaves the most of it."""

WHOLE = 1 << 30
"""Parts are counted in this part of a whole, as units of money may be too many for floats."""

MAX_LISTED = 1 << 17
"""Shares of a span of several ranges, which are listed one by one."""

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
    even = [missing * WHOLE // most] * len(spans)
    frugal, last = _frugal(spans, missing)
    sides = [_side(spans, parts) for parts in (even, frugal)]
    over, gained = sides[0] - other * WHOLE, sides[0] - sides[1]
    least = -(-over * WHOLE // gained) if over > 0 and gained > 0 else 0
    if least > WHOLE:
        return None
    levels = [Level(one.parts, use) for one, use in zip(spans, uses, strict=True)]
    for mixture, fixed in product(MIXTURES, ((), set(range(len(spans))) - last)):
        if expired():
            return None
        weight = least + round(mixture * (WHOLE - least))
        pairs = zip(frugal, even, strict=True)
        parts = [(weight * one + (WHOLE - weight) * two) // WHOLE for one, two in pairs]
        goals = [one.main[0] + part * one.main[1] // WHOLE for one, part in zip(spans, parts, strict=True)]
        shares = exact_keys(levels, goals, capacity, expired, fixed=fixed)
        if shares is not None and is_right(shares):
            return shares
    return None


def _side(spans: Sequence[Span], parts: Sequence[int]) -> int:
    """What is used of the other limit, times `WHOLE`."""
    return sum(one.side[0] * WHOLE + part * one.side[1] for one, part in zip(spans, parts, strict=True))


def _frugal(spans: Sequence[Span], missing: int) -> tuple[list[int], set[int]]:
    """The part of each span that is taken where those that use the least of the other limit go first.

    Those that use as much of it are taken in equal parts; the last that are taken are told, too.
    """
    rates = [one.side[1] * WHOLE // one.main[1] if one.main[1] else 0 for one in spans]
    parts, last = [0] * len(spans), set[int]()
    for rate in sorted(set(rates)):
        places = {place for place, one in enumerate(rates) if one == rate and spans[place].main[1]}
        most = sum(spans[place].main[1] for place in places)
        if missing > 0 and places:
            last = places
            for place in places:
                parts[place] = min(WHOLE, missing * WHOLE // most)
        missing -= most
    return parts, last


class Slack(NamedTuple):
    """What equally good shares leave of the limit that has a price.

    Attributes:
        shares: those that leave the least; None if none leave less than was asked.
        left: by them.
        exhaustive: whether no others leave less; if there are none, whether none leave less than was asked.
    """

    shares: list[int] | None
    left: int
    exhaustive: bool


def least_slack(
    spans: Sequence[Span], uses: Sequence[Uses], capacity: int, below: int | None, expired: Clock
) -> Slack:
    """The equally good shares that leave the least of a limit, whatever they use of others.

    Args:
        spans: position by position.
        uses: of the limit.
        capacity: of the limit.
        below: what must be left less than; None: of anything.
        expired: whether time is up.
    """
    tops = [sum(one.main) for one in spans]
    excess = sum(tops) - capacity
    ways = [_descending(one, use) for one, use in zip(spans, uses, strict=True)]
    numbers = [_given_up(parts, use, top) for parts, use, top in zip(ways, uses, tops, strict=True)]
    groups = [one for one in numbers if one is not None]
    if len(groups) < len(spans):
        return Slack(None, 0, exhaustive=False)
    most = sum(one.main[1] for one in spans) + 1
    found = least_sum(groups, excess, most if below is None else excess + below, expired)
    if found.sum is None:
        return Slack(None, 0, found.exhaustive)
    shares = [_at(parts, option) for parts, option in zip(ways, found.options, strict=True)]
    return Slack(shares, found.sum - excess, found.exhaustive)


def _descending(one: Span, use: Uses) -> list[range]:
    """The ranges of a span, each from the most use on."""
    return [part if use(part[0]) >= use(part[-1]) else part[::-1] for part in one.parts]


def _given_up(parts: Sequence[range], use: Uses, top: int) -> Sequence[int] | None:
    """How much less than the most is used, in equal steps within a range; None where that cannot be told."""
    found: list[range] = []
    for part in parts:
        first, last = top - use(part[0]), top - use(part[-1])
        step = (top - use(part[1]) - first if length(part) > 1 else 0) or 1
        if last - first != step * (length(part) - 1):
            return None
        found.append(range(first, last + 1, step))
    if len(found) == 1:
        return found[0]
    return [one for part in found for one in part] if sum(map(length, parts)) <= MAX_LISTED else None


def _at(parts: Sequence[range], option: int) -> int:
    for part in parts:
        if option < length(part):
            return part[option]
        option -= length(part)
    raise AssertionError
