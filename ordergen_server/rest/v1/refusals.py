"""How what goes wrong is told: `{"detail": "text"}`, or a list of rules where a body or query breaks them."""

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from ordergen_client.errors import OrderGenerationError, Violation
from ordergen_server.rest.answering.allowed import headers_of as headers_of_http
from ordergen_server.rest.answering.answers import answered
from ordergen_server.rest.answering.statuses import BROKEN, OF_THE_WAY, headers_of, status_of

_log = logging.getLogger(__name__)

#: What stands in the path or the query, whose rules are answered 400.
_OF_THE_ADDRESS = frozenset(
    {"model_id", "rebalance_id", "portfolio_id", "order_by", "page_size", "page_token", "skip"}
)
#: Metadata that lead on: to the run in progress, to the version that is current.
_LEADING = ("rebalance_id", "current_version")
_WRAPPERS = ("model.", "position.")
_NAMES = {"portfolio_ids": "portfolios"}
#: Fields of the API that stand in no body.
_ELSEWHERE: dict[str, list[str | int]] = {"request_id": ["header", "idempotency-key"]}
_STEP = re.compile(r"([a-z_]+)|\[(\d+)\]")
_LONGEST_INPUT = 100


def handle_in(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Tell every error of the API, of a body, and of our own, in the forms of this version.

    Args:
        app: the whole front.
        routes: those that a path may have other methods of.
    """

    async def of_http(request: Request, error: HTTPException) -> Response:
        return answered({"detail": error.detail}, error.status_code, headers_of_http(error, request, routes))

    app.add_exception_handler(HTTPException, of_http)  # type: ignore[arg-type] # it is given that kind alone
    app.add_exception_handler(OrderGenerationError, _of_the_api)  # type: ignore[arg-type] # it is given that kind alone
    app.add_exception_handler(RequestValidationError, _of_the_form)  # type: ignore[arg-type] # likewise
    app.add_exception_handler(Exception, _of_ours)


async def _of_the_api(request: Request, error: OrderGenerationError) -> Response:
    status = status_of(error)
    # What has no reason is not of the API.
    detail: object = error.message if error.reason else OF_THE_WAY.get(error.code, error.message)
    if error.code == "INVALID_ARGUMENT" and error.violations:
        if all(_unwrapped(one.subject) in _OF_THE_ADDRESS for one in error.violations):
            status = 400
            detail = "; ".join(f"{_unwrapped(one.subject)} {one.rule}" for one in error.violations)
        else:
            body = getattr(request.state, "body", None)
            detail = [_entry(one, body) for one in error.violations]
    more: dict[str, object] = {name: error.metadata[name] for name in _LEADING if name in error.metadata}
    return answered({**more, "detail": detail}, status, headers_of(error, status))


async def _of_the_form(request: Request, error: RequestValidationError) -> Response:
    del request
    return answered({"detail": [_plain(one) for one in error.errors()]}, 422)


async def _of_ours(request: Request, error: Exception) -> Response:
    del error  # whoever serves the application logs it
    ids = request.state.ids
    return answered({"detail": f"internal error; its correlation id is {ids.correlation_id}"}, BROKEN)


def _entry(violation: Violation, body: object) -> dict[str, Any]:
    """A broken rule of the API, in the form of a body's."""
    steps = list(_steps(violation.subject))
    place = _ELSEWHERE.get(violation.subject) or ["query" if body is None else "body", *steps]
    return {
        "type": violation.kind.lower() or "value_error",
        "loc": place,
        "msg": violation.rule,
        "input": _short(_at(body, steps)),
    }


def _steps(subject: str) -> Iterator[str | int]:
    """The path of a field of the API, as callers name it."""
    for name, place in _STEP.findall(_unwrapped(subject)):
        yield int(place) if place else _NAMES.get(name, name)


def _unwrapped(subject: str) -> str:
    """Without the message of the API that stands around what is the whole body here."""
    for wrapper in _WRAPPERS:
        subject = subject.removeprefix(wrapper)
    return subject


def _at(value: Any, steps: list[str | int]) -> object:  # noqa: ANN401 - anything of JSON
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _plain(problem: dict[str, Any]) -> dict[str, Any]:
    """What a form's check says, without what is not for callers."""
    why = problem.get("ctx", {}).get("error")  # of JSON, where it is no JSON
    return {
        "type": problem["type"],
        "loc": list(problem["loc"]),
        "msg": f"{problem['msg']}: {why}" if isinstance(why, str) else problem["msg"],
        "input": _short(problem["input"]),
    }


def _short(value: object) -> object:
    """What was sent, where that is short: what is long helps nobody. Half a character is its escape."""
    if isinstance(value, dict | list):
        return None
    text = str(value).encode(errors="backslashreplace").decode()
    if len(text) > _LONGEST_INPUT:
        return f"{text[:_LONGEST_INPUT]}..."
    return text if isinstance(value, str) else value
