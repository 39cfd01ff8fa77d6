"""Runs that are stored."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from starlette.responses import Response

from ordergen_client.errors import NotFound
from ordergen_server.rest.answering.answers import answered, answered_in_parts, array
from ordergen_server.rest.api import Api, ForRequest
from ordergen_server.rest.v1 import shapes
from ordergen_server.rest.v1.exact import ExactRoute
from ordergen_server.rest.v1.forms import (
    LineAnswer,
    PortfolioAnswer,
    Portfolios,
    RebalanceAnswer,
    Told,
    Version,
)
from ordergen_server.rest.v1.paths import PREFIX, PortfolioId, RebalanceId, refusals
from ordergen_server.rest.v1.runs import get_run, portfolios_of, run_in_parts

pb = rebalance_service_pb2

DEFAULT_LIMIT, LARGEST_LIMIT = 10, 100

Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="Runs to pass over.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Runs at most.")]
SortBy = Annotated[str, Query(description="Taken and ignored: runs come newest first.")]

router = APIRouter(prefix=PREFIX, tags=["rebalances"], route_class=ExactRoute)


@router.get("/rebalances", response_model=list[RebalanceAnswer], responses=refusals(422))
async def list_rebalances(
    api: ForRequest, offset: Offset = 0, limit: Limit = DEFAULT_LIMIT, sort_by: SortBy = ""
) -> Response:
    """Answers runs with what they did, newest first."""
    del sort_by
    return await answered_in_parts(_runs_in_parts(api, (), offset, limit))


@router.post("/rebalances/portfolios", response_model=list[RebalanceAnswer], responses=refusals(422))
async def list_rebalances_of_portfolios(
    body: Portfolios, api: ForRequest, offset: Offset = 0, limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Answers the runs over at least one of these portfolios, newest first."""
    return await answered_in_parts(_runs_in_parts(api, body.portfolios, offset, limit))


@router.get("/rebalance/{rebalance_id}", response_model=RebalanceAnswer, responses=refusals(400, 404))
async def get_rebalance(rebalance_id: RebalanceId, api: ForRequest) -> Response:
    """Answers a run with what it did; of one that goes on, what is done so far."""
    run = await get_run(api, rebalance_id.lower())
    return await answered_in_parts(run_in_parts(api, run))


@router.get(
    "/rebalance/{rebalance_id}/portfolios", response_model=list[PortfolioAnswer], responses=refusals(400, 404)
)
async def get_portfolios(rebalance_id: RebalanceId, api: ForRequest) -> Response:
    """Answers what a run did for each portfolio."""
    run = await get_run(api, rebalance_id.lower())
    return await answered_in_parts(array(_portfolios(api, run)))


@router.get(
    "/rebalance/{rebalance_id}/portfolio/{portfolio_id}/positions",
    response_model=list[LineAnswer],
    responses=refusals(400, 404),
)
async def get_positions(rebalance_id: RebalanceId, portfolio_id: PortfolioId, api: ForRequest) -> Response:
    """Answers the lines of a portfolio in a run."""
    request = pb.GetPortfolioRebalanceRequest(rebalance_id=rebalance_id.lower(), portfolio_id=portfolio_id)
    return answered(shapes.positions(await api.call(api.rebalances.GetPortfolioRebalance, request)))


@router.delete("/rebalance/{rebalance_id}", response_model=Told, responses=refusals(400, 404, 409, 422))
async def delete_rebalance(
    rebalance_id: RebalanceId, version: Annotated[Version, Query()], api: ForRequest
) -> Response:
    """Deletes a run that has ended, with all that it stored."""
    request = pb.DeleteRebalanceRequest(rebalance_id=rebalance_id.lower(), version=version)
    await api.call(api.rebalances.DeleteRebalance, request)
    return answered({"message": f"rebalance {rebalance_id} is deleted"})


async def _runs_in_parts(
    api: Api, portfolios: Sequence[str], offset: int, limit: int
) -> AsyncIterator[bytes]:
    """So many runs from a place on; one that is deleted meanwhile is passed over, for the next."""
    mark = b"["
    async with aclosing(_runs(api, portfolios, offset, limit)) as runs:
        async for run in runs:
            async with aclosing(run_in_parts(api, run)) as parts:
                begun = False
                try:
                    async for part in parts:
                        yield part if begun else mark + part
                        begun = True
                except NotFound:
                    if begun:
                        raise
            mark, limit = (b",", limit - 1) if begun else (mark, limit)
            if not limit:
                break
    yield b"[]" if mark == b"[" else b"]"


async def _runs(
    api: Api, portfolios: Sequence[str], offset: int, page_size: int
) -> AsyncGenerator[rebalance_pb2.Rebalance]:
    """All runs from a place on: pages that the API cut short are joined."""
    request = pb.ListRebalancesRequest(skip=offset, portfolio_ids=portfolios, page_size=page_size)
    while True:
        page = await api.call(api.rebalances.ListRebalances, request)
        for run in page.rebalances:
            yield run
        if not page.next_page_token:
            return
        request.page_token, request.skip = page.next_page_token, 0


async def _portfolios(api: Api, run: rebalance_pb2.Rebalance) -> AsyncIterator[dict[str, object]]:
    async for message in portfolios_of(api, run):
        yield shapes.portfolio(message)
