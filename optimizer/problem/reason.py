"""What happened to each position, and why."""

from enum import Enum


class Reason(Enum):
    """Why a line trades as it does, or does not.

    Attributes:
        told: its name. Enum's own is looked up in Python at every access, and each line of a run is told.
    """

    def __init__(self, told: str) -> None:
        self.told = told

    TRADED_TO_TARGET = "TRADED_TO_TARGET"
    """The value after the trade is the target value exactly."""
    ROUNDED_TO_NEAREST_SHARE = "ROUNDED_TO_NEAREST_SHARE"
    """Traded to the whole share nearest to the target."""
    CLIPPED_AT_BAND = "CLIPPED_AT_BAND"
    """Every nearest share lies outside the band: traded to the nearest one inside."""
    ALREADY_NEAREST = "ALREADY_NEAREST"
    """The holding is the best allowed one: no trade."""
    REDUCED_FOR_CASH = "REDUCED_FOR_CASH"
    """Fewer shares than the position's own best: one step nearer to it would break the cash floor."""
    COSTS = "COSTS"
    """No trade, though the position's own best is a sale: it would cost more cash than it frees."""
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
    """A smaller trade than the position's own best: one step nearer to it would break the turnover limit."""
    TRADE_COUNT_LIMIT = "TRADE_COUNT_LIMIT"
    """No trade, though the position's own best is one: the limit on the number of trades alone forbids it."""
    SECURITY_LIMIT = "SECURITY_LIMIT"
    """The limit on the security's weight keeps the position from its best shares."""
    GROUP_LIMIT = "GROUP_LIMIT"
    """Not the position's own best: one step nearer to it would break the limit of a group."""
    TRADED_TO_BAND = "TRADED_TO_BAND"
    """Traded just far enough to be inside the band."""
    INSIDE_BAND = "INSIDE_BAND"
    """Already inside the band: no trade."""
    SIDES = "SIDES"
    """Its best shares are on the side on which there may be no orders."""
