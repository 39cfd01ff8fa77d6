"""What the simulated order service answers to a list of orders."""

from __future__ import annotations

import itertools
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations when it runs

import msgspec

__all__ = ["OrderDesk"]

MAXIMUM_ORDERS = 1_000  # in one call


class _Order(msgspec.Struct, rename="camel", kw_only=True):
    blotter_id: int
    status_id: int
    portfolio_id: str
    order_type_id: int
    security_id: str
    quantity: Decimal
    limit_price: Decimal | None = None
    trade_order_id: int | None = None
    order_timestamp: str
    version: int


class OrderDesk:
    """Takes orders and numbers them from 1; it has no idempotency key, as the real service."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def submit(self, body: bytes) -> tuple[int, bytes]:
        """Return status code and body for a request's body.

        200 where every order was taken, 207 where some were, 400 where none was, 413 above 1,000.
        """
        try:
            orders = msgspec.json.decode(body, type=list[msgspec.Raw])
        except msgspec.DecodeError as error:
            return 400, _reply("FAILURE", f"not a list of orders: {error}", [])
        if len(orders) > MAXIMUM_ORDERS:
            return 413, _reply("FAILURE", f"{len(orders)} orders, at most {MAXIMUM_ORDERS} are taken", [])
        results = [self._submit(place, order) for place, order in enumerate(orders)]
        taken = sum(result["status"] == "SUCCESS" for result in results)
        if taken == len(results) and results:
            return 200, _reply("SUCCESS", "all orders taken", results)
        if taken:
            return 207, _reply("PARTIAL", "some orders were not taken", results)
        return 400, _reply("FAILURE", "no order was taken", results)

    def _submit(self, place: int, raw: msgspec.Raw) -> dict[str, object]:
        try:
            order = msgspec.json.decode(raw, type=_Order)
            if order.quantity <= 0:
                raise msgspec.ValidationError("quantity must be positive")
        except msgspec.DecodeError as error:
            return {
                "status": "FAILURE",
                "message": str(error),
                "orderId": None,
                "requestIndex": place,
                "order": None,
            }
        number = next(self._numbers)
        taken = {"id": number, **msgspec.json.decode(raw)}
        return {
            "status": "SUCCESS",
            "message": "taken",
            "orderId": number,
            "requestIndex": place,
            "order": taken,
        }


def _reply(status: str, message: str, results: list[dict[str, object]]) -> bytes:
    taken = sum(result["status"] == "SUCCESS" for result in results)
    counts = {"totalReceived": len(results), "successful": taken, "failed": len(results) - taken}
    return msgspec.json.encode({"status": status, "message": message, **counts, "orders": results})
