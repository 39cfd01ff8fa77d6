"""How a call ends that failed: every error becomes one of the domain, and its status."""

import asyncio
import logging
import uuid
from typing import Any, NoReturn

import grpc
from grpc_status import rpc_status

from ordergen_server.api.errors import TABLE, to_status
from ordergen_server.domain.errors import InternalError, OrderGenerationError

Context = grpc.aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)


def as_domain_error(error: Exception) -> OrderGenerationError:
    """The error as callers may see it; anything but ours is a bug, whose cause is in the log alone."""
    if isinstance(error, OrderGenerationError):
        return error
    correlation_id = uuid.uuid4().hex
    _log.error("internal error %s", correlation_id, exc_info=error)
    return InternalError(
        f"Internal error. Quote {correlation_id} when you report it.",
        metadata={"correlation_id": correlation_id},
    )


async def abort(context: Context, error: OrderGenerationError) -> NoReturn:
    """End a call with the status of an error, and its details in the trailers.

    Raises:
        CancelledError: the caller is gone, and hears nothing any more.
    """
    status = rpc_status.to_status(to_status(error))
    code, _ = TABLE[type(error)]
    trailers = (*context.trailing_metadata(), *(status.trailing_metadata or ()))
    try:
        await context.abort(code, error.message, trailers)
    except grpc.aio.InternalError as gone:
        raise asyncio.CancelledError from gone
    raise AssertionError("a call was aborted and went on")
