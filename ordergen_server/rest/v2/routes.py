"""Version 2: a route for every HTTP rule of the contract."""

import asyncio
import re
from contextlib import ExitStack
from typing import Any

import grpc
from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from ordergen_client.errors import Unauthenticated
from ordergen_server.rest.answering.allowed import headers_of
from ordergen_server.rest.answering.answers import MEDIA_TYPE
from ordergen_server.rest.answering.places import Places
from ordergen_server.rest.answering.rpc_errors import PREFIX, malformed, refused, status_of, told
from ordergen_server.rest.v2.bindings import Binding, bindings
from ordergen_server.rest.v2.calls import answer_of, open_stream
from ordergen_server.rest.v2.events import events_of, resume
from ordergen_server.rest.v2.requests import MalformedRequest, message_of


class _Segment(StringConvertor):
    """What stands for a variable of a path: no slash, and no colon, after which there would be a verb."""

    regex = "[^/:]+"


register_url_convertor("segment", _Segment())


def mounted(front: State) -> Mount:
    """What answers below `/api/v2`, with a table of errors of its own.

    Args:
        front: the state of the front: its settings, and the stubs that it has once it is served.
    """
    mount = Mount(PREFIX, _create_app(front))
    # A path that has an end of a line in it would be no path of ours, and be answered by others.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def _create_app(front: State) -> Starlette:
    app = Starlette(
        routes=[_route(one) for one in bindings()],
        exception_handlers={
            MalformedRequest: _of_the_form,  # type: ignore[dict-item] # each is given its own kind alone
            Unauthenticated: _without_credentials,  # type: ignore[dict-item] # likewise
            grpc.RpcError: _of_the_api,  # type: ignore[dict-item] # likewise
            HTTPException: _of_http,  # type: ignore[dict-item] # likewise
            Exception: _of_ours,
        },
    )
    app.state.front = front
    app.state.streams = Places(front.settings.maximum_streams)
    return app


def _route(binding: Binding) -> Route:
    async def answer(request: Request) -> Response:
        message = await message_of(binding, request)
        settings = request.app.state.front.settings
        content = await answer_of(binding, message, request, settings.timeout_seconds)
        return Response(content, media_type=MEDIA_TYPE)

    async def stream(request: Request) -> Response:
        message = await message_of(binding, request)
        if binding.can_resume:
            resume(message, request.headers)
        return await _streamed(binding, message, request)

    path = binding.path.removeprefix(PREFIX).replace("}", ":segment}")
    route = Route(path, stream if binding.streams else answer, methods=[binding.verb])
    assert route.methods is not None  # noqa: S101 - it was given one
    route.methods.discard("HEAD")  # nobody waits for a stream without reading it
    return route


async def _streamed(binding: Binding, message: Any, request: Request) -> Response:  # noqa: ANN401 - a message of its kind
    state, settings = request.app.state, request.app.state.front.settings
    # Whoever leaves a stream that cannot be gone on with cancels its run: such a stream ends by itself.
    leaving = state.front.leaving if binding.can_resume else asyncio.Event()
    ending = ExitStack()
    if not state.streams.enter(ending):
        return refused(429, f"{settings.maximum_streams} streams are open: try again later")
    try:
        call = open_stream(binding, message, request, settings.stream_seconds)
        return await events_of(call, settings.stream_comment_seconds, leaving, ending)
    except BaseException:  # who leaves while it is opened, too: its place is given back
        ending.close()
        raise


async def _of_the_form(request: Request, error: MalformedRequest) -> Response:
    del request
    return malformed(error.violations, error.code)


async def _without_credentials(request: Request, error: Unauthenticated) -> Response:
    del request
    return refused(401, error.message)


async def _of_the_api(request: Request, error: grpc.RpcError) -> Response:
    del request
    return told(status_of(error))


async def _of_http(request: Request, error: HTTPException) -> Response:
    return refused(error.status_code, error.detail, headers_of(error, request, request.app.routes))


async def _of_ours(request: Request, error: Exception) -> Response:
    del error  # whoever serves the application logs it
    ids = request.state.ids
    return refused(500, f"internal error; its correlation id is {ids.correlation_id}")
