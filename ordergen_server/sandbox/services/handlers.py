"""What the simulated services do with a request over HTTP: status and body.

They answer as the real services do, what is odd about those included: 500 for a portfolio without balance
rows, summaries cut in silence, 400 for every list with an orphaned security, 500 for an id of the wrong form.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from ordergen_server.sandbox.services.accounting import SUMMARY_ROWS
from ordergen_server.sandbox.services.answers import TYPE_ID
from ordergen_server.sandbox.services.http_orders import HttpOrders
from ordergen_server.sandbox.services.order_desk import OrderDesk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ordergen_server.sandbox.services.answers import Answers

    Handler = Callable[[web.Request], Awaitable[web.Response]]

__all__ = [
    "FAULTS",
    "Handler",
    "Handlers",
    "error_response",
    "everything",
    "json_response",
    "one",
    "page",
    "unknown",
]

#: Faults that a handler plays itself are in the request under this name.
FAULTS = "faults"
_MAXIMUM_PAGE = 1_000
_DEFAULT_PAGE = 50
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")


class Handlers:
    """The endpoints that do more than answer what is there.

    Args:
        answers: the data.

    Attributes:
        orders: what is said of orders.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.orders = HttpOrders(answers.orders, OrderDesk(answers.orders), answers.portfolio_data)

    async def summary(self, request: web.Request) -> web.Response:
        """Answer a summary."""
        documented = self._answers.overrides.is_documented
        rows = None if documented else SUMMARY_ROWS
        body = self._answers.accounting.summary(request.match_info["key"], rows)
        if body is not None:
            return json_response(body)
        if documented:
            return _accounting_error(404, "NOT_FOUND", "Portfolio not found")
        return _accounting_error(500, "INTERNAL_ERROR", "Failed to retrieve portfolio summary")

    async def balances(self, request: web.Request) -> web.Response:
        """Answer a page of balance rows."""
        limit, offset = _lenient_page(request)
        portfolio_id = request.query.get("portfolio_id") or None
        balances = self._answers.accounting.balances
        # In a thread: the first page over all portfolios makes each of them once.
        return json_response(await asyncio.to_thread(balances, portfolio_id, limit, offset))

    async def security(self, request: web.Request) -> web.Response:
        """Answer one security."""
        security_id = request.match_info["key"]
        body = self._answers.security(security_id)
        if body is not None:
            return json_response(body)
        if self._answers.overrides.is_documented or _OBJECT_ID.fullmatch(security_id):
            return _detail(404, "Security not found")
        return web.Response(text="Internal Server Error", status=500)

    async def post_orders(self, request: web.Request) -> web.Response:
        """Take orders."""
        status, body = self.orders.post(await request.read(), request.get(FAULTS, ()))
        return json_response(body, status)

    async def find_orders(self, request: web.Request) -> web.Response:
        """Answer a page of orders."""
        status, body = self.orders.find(list(request.query.items()))
        return json_response(body, status)


def one(answer: Callable[[str], bytes | None]) -> Handler:
    """Answer what has the key of the path; 404 where nothing has."""

    async def handle(request: web.Request) -> web.Response:
        body = answer(request.match_info["key"])
        return _detail(404, f"{request.path} not found") if body is None else json_response(body)

    return handle


def everything(answer: Callable[[], bytes | None]) -> Handler:
    """Answer a list."""

    async def handle(_: web.Request) -> web.Response:
        return _list(answer())

    return handle


def page(answer: Callable[[int, int], bytes | None]) -> Handler:
    """Answer a page of a list."""

    async def handle(request: web.Request) -> web.Response:
        return _list(answer(*_page(request)))

    return handle


def json_response(body: bytes, status: int = 200) -> web.Response:
    """Answer a body of JSON."""
    return web.Response(body=body, status=status, content_type="application/json")


def error_response(status: int, text: str) -> web.Response:
    """Answer an error of the sandbox itself."""
    return json_response(msgspec.json.encode({"error": text, "status": status}), status)


def _detail(status: int, text: str) -> web.Response:
    """Answer an error as security and portfolio do."""
    return json_response(msgspec.json.encode({"detail": text}), status)


def _accounting_error(status: int, code: str, text: str) -> web.Response:
    return json_response(msgspec.json.encode({"error": {"code": code, "message": text}}), status)


def _list(body: bytes | None) -> web.Response:
    """Answer a list; None where one of its securities is orphaned, which spoils all of it."""
    return _detail(400, f"Invalid securityTypeId: {TYPE_ID}") if body is None else json_response(body)


async def unknown(request: web.Request) -> web.Response:
    """Answer that there is no such endpoint."""
    return error_response(404, f"no such endpoint: {request.method} {request.path}")


def _page(request: web.Request) -> tuple[int, int]:
    """Return limit and offset of a request.

    Raises:
        web.HTTPUnprocessableEntity: they are no whole numbers, or out of their range.
    """
    try:
        limit = int(request.query.get("limit", _DEFAULT_PAGE))
        offset = int(request.query.get("offset", 0))
    except ValueError as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    if not 1 <= limit <= _MAXIMUM_PAGE or offset < 0:
        raise web.HTTPUnprocessableEntity(
            text=f"limit must be from 1 to {_MAXIMUM_PAGE}, offset not negative"
        )
    return limit, offset


def _lenient_page(request: web.Request) -> tuple[int, int]:
    """Return limit and offset as portfolio accounting reads them: what is out of range is the default."""
    limit, offset = request.query.get("limit", ""), request.query.get("offset", "")
    in_range = limit.isdecimal() and 1 <= int(limit) <= _MAXIMUM_PAGE
    return int(limit) if in_range else _DEFAULT_PAGE, int(offset) if offset.isdecimal() else 0
