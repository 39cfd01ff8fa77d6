"""The named values of the contract. Each is a string, too: it compares, prints and is written as one.

What a newer server names and this client does not know is read as its number in the contract.
"""

from enum import StrEnum
from typing import Self


class Named(StrEnum):
    """Values of an enum of the contract, by the names that it has there, without their prefix."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not (isinstance(value, str) and value.isdecimal()):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown


class RebalanceState(Named):
    """How far a run is."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class PortfolioState(Named):
    """What became of a portfolio in a run."""

    REBALANCED = "REBALANCED"
    NO_ACTION = "NO_ACTION"
    INFEASIBLE = "INFEASIBLE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class View(Named):
    """How much is wanted of a portfolio in a run: BASIC is all but its positions."""

    BASIC = "BASIC"
    FULL = "FULL"


class Side(Named):
    """The side of a trade."""

    BUY = "BUY"
    SELL = "SELL"


class Strategy(Named):
    """What a rebalance minimises: drift, or turnover to the edges of the bands."""

    TO_TARGET = "TO_TARGET"
    TO_BAND = "TO_BAND"


class Restriction(Named):
    """What may not be done with a security."""

    DO_NOT_BUY = "DO_NOT_BUY"
    DO_NOT_SELL = "DO_NOT_SELL"
    HOLD = "HOLD"


class Sides(Named):
    """On which sides orders may be."""

    BUY_AND_SELL = "BUY_AND_SELL"
    BUY_ONLY = "BUY_ONLY"
    SELL_ONLY = "SELL_ONLY"


class Unpriced(Named):
    """What becomes of securities without a usable price: who needs one fails, or they stay as they are."""

    FAIL = "FAIL"
    FREEZE = "FREEZE"


class PriceProblem(Named):
    """Why a security has no usable price; UNSPECIFIED where it has one."""

    UNSPECIFIED = "UNSPECIFIED"
    MISSING_DATA = "MISSING_DATA"
    BAD_DATA = "BAD_DATA"
    STALE_PRICE = "STALE_PRICE"


class SolutionStatus(Named):
    """Whether an answer is proven to be the best."""

    UNSPECIFIED = "UNSPECIFIED"
    PROVEN_OPTIMAL = "PROVEN_OPTIMAL"
    FEASIBLE = "FEASIBLE"


class DriftState(Named):
    """How a portfolio stands to its model: the first of these that is true, FAILED as the second.

    DO_NOT_TRADE is kept from trading by its settings. NEW has cash alone, or nothing. HIGH_CASH and LOW_CASH
    have more or less cash than the bands of all securities together leave.
    """

    UNSPECIFIED = "UNSPECIFIED"
    DO_NOT_TRADE = "DO_NOT_TRADE"
    NEW = "NEW"
    HIGH_CASH = "HIGH_CASH"
    LOW_CASH = "LOW_CASH"
    OUT_OF_BAND = "OUT_OF_BAND"
    IN_BAND = "IN_BAND"
    FAILED = "FAILED"


class RuleKind(Named):
    """Which rule of the options; bands are of the model, and none."""

    UNSPECIFIED = "UNSPECIFIED"
    CASH_FLOOR = "CASH_FLOOR"
    RESTRICTION = "RESTRICTION"
    LOT_SIZE = "LOT_SIZE"
    MINIMUM_TRADE_VALUE = "MINIMUM_TRADE_VALUE"
    MAXIMUM_TURNOVER = "MAXIMUM_TURNOVER"
    MAXIMUM_TRADE_COUNT = "MAXIMUM_TRADE_COUNT"
    SIDES = "SIDES"
    SECURITY_LIMIT = "SECURITY_LIMIT"
    GROUP_LIMIT = "GROUP_LIMIT"


class RuleSource(Named):
    """Whose rule decided a line: that of the run (or both alike), or that of the portfolio's settings."""

    UNSPECIFIED = "UNSPECIFIED"
    RUN = "RUN"
    SETTINGS = "SETTINGS"


class CredentialType(Named):
    """By what a caller is known; NONE where the server asks for nothing."""

    UNSPECIFIED = "UNSPECIFIED"
    NONE = "NONE"
    CERTIFICATE = "CERTIFICATE"
    TOKEN = "TOKEN"  # noqa: S105 - the name of a kind


class DependencyState(Named):
    """How something is that a server depends on; calls to what has BREAKER_OPEN are refused for a while."""

    UNSPECIFIED = "UNSPECIFIED"
    AVAILABLE = "AVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"
    BREAKER_OPEN = "BREAKER_OPEN"


class PositionReason(Named):
    """Why a line trades, or does not; UNSPECIFIED where the portfolio has no solution."""

    UNSPECIFIED = "UNSPECIFIED"
    TRADED_TO_TARGET = "TRADED_TO_TARGET"
    ROUNDED_TO_NEAREST_SHARE = "ROUNDED_TO_NEAREST_SHARE"
    CLIPPED_AT_BAND = "CLIPPED_AT_BAND"
    ALREADY_NEAREST = "ALREADY_NEAREST"
    REDUCED_FOR_CASH = "REDUCED_FOR_CASH"
    NOT_IN_MODEL = "NOT_IN_MODEL"
    RESTRICTED = "RESTRICTED"
    BELOW_MINIMUM_TRADE = "BELOW_MINIMUM_TRADE"
    ROUNDED_TO_LOT = "ROUNDED_TO_LOT"
    FRACTIONAL_RESIDUAL = "FRACTIONAL_RESIDUAL"
    TURNOVER_LIMIT = "TURNOVER_LIMIT"
    TRADE_COUNT_LIMIT = "TRADE_COUNT_LIMIT"
    TRADED_TO_BAND = "TRADED_TO_BAND"
    INSIDE_BAND = "INSIDE_BAND"
    SIDES = "SIDES"
    COSTS = "COSTS"
    FROZEN = "FROZEN"
    SECURITY_LIMIT = "SECURITY_LIMIT"
    GROUP_LIMIT = "GROUP_LIMIT"
