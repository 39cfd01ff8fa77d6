"""A run as a page for people; it begins with what is known last, so it is in a file before it is sent."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from functools import partial
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from fastapi import APIRouter, Request
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ordergen_client.errors import Cancelled, PreconditionFailed, ResourceExhausted, Unavailable, Violation
from ordergen_client.records import messages
from ordergen_client.records.values import RebalanceEvent
from ordergen_client.report.awaited import write_page
from ordergen_client.report.write import policy
from ordergen_client.whole_file import FileNotWrittenError
from ordergen_server.rest.answering.places import Places
from ordergen_server.rest.answering.statuses import RUNNING
from ordergen_server.rest.api import Api, ForLongRequest
from ordergen_server.rest.v1.decided import decided_for
from ordergen_server.rest.v1.exact import ExactRoute
from ordergen_server.rest.v1.paths import PREFIX, RebalanceId, refusals
from ordergen_server.rest.v1.runs import get_run

_log = logging.getLogger(__name__)

#: For a page to be sent: who reads slowly must not keep others from their reports.
SEND_SECONDS = 120.0
_PART_BYTES = 256 * 1024
#: The page's own, and what a page of ours needs beside: it is nobody's frame, and may do nothing in our name.
_POLICY = f"{policy()}; frame-ancestors 'none'; sandbox allow-scripts"
_PAGE: dict[str, Any] = {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}

router = APIRouter(prefix=PREFIX, tags=["rebalances"], route_class=ExactRoute)


@router.get(
    "/rebalance/{rebalance_id}/report",
    response_class=Response,
    responses={200: _PAGE, **refusals(400, 404, 409)},
)
async def get_report(rebalance_id: RebalanceId, api: ForLongRequest, request: Request) -> Response:
    """Answers a run that has ended as one page for people, with all that it needs in it.

    It is answered once it is written, which may take as long as a stream where the request does not say less.
    """
    run = await get_run(api, rebalance_id.lower())
    if run.state == rebalance_pb2.REBALANCE_STATE_RUNNING:
        raise _running(run.rebalance_id)
    with ExitStack() as ending:
        _enter(request.app.state.reports, ending)
        page = await written(api, run, request, ending)
        return PageResponse(page, run.rebalance_id, ending.pop_all())


async def written(api: Api, run: rebalance_pb2.Rebalance, request: Request, ending: ExitStack) -> BinaryIO:
    """The page in a file that is there until the ending."""
    rebalance_id = run.rebalance_id
    try:
        page: BinaryIO = ending.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
        async with aclosing(_events(api, rebalance_id, request)) as events:
            await write_page(events, page, await decided_for(api, run))
    except FileNotWrittenError:
        raise Unavailable("UNAVAILABLE", f"rebalance {rebalance_id} was not told to its end") from None
    except OSError as error:
        _log.exception("a report cannot be written")
        raise _no_room() from error
    return page


async def _events(api: Api, rebalance_id: str, request: Request) -> AsyncGenerator[RebalanceEvent]:
    """Every event of a run, as long as somebody waits for its report."""
    watch = rebalance_service_pb2.WatchRebalanceRequest(rebalance_id=rebalance_id)
    async with aclosing(api.stream(api.rebalances.WatchRebalance, watch)) as told:
        async for message in told:
            if await request.is_disconnected():
                raise Cancelled("CANCELLED", "nobody waits for the report any more")
            yield messages.event(message)


def _enter(reports: Places, ending: ExitStack) -> None:
    if not reports.enter(ending):
        raise ResourceExhausted("RESOURCE_EXHAUSTED", f"{reports.most} reports are written: try again later")


def _running(rebalance_id: str) -> PreconditionFailed:
    return PreconditionFailed(
        "FAILED_PRECONDITION",
        f"rebalance {rebalance_id} goes on: ask for its report once it has ended",
        reason="FAILED_PRECONDITION",
        metadata={"rebalance_id": rebalance_id},
        violations=(Violation(rebalance_id, "must have ended", RUNNING),),
    )


def _no_room() -> Unavailable:
    # It has a reason, or it would be told as a failure of the way to the API.
    return Unavailable(
        "UNAVAILABLE",
        "the REST front has no room for the file of a report: tell its operators",
        reason="NO_ROOM",
    )


class PageResponse(StreamingResponse):
    """Sends a file from its beginning, and ends with what belongs to it, whoever ended it."""

    def __init__(self, page: BinaryIO, rebalance_id: str, ending: ExitStack) -> None:
        self._ending = ending
        headers = {
            "content-length": str(page.tell()),
            "content-security-policy": _POLICY,
            "content-disposition": f'inline; filename="{rebalance_id}.html"',
        }
        page.seek(0)
        parts = iter(partial(page.read, _PART_BYTES), b"")
        super().__init__(parts, headers=headers, media_type="text/html")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises TimeoutError."""
        with self._ending:
            async with asyncio.timeout(SEND_SECONDS):
                await super().__call__(scope, receive, send)
