"""Of which days the prices of a run are."""

from typing import TYPE_CHECKING

from ordergen_client.records.values import PortfolioRebalance

if TYPE_CHECKING:
    from datetime import date


class PriceDays:
    """The first and the last day of all prices that lines have had."""

    def __init__(self) -> None:
        self._days: set[date] = set()
        self._unknown = False

    def add(self, portfolio: PortfolioRebalance) -> None:
        """Note the prices of one more portfolio."""
        found = {line.price_date for line in portfolio.positions if line.price is not None}
        self._unknown |= None in found
        self._days.update(one for one in found if one)

    @property
    def told(self) -> str:
        """In words; a dash where no price was needed."""
        if not self._days:
            return "of no known day" if self._unknown else "-"
        first, last = min(self._days), max(self._days)
        known = f"of {first}" if first == last else f"of {first} to {last}"
        return f"{known}, and of no known day" if self._unknown else known
