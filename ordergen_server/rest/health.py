"""Whether the front lives, and whether the API behind it serves."""

import grpc.aio
from fastapi import APIRouter, Request
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from ordergen_server.rest.answering.answers import answered

#: A probe waits a second or two.
CHECK_SECONDS = 1.5
SERVICE = "globeco-order-generation-service"

router = APIRouter(tags=["health"])


@router.get("/health", summary="Whether the API can be used", responses={503: {"description": "It cannot."}})
@router.get(
    "/health/ready",
    name="ready_probe",
    summary="The same, for probes",
    responses={503: {"description": "It cannot."}},
)
async def ready(request: Request) -> Response:
    """Answers 200 while the API serves, and 503 while it does not or cannot be reached."""
    problem = await _problem(request)
    status = "unhealthy" if problem else "healthy"
    told = {"status": status, "service": SERVICE, "checks": {"api": problem or "SERVING"}}
    return answered(told, 503 if problem else 200, {"retry-after": "1"} if problem else None)


@router.get("/health/live", summary="Whether the front lives")
async def live() -> Response:
    """Answers 200 as long as the front answers at all: what is behind it is no reason to restart it."""
    return answered({"status": "healthy", "service": SERVICE})


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Answers everything that is counted, in the text form of Prometheus."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _problem(request: Request) -> str:
    """What keeps the API from being used; empty where nothing does."""
    check = health_pb2_grpc.HealthStub(request.app.state.stubs.channel).Check  # type: ignore[attr-defined] # set when made
    try:
        answer = await check(health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return "" if status == "SERVING" else status
