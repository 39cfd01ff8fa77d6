"""What happened to each position, and why."""

from collections.abc import Sequence
from enum import Enum

from optimizer.problem import Line, Problem
from optimizer.separable import closed_form, nearest


class Reason(Enum):
    """Why a line trades as it does, or does not."""

    TRADED_TO_TARGET = "TRADED_TO_TARGET"
    """The value after the trade is the target value exactly."""
    ROUNDED_TO_NEAREST_SHARE = "ROUNDED_TO_NEAREST_SHARE"
    """Traded to the whole share nearest to the target."""
    CLIPPED_AT_BAND = "CLIPPED_AT_BAND"
    """The nearest share lies outside the band: traded to the nearest one inside."""
    ALREADY_NEAREST = "ALREADY_NEAREST"
    """The holding is the best allowed one: no trade."""
    REDUCED_FOR_CASH = "REDUCED_FOR_CASH"
    """Fewer shares than the position's own best, to meet the cash floor."""
    NOT_IN_MODEL = "NOT_IN_MODEL"
    """The model gives the security no weight: sold (a short: bought back) entirely."""
    RESTRICTED = "RESTRICTED"
    """A restriction keeps the position from its best shares."""
    BELOW_MINIMUM_TRADE = "BELOW_MINIMUM_TRADE"
    """The best trade is smaller than the minimum trade value."""
    ROUNDED_TO_LOT = "ROUNDED_TO_LOT"
    """Traded to the best number of whole lots."""
    FRACTIONAL_RESIDUAL = "FRACTIONAL_RESIDUAL"
    """A fraction of a share remains that no whole order can trade away."""
    TURNOVER_LIMIT = "TURNOVER_LIMIT"
    """The turnover limit keeps the position from its best shares."""
    TRADE_COUNT_LIMIT = "TRADE_COUNT_LIMIT"
    """The limit on the number of trades keeps the position from its best shares."""
    TRADED_TO_BAND = "TRADED_TO_BAND"
    """Traded just far enough to be inside the band."""
    INSIDE_BAND = "INSIDE_BAND"
    """Already inside the band: no trade."""


def reasons(problem: Problem, shares: Sequence[int]) -> tuple[Reason, ...]:
    """The reason of every position, given its whole shares after trading."""
    own = closed_form(problem.lines).best
    return tuple(
        _reason(line, count, best) for line, count, best in zip(problem.lines, shares, own, strict=True)
    )


def _reason(line: Line, shares: int, best: int) -> Reason:
    if shares < best:
        return Reason.REDUCED_FOR_CASH
    if line.low == line.high == 0:
        return Reason.FRACTIONAL_RESIDUAL if line.residual else Reason.NOT_IN_MODEL
    if shares == line.held:
        return Reason.ALREADY_NEAREST
    if shares * line.price + line.residual == line.target:
        return Reason.TRADED_TO_TARGET
    if line.high == 0:
        return Reason.FRACTIONAL_RESIDUAL
    return Reason.ROUNDED_TO_NEAREST_SHARE if shares == nearest(line) else Reason.CLIPPED_AT_BAND
