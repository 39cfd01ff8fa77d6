"""Open orders, and an order service that answers them."""

from decimal import Decimal

from ordergen_server.domain.open_orders import OpenOrder, OrdersByPortfolio
from tests.builders import security_id


def order(number: int, side: str, quantity: str, *, of: int = 1, status: str = "NEW") -> OpenOrder:
    return OpenOrder(number, security_id(of), f"T{of}", side, Decimal(quantity), status)


class FakeOrders:
    """Answers open orders, or raises, and counts how often it was asked."""

    def __init__(self, answer: OrdersByPortfolio | Exception) -> None:
        self.answer = answer
        self.asked = 0

    def recent_open_orders(self, timeout_seconds: float) -> OrdersByPortfolio:
        assert timeout_seconds > 0
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
