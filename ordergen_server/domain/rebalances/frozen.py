"""Positions without a usable price: they stay as they are, and count nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from ordergen_server.domain.errors import BadData, DataProblem, StalePrice


class PriceProblem(Enum):
    """Why a security has no usable price."""

    MISSING_DATA = "MISSING_DATA"
    BAD_DATA = "BAD_DATA"
    STALE_PRICE = "STALE_PRICE"

    @classmethod
    def of(cls, error: DataProblem) -> "PriceProblem":
        """That of the error of a price."""
        if isinstance(error, StalePrice):
            return cls.STALE_PRICE
        return cls.BAD_DATA if isinstance(error, BadData) else cls.MISSING_DATA


@dataclass(frozen=True, eq=False)
class FrozenSecurity:
    """A security without a usable price as all portfolios of a run see it; the same where every digit is.

    Attributes:
        target: its weight in the model; 0 where the model does not list it, as are both bands.
        problem: why it has no usable price.
        price_date: the day of a price that is too old, where that is known.
    """

    security_id: str
    ticker: str
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal
    problem: PriceProblem
    price_date: date | None = None

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Every digit of it: made once, as lines of chunks that were read one by one are compared by it."""
        return (
            self.security_id,
            self.ticker,
            str(self.target),
            str(self.low_drift),
            str(self.high_drift),
            self.problem.name,
            str(self.price_date or ""),
        )

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> "FrozenSecurity":
        """The one of such texts."""
        security_id, ticker, target, low, high, problem, day = texts
        return cls(
            security_id,
            ticker,
            Decimal(target),
            Decimal(low),
            Decimal(high),
            PriceProblem[problem],
            date.fromisoformat(day) if day else None,
        )

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, FrozenSecurity) and self.texts == other.texts)

    def __hash__(self) -> int:
        return hash(self.security_id)


class FrozenPosition(NamedTuple):
    """Shares of a security without a usable price: as many after a run as before it."""

    security: FrozenSecurity
    quantity: Decimal
