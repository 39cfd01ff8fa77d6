"""The closed form: without a coupling, every position takes its own best whole number of shares.

The drift |target - value| of a position is convex in its shares, so its least lies at the whole share
nearest to the target, clipped to the band. An exact tie between two shares goes to the smaller trade.
"""

from collections.abc import Sequence
from typing import NamedTuple

from optimizer.problem.line import Line


class ClosedForm(NamedTuple):
    """Shares per position, and the positions whose band holds no whole share.

    Attributes:
        best: the shares of least drift, then of least turnover; meaningless where infeasible.
        least: the fewest shares that the band allows; meaningless where infeasible.
        infeasible: indices of positions without any allowed number of shares.
    """

    best: list[int]
    least: list[int]
    infeasible: list[int]


def band(line: Line) -> range:
    """The whole shares whose value lies in the band, in ascending order; empty if there are none.

    A band that allows nothing but zero admits the residual of a fractional holding: no whole order can
    trade it away.
    """
    price, residual, _, low, high, _ = line
    least = max(0, -((residual - low) // price))
    most = (high - residual) // price
    if most < least and high == 0:
        return range(1)
    return range(least, most + 1)


def closed_form(lines: Sequence[Line]) -> ClosedForm:
    """The best shares of every position on its own, in one pass over integers."""
    best: list[int] = []
    fewest: list[int] = []
    infeasible: list[int] = []
    for index, (price, residual, target, low, high, held) in enumerate(lines):
        least = -((residual - low) // price)
        if least < 0:  # noqa: PLR1730 - a comparison is five times as fast as max() in this hot loop
            least = 0
        most = (high - residual) // price
        shares, remainder = divmod(2 * (target - residual) + price, 2 * price)
        if remainder == 0 and shares > held:
            shares -= 1
        if most < least:
            if high == 0:
                shares = least = 0
            else:
                infeasible.append(index)
        elif shares > most:
            shares = most
        elif shares < least:
            shares = least
        best.append(shares)
        fewest.append(least)
    return ClosedForm(best, fewest, infeasible)


def values(lines: Sequence[Line], shares: Sequence[int]) -> list[int]:
    """The value of every position at the given shares, in units."""
    return [count * line[0] + line[1] for line, count in zip(lines, shares, strict=True)]


def drift(lines: Sequence[Line], shares: Sequence[int]) -> int:
    """The portfolio drift sum |target - value|, in units."""
    return sum([abs(line[2] - line[1] - count * line[0]) for line, count in zip(lines, shares, strict=True)])


def turnover(lines: Sequence[Line], shares: Sequence[int]) -> int:
    """The value of all orders, sum price |shares - held|, in units."""
    return sum([abs(count - line[5]) * line[0] for line, count in zip(lines, shares, strict=True)])
