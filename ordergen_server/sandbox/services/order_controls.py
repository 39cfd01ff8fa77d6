"""What the order service can be told beside its faults: what others do with orders.

``/_sandbox/orders``: GET answers all orders; POST takes a list of them as the service itself would, whatever
its faults, and answers their ids; PUT gives orders other statuses, as ``{"12": "FULL"}``; DELETE forgets all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ordergen_server.sandbox.market.orders import STATUSES, OrderRefused
from ordergen_server.sandbox.services.handlers import error_response, json_response
from ordergen_server.sandbox.services.http_orders import OrderRecord

if TYPE_CHECKING:
    from aiohttp import web

    from ordergen_server.sandbox.market.orders import OrderBook
    from ordergen_server.sandbox.services.http_orders import HttpOrders

__all__ = ["OrderControls"]

_STATUS_IDS = {abbreviation: key for key, abbreviation in STATUSES.items()}


class OrderControls:
    """The control API of orders.

    Args:
        book: all orders.
        orders: how they are shown.
    """

    def __init__(self, book: OrderBook, orders: HttpOrders) -> None:
        self._book = book
        self._orders = orders

    async def get(self, _: web.Request) -> web.Response:
        """Answer all orders."""
        return json_response(self._orders.rows())

    async def post(self, request: web.Request) -> web.Response:
        """Take orders of others."""
        try:
            records = msgspec.json.decode(await request.read(), type=list[OrderRecord])
            taken = [self._book.take(record.order()) for record in records]
        except (msgspec.DecodeError, ValueError, OrderRefused) as error:
            return error_response(400, str(error))
        return json_response(msgspec.json.encode([order.order_id for order in taken]))

    async def put(self, request: web.Request) -> web.Response:
        """Give orders other statuses."""
        try:
            statuses = msgspec.json.decode(await request.read(), type=dict[int, str])
            self._book.change({key: _STATUS_IDS[status] for key, status in statuses.items()})
        except msgspec.DecodeError as error:
            return error_response(400, str(error))
        except KeyError as error:
            return error_response(400, f"no such order or status: {error}")
        return await self.get(request)

    async def delete(self, request: web.Request) -> web.Response:
        """Forget all orders."""
        self._book.forget()
        return await self.get(request)
