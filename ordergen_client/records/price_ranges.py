"""How far prices may move."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Prices from one to another, both included, in money; an end is None where there is none."""

    low: Decimal | None
    high: Decimal | None
