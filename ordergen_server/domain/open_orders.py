"""Orders that may still trade, as a run looks at them: its own would come on top of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Protocol


class OpenOrders(Enum):
    """What a run does with a portfolio that has open orders.

    REFUSE lets it fail; COUNT takes them as filled at the prices of the run; IGNORE does not look.
    """

    REFUSE = "REFUSE"
    COUNT = "COUNT"
    IGNORE = "IGNORE"


#: What must be known of open orders before anything is computed.
LOOKING = frozenset({OpenOrders.REFUSE, OpenOrders.COUNT})


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that may still trade, as the order service has it.

    Attributes:
        side: BUY or SELL; empty where it is neither.
        quantity: shares, of which some may be filled already.
        status: the abbreviation of the order service.
    """

    external_order_id: int
    security_id: str
    ticker: str
    side: str
    quantity: Decimal
    status: str

    @property
    def change(self) -> Decimal | None:
        """The shares that come (above 0) or go (below 0) once it is filled; None where nobody can say.

        A part of a PART order is in the holdings already, and the order service does not know which.
        """
        if self.side not in ("BUY", "SELL") or self.status == "PART":
            return None
        return self.quantity if self.side == "BUY" else self.quantity.copy_negate()

    def __str__(self) -> str:
        """The order as a person looks for it."""
        what = self.side or "neither a buy nor a sell,"
        name = self.ticker or f"security {self.security_id}"
        return f"order {self.external_order_id} ({what} {self.quantity:f} {name}, {self.status})"


#: By portfolio id; of those that have some.
OrdersByPortfolio = Mapping[str, Sequence[OpenOrder]]


class OpenOrderSource(Protocol):
    """Where open orders come from."""

    def recent_open_orders(self, timeout_seconds: float) -> OrdersByPortfolio:
        """All open orders, of a reading that is at most some seconds old.

        Raises:
            SiblingUnavailable: the order service does not say which there are.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
