"""Rebalances that callers wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from starlette.responses import Response

from ordergen_client.errors import from_status
from ordergen_server.rest.answering.answers import answered, answered_in_parts, encode
from ordergen_server.rest.api import Api, ForRequest
from ordergen_server.rest.v1 import shapes
from ordergen_server.rest.v1.exact import ExactRoute
from ordergen_server.rest.v1.forms import ModelOrders, PortfolioOrders
from ordergen_server.rest.v1.paths import PREFIX, IdempotencyKey, ModelId, PortfolioId, refusals

pb = rebalance_service_pb2

#: Before the caller's time ends, for the answer to be written and to arrive.
MARGIN_SECONDS = 2.0
#: Of what is done so far: with more than so much gathered the answer does not wait for the rest of the run.
LARGEST_BYTES = 64 * 1024 * 1024

router = APIRouter(prefix=PREFIX, tags=["rebalances"], route_class=ExactRoute)


@router.post(
    "/portfolio/{portfolio_id}/rebalance", response_model=PortfolioOrders, responses=refusals(400, 404, 422)
)
async def rebalance_portfolio(
    portfolio_id: PortfolioId, api: ForRequest, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Rebalances a portfolio to its model, and answers its orders."""
    request = pb.RebalancePortfolioRequest(portfolio_id=portfolio_id, request_id=idempotency_key)
    return answered(shapes.orders(await api.call(api.rebalances.RebalancePortfolio, request)))


@router.post(
    "/model/{model_id}/rebalance", response_model=list[ModelOrders], responses=refusals(400, 404, 409, 422)
)
async def rebalance_model(
    model_id: ModelId, api: ForRequest, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Rebalances every portfolio of a model, and answers the orders of all in one object.

    A run that takes longer than the caller waits goes on: the answer has what is done by then, or some 64 MB.
    """
    request = pb.StartRebalanceRequest(model_id=model_id.lower(), request_id=idempotency_key)
    run = await api.call(api.rebalances.StartRebalance, request)
    if not run.portfolio_count:
        return answered([])
    orders = _Orders(run)
    try:
        async with asyncio.timeout(max(0.0, api.caller.seconds_left - MARGIN_SECONDS)):
            await orders.gather(api)
    except TimeoutError:
        pass  # the answer has the run's state, which says that it goes on
    return await answered_in_parts(orders.as_json())


class _Orders:
    """The orders of a run so far, as JSON already, a part a portfolio."""

    def __init__(self, run: rebalance_pb2.Rebalance) -> None:
        self._run = run
        self._done = 0
        self._bytes = 0
        self._transactions: list[bytes] = []
        self._drifts: list[bytes] = []

    async def gather(self, api: Api) -> None:
        """Take in what becomes of each portfolio until the run ends, or it is too much to keep.

        Raises OrderGenerationError, or one of its kinds: what the run failed with.
        """
        request = pb.WatchRebalanceRequest(rebalance_id=self._run.rebalance_id)
        async with aclosing(api.stream(api.rebalances.WatchRebalance, request)) as messages:
            async for message in messages:
                if message.HasField("portfolio"):
                    self._add(message.portfolio)
                    if self._bytes > LARGEST_BYTES:
                        return
                elif message.HasField("finished"):
                    self._run = message.finished
        if self._run.state == rebalance_pb2.REBALANCE_STATE_FAILED:
            raise from_status(self._run.error)

    async def as_json(self) -> AsyncIterator[bytes]:
        """The one object that callers expect, in its array: in parts, for all of it may be hundreds of MB."""
        head = {
            "portfolio_id": self._run.model_id,
            "rebalance_id": self._run.rebalance_id,
            "state": shapes.rebalance(self._run)["state"],
            "number_of_portfolios": self._run.portfolio_count,
            "portfolios_done": self._done,
        }
        yield b"[%b" % encode(head)[:-1]
        for name, parts in (("transactions", self._transactions), ("drifts", self._drifts)):
            mark = b',"%b":[' % name.encode()
            for part in parts:
                yield mark + part
                mark = b","
            yield b"]" if mark == b"," else mark + b"]"
        yield b"}]"

    def _add(self, message: rebalance_pb2.PortfolioRebalance) -> None:
        self._done += 1
        for parts, lines in (
            (self._transactions, shapes.transactions(message)),
            (self._drifts, shapes.drifts(message)),
        ):
            if lines:
                parts.append(encode(lines)[1:-1])
                self._bytes += len(parts[-1])
