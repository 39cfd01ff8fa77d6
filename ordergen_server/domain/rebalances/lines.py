"""One security of a portfolio in a run: its line, and its trade."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cached_property
from itertools import repeat
from typing import NamedTuple, TypeVar, cast

from ordergen_server.domain.numbers import EXACT, product

Row = TypeVar("Row")


class Side(Enum):
    """The direction of a trade."""

    BUY = "BUY"
    SELL = "SELL"


class Transaction(NamedTuple):
    """A trade proposed: `quantity` whole shares, at least 1."""

    side: Side
    security_id: str
    quantity: int
    trade_date: date


@dataclass(frozen=True, eq=False)
class RunSecurity:
    """A security as all portfolios of a run see it; made once a run, and shared by their lines.

    Two are the same where every digit is: 10.0 and 10.00 are two prices here.

    Attributes:
        price: money a share.
        target: its weight in the model; 0 where the model does not list it, as are both bands.
        price_date: the day of which the price is, where that is known.
    """

    security_id: str
    ticker: str
    price: Decimal
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal
    price_date: date | None = None

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Every digit of it: made once, as lines of chunks that were read one by one are compared by it."""
        return (
            self.security_id,
            self.ticker,
            str(self.price),
            str(self.target),
            str(self.low_drift),
            str(self.high_drift),
            str(self.price_date or ""),
        )

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, RunSecurity) and self.texts == other.texts)

    def __hash__(self) -> int:
        return hash(self.security_id)


class RuleSource(Enum):
    """Whose rule decided a line: the run's (or both alike), or that of the portfolio's settings."""

    RUN = "RUN"
    SETTINGS = "SETTINGS"


#: Reasons that are rules which both a run and settings can have: names of an optimizer's Reason.
SHARED_RULES = frozenset(
    {"REDUCED_FOR_CASH", "RESTRICTED", "BELOW_MINIMUM_TRADE", "TURNOVER_LIMIT", "SECURITY_LIMIT"}
)
#: Of a line of which nobody knows why it trades, or does not: another service decided it.
UNKNOWN_REASON = "UNSPECIFIED"


def bound_by(reason: str, by_settings: bool) -> RuleSource | None:
    """Whose rule is this reason of a line; None where it is none that both a run and settings can have."""
    if by_settings:
        return RuleSource.SETTINGS
    return RuleSource.RUN if reason in SHARED_RULES else None


class RebalancePosition(NamedTuple):
    """One security of a portfolio, before and after; what follows from its numbers is not kept, but computed.

    A tuple, as a run makes a hundred of them a portfolio: one is made in half the time of a dataclass.

    Attributes:
        trade_quantity: whole shares bought (above 0) or sold (below 0).
        reason: why the line trades or does not: the name of an optimizer's Reason, or `UNKNOWN_REASON`.
        by_settings: the rule that is the reason is that of the portfolio's settings, which was the stricter.
    """

    security: RunSecurity
    original_quantity: Decimal
    trade_quantity: int
    reason: str
    by_settings: bool = False

    @property
    def bound_by(self) -> RuleSource | None:
        """Whose rule decided it; None where none did that both a run and settings can have."""
        return bound_by(self.reason, self.by_settings)

    @property
    def adjusted_quantity(self) -> Decimal:
        """Shares after the trade."""
        return EXACT.add(self.original_quantity, Decimal(self.trade_quantity))

    @property
    def original_market_value(self) -> Decimal:
        """Money before the trade."""
        return product(self.original_quantity, self.security.price)

    @property
    def adjusted_market_value(self) -> Decimal:
        """Money after the trade."""
        return product(self.adjusted_quantity, self.security.price)

    @property
    def trade_value(self) -> Decimal:
        """Money that is traded, 0 or more."""
        return product(Decimal(abs(self.trade_quantity)), self.security.price)


def transactions_of(orders: Iterable[tuple[str, int]], trade_date: date) -> tuple[Transaction, ...]:
    """The trades of security ids with whole shares to buy (above 0) or to sell (below 0)."""
    trading = [one for one in orders if one[1]]
    buy, sell = Side.BUY, Side.SELL
    sides = [buy if quantity > 0 else sell for _, quantity in trading]
    columns = ([one for one, _ in trading], [abs(quantity) for _, quantity in trading])
    return tuple(_rows(Transaction, zip(sides, *columns, repeat(trade_date), strict=False)))


def positions_of(
    securities: Sequence[RunSecurity],
    quantities: Iterable[Decimal],
    trades: Iterable[int],
    reasons: Iterable[str],
    by_settings: Iterable[bool],
) -> tuple[RebalancePosition, ...]:
    """Lines, by column. Raises ValueError where a column has more or fewer."""
    columns = zip(securities, quantities, trades, reasons, by_settings, strict=True)
    return tuple(_rows(RebalancePosition, columns))


def _rows(kind: type[Row], rows: Iterable[tuple[object, ...]]) -> Iterator[Row]:
    """Tuples as named ones. A run has a hundred a portfolio: no line of Python is run for each."""
    return map(cast("Callable[[type[Row], Iterable[object]], Row]", tuple.__new__), repeat(kind), rows)
