"""The exact frontier between turnover and drift, from TO_BAND to TO_TARGET.

Points have the least drift that a turnover allows (H. Markowitz's efficient frontier, with turnover in the
place of risk): each is a problem of its own, TO_TARGET with a limit of turnover.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import NamedTuple

import optimizer
from ordergen_server.domain.numbers import EXACT
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.services.desk.comparison_rows import drift_money, turnover

#: Solves TO_TARGET with a maximum turnover, a weight.
Limited = Callable[[Decimal], PortfolioRebalance]


class Point(NamedTuple):
    """An answer, and whether it is proven that none has less drift with no more turnover."""

    result: PortfolioRebalance
    proven: bool


def frontier(
    at_band: PortfolioRebalance, at_target: PortfolioRebalance, count: int, limited: Limited
) -> list[Point]:
    """Points at turnovers that are evenly spaced between those of the ends, which are the first and the last.

    An answer that is not proven gives way to another of the frontier that is better with no more turnover.
    Where an end has no answer, it is every point.

    Args:
        at_band: the answer TO_BAND.
        at_target: the answer TO_TARGET.
        count: of points, at least 2.
        limited: solves in between.
    """
    for end in (at_band, at_target):
        if end.solution is None:
            return [Point(end, proven=False)] * count
    return list(_points(at_band, at_target, count, limited))


def _points(
    at_band: PortfolioRebalance, at_target: PortfolioRebalance, count: int, limited: Limited
) -> Iterator[Point]:
    least, most = Fraction(turnover(at_band)), Fraction(turnover(at_target))
    step = max(Fraction(0), most - least) / (count - 1)
    last = _point(at_target)
    found: list[Point] = []
    for place in range(count):
        allowed = least + place * step
        if place == 0:
            tried = _first(at_band, limited)
        else:
            tried = [last if place == count - 1 else _point(limited(_weight(allowed, at_target)))]
        yield _best(tried, [*tried, *found, last], allowed)
        found += tried


def _first(at_band: PortfolioRebalance, limited: Limited) -> list[Point]:
    """TO_BAND has the least drift of its turnover where no tie is left; else that is looked for by itself."""
    if at_band.solution and at_band.solution.tie_broken:
        return [Point(at_band, at_band.solution.proven_optimal)]
    return [Point(at_band, proven=False), _point(limited(_weight(Fraction(turnover(at_band)), at_band)))]


def _point(result: PortfolioRebalance) -> Point:
    return Point(result, result.solution is not None and result.solution.proven_optimal)


def _best(tried: Sequence[Point], known: Sequence[Point], allowed: Fraction) -> Point:
    """Of what trades no more than is allowed, the least drift; proven where what was tried here proves it."""
    fitting = [one.result for one in known if one.result.solution and turnover(one.result) <= allowed]
    best = min(fitting, key=drift_money)
    least = drift_money(best)
    return Point(best, any(one.proven and drift_money(one.result) == least for one in tried))


def _weight(amount: Fraction, result: PortfolioRebalance) -> Decimal:
    """Money as a weight of market value that allows at least as much: rounded up in the last place."""
    steps = ceil(amount / Fraction(result.market_value or 0) * 10**optimizer.MAX_DIGITS)
    return EXACT.scaleb(Decimal(steps), -optimizer.MAX_DIGITS)
