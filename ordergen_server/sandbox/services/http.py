"""The routes of the five simulated services, and the control API that each of them has on top.

Every service answers ``/_sandbox/faults``, ``/_sandbox/calls`` and ``/_sandbox/overrides`` beside its own
endpoints: faults and counts of calls are its own, the data (and so the overrides) are those of all five. What
is set and counted here holds for both transports of a service. The order service answers ``/_sandbox/orders``
besides (see order_controls).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from ordergen_server.sandbox.services.faults import ORDER_KINDS, Fault, Overrides
from ordergen_server.sandbox.services.handlers import (
    FAULTS,
    Handlers,
    error_response,
    everything,
    json_response,
    one,
    page,
    unknown,
)
from ordergen_server.sandbox.services.order_controls import OrderControls
from ordergen_server.sandbox.services.playing import play

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ordergen_server.sandbox.services.answers import Answers
    from ordergen_server.sandbox.services.faults import FaultBook, ServiceName
    from ordergen_server.sandbox.services.handlers import Handler

__all__ = ["Service", "services"]

_MAXIMUM_BODY = 64 * 1024 * 1024  # bytes of a request


class Service:
    """One service: its routes, and the book of the faults it plays and the calls it counts."""

    def __init__(
        self,
        answers: Answers,
        book: FaultBook,
        routes: Sequence[tuple[str, str, str, Handler]],
        controls: Sequence[tuple[str, str, Handler]] = (),
    ) -> None:
        self._answers = answers
        self._book = book
        self.app = web.Application(client_max_size=_MAXIMUM_BODY)
        router = self.app.router
        router.add_get("/_sandbox/faults", self._get_faults)
        router.add_put("/_sandbox/faults", self._put_faults)
        router.add_delete("/_sandbox/faults", self._delete_faults)
        router.add_get("/_sandbox/calls", self._get_calls)
        router.add_delete("/_sandbox/calls", self._delete_calls)
        router.add_get("/_sandbox/overrides", self._get_overrides)
        router.add_put("/_sandbox/overrides", self._put_overrides)
        router.add_delete("/_sandbox/overrides", self._delete_overrides)
        for method, path, control in controls:
            router.add_route(method, path, control)
        for method, path, endpoint, handler in routes:
            router.add_route(method, path, self._faulty(endpoint, handler))
        router.add_route("*", "/{path:.*}", self._faulty("unknown", unknown))

    def _faulty(
        self, endpoint: str, answer: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            due = self._book.due(endpoint, request.path_qs)
            request[FAULTS] = [fault for fault in due if fault.kind in ORDER_KINDS]
            for fault in due:
                if fault.kind == "delay":
                    await asyncio.sleep(fault.delay_seconds)
                elif fault.kind not in ORDER_KINDS:
                    return await play(fault, request, answer)
            return await answer(request)

        return serve

    async def _get_faults(self, _: web.Request) -> web.Response:
        return json_response(msgspec.json.encode(self._book.faults))

    async def _put_faults(self, request: web.Request) -> web.Response:
        try:
            self._book.replace(msgspec.json.decode(await request.read(), type=list[Fault]))
        except msgspec.DecodeError as error:
            return error_response(400, str(error))
        return await self._get_faults(request)

    async def _delete_faults(self, request: web.Request) -> web.Response:
        self._book.replace([])
        return await self._get_faults(request)

    async def _get_calls(self, _: web.Request) -> web.Response:
        return json_response(msgspec.json.encode(self._book.calls))

    async def _delete_calls(self, request: web.Request) -> web.Response:
        self._book.forget_calls()
        return await self._get_calls(request)

    async def _get_overrides(self, _: web.Request) -> web.Response:
        return json_response(msgspec.json.encode(self._answers.overrides))

    async def _put_overrides(self, request: web.Request) -> web.Response:
        try:
            more = msgspec.json.decode(await request.read(), type=Overrides)
        except msgspec.DecodeError as error:
            return error_response(400, str(error))
        self._answers.overrides = self._answers.overrides.merged(more)
        return await self._get_overrides(request)

    async def _delete_overrides(self, request: web.Request) -> web.Response:
        self._answers.overrides = Overrides()
        return await self._get_overrides(request)


def services(answers: Answers, books: Mapping[ServiceName, FaultBook]) -> dict[ServiceName, Service]:
    """Make the five services over the same data, each with its book."""
    handlers = Handlers(answers)
    routes: Mapping[ServiceName, Sequence[tuple[str, str, str, Handler]]] = {
        "accounting": [
            ("GET", "/api/v1/portfolios/{key}/summary", "summary", handlers.summary),
            ("GET", "/api/v1/balances", "balances", handlers.balances),
        ],
        "pricing": [
            ("GET", "/api/v1/price/{key}", "price", one(answers.price)),
            ("GET", "/api/v1/prices", "prices", everything(answers.prices)),
        ],
        "security": [
            ("GET", "/api/v1/security/{key}", "security", handlers.security),
            ("GET", "/api/v1/securities", "securities", everything(answers.securities)),
            ("GET", "/api/v2/securities", "securities", page(answers.securities_page)),
        ],
        "portfolio": [
            ("GET", "/api/v1/portfolio/{key}", "portfolio", one(answers.portfolio)),
            ("GET", "/api/v1/portfolios", "portfolios", everything(answers.portfolios)),
            ("GET", "/api/v2/portfolios", "portfolios", page(answers.portfolios_page)),
        ],
        "order": [
            ("POST", "/api/v1/orders", "orders", handlers.post_orders),
            ("GET", "/api/v1/orders", "order_list", handlers.find_orders),
        ],
    }
    told = OrderControls(answers.orders, handlers.orders)
    methods = (("GET", told.get), ("POST", told.post), ("PUT", told.put), ("DELETE", told.delete))
    controls = {"order": [(method, "/_sandbox/orders", control) for method, control in methods]}
    return {
        name: Service(answers, book, routes[name], controls.get(name, [])) for name, book in books.items()
    }
