"""How a call ends that failed: every error becomes one of the domain, and its status."""

import asyncio
import logging
import uuid
from functools import lru_cache
from typing import NoReturn

import grpc
from grpc_status import rpc_status

from ordergen_server.api.messages.errors import TABLE, to_status
from ordergen_server.api.wire.exchange import Context
from ordergen_server.domain.errors import InternalError, OrderGenerationError, ResourceExhausted

_log = logging.getLogger(__name__)


def as_domain_error(error: Exception, correlation_id: str = "") -> OrderGenerationError:
    """The error as callers may see it; anything but ours is a bug, whose cause is in the log alone.

    Args:
        error: whatever went wrong.
        correlation_id: of the call, which leads to the log; made where it has none.
    """
    if isinstance(error, OrderGenerationError):
        return error
    correlation_id = correlation_id or uuid.uuid4().hex
    _log.error("internal error %s", correlation_id, exc_info=error)
    return InternalError(
        f"Internal error. Quote {correlation_id} when you report it.",
        metadata={"correlation_id": correlation_id},
    )


def code_of(error: OrderGenerationError) -> grpc.StatusCode:
    """Its status code."""
    return TABLE[type(error)][0]


async def abort(context: Context, error: OrderGenerationError) -> NoReturn:
    """End a call with the status of an error, and its details in the trailers.

    Raises:
        CancelledError: the caller is gone, and hears nothing any more.
    """
    details = _details_of_refusal(error) if isinstance(error, ResourceExhausted) else _details(error)
    trailers = (*context.trailing_metadata(), *details)
    try:
        await context.abort(code_of(error), error.message, trailers)
    except grpc.aio.InternalError as gone:
        raise asyncio.CancelledError from gone
    raise AssertionError("a call was aborted and went on")


def _details(error: OrderGenerationError) -> tuple[tuple[str, str | bytes], ...]:
    return tuple(rpc_status.to_status(to_status(error)).trailing_metadata or ())


@lru_cache(64)
def _details_of_refusal(error: ResourceExhausted) -> tuple[tuple[str, str | bytes], ...]:
    """Made once for those that are equal: refusals come in masses, and must cost little."""
    return _details(error)
