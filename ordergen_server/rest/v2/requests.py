"""Requests of HTTP as messages of the API: path, query, body, `Idempotency-Key`, by the rule of each RPC."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.requests import Request

from ordergen_client.errors import Violation
from ordergen_server.rest.v2.bindings import Binding
from ordergen_server.rest.v2.json_rules import STRINGS, broken, field_of, shown

#: What is longer is read in a thread, so that other requests need not wait for it.
LARGE_BYTES = 64 * 1024
_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_SNAKE = re.compile(r"_([a-z0-9])")
_BOOLS = {"true": True, "false": False}
_UNKNOWN = "is not a parameter of this path"
_SHOWN_REASON = 300


class MalformedRequest(Exception):
    """A request that is no message.

    Attributes:
        violations: every rule that it breaks.
        code: of HTTP.
    """

    def __init__(self, *violations: Violation, code: int = 400) -> None:
        super().__init__(violations)
        self.violations = violations
        self.code = code


async def message_of(binding: Binding, request: Request) -> Message:
    """The message that a request stands for. Raises MalformedRequest."""
    body = await request.body() if binding.body else b""
    kind = request.headers.get("content-type", "")
    if body and not _JSON.fullmatch(kind):
        raise MalformedRequest(Violation("", "the Content-Type must be application/json"), code=415)
    arguments = binding, body, request.scope["query_string"], request.path_params, request.headers
    if len(body) > LARGE_BYTES:
        return await asyncio.to_thread(message_from, *arguments)
    return message_from(*arguments)


def message_from(
    binding: Binding, body: bytes, query: bytes, path: Mapping[str, str], headers: Mapping[str, str]
) -> Message:
    """The same, from the parts of a request; header names are in lower case. Raises MalformedRequest."""
    content = _query(binding, query)
    if binding.body:
        parsed = _json(body) if body else {}
        content = {**content, binding.body: parsed} if binding.body != "*" else parsed
    violations = tuple(broken(content, binding.request))
    if violations:
        raise MalformedRequest(*violations)
    message = GetMessageClass(binding.request)()
    try:
        ParseDict(content, message)
    except (
        ParseError,
        ValueError,
    ) as error:  # what a string must be, and fields of which one at most may be given
        raise MalformedRequest(Violation("", shown(str(error), _SHOWN_REASON))) from None
    for name, steps in binding.variables.items():
        _fill(message, steps, path[name], "the path")
    if headers.get("idempotency-key") and "request_id" in binding.request.fields_by_name:
        _fill(message, ("request_id",), headers["idempotency-key"], "Idempotency-Key")
    return message


def _fill(message: Message, steps: tuple[str, ...], value: str, source: str) -> None:
    """Set a field of text, which may be given elsewhere only if it says the same."""
    *outer, last = steps
    owner = message
    for step in outer:
        owner = getattr(owner, step)
    if getattr(owner, last) not in ("", value):
        raise MalformedRequest(Violation(".".join(steps), f"is not what {source} says"))
    setattr(owner, last, value)


def _json(body: bytes) -> Any:  # noqa: ANN401 - anything of JSON
    try:
        return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    except RecursionError:
        raise MalformedRequest(Violation("", "the body is nested too deep")) from None
    except ValueError as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise MalformedRequest(
            Violation("", f"the body is not JSON: {shown(str(error), _SHOWN_REASON)}")
        ) from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content: dict[str, object] = {}
    for name, value in pairs:
        if name in content:
            raise MalformedRequest(Violation(shown(name), "is given twice"))
        content[name] = value
    return content


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _query(binding: Binding, query: bytes) -> dict[str, Any]:
    """The fields that the query fills, as JSON. Raises MalformedRequest for one that it may not fill."""
    content: dict[str, Any] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedRequest(Violation("", "the query is not percent-encoded UTF-8")) from None
    for name, value in pairs:
        steps = _steps(binding, name)
        owner = content
        for step in steps[:-1]:
            owner = owner.setdefault(step.name, {})
        _put(owner, steps[-1], name, value)
    return content


def _steps(binding: Binding, name: str) -> list[FieldDescriptor]:
    """The fields that a dotted name leads through."""
    steps: list[FieldDescriptor] = []
    message: Descriptor | None = binding.request
    for part in name.split("."):
        field = field_of(message, part) if message else None
        if field is None:
            raise MalformedRequest(Violation(shown(name), _UNKNOWN))
        steps.append(field)
        message = None if field.is_repeated or _is_value(field) else field.message_type
    if not _is_value(steps[-1]):
        raise MalformedRequest(Violation(shown(name), _UNKNOWN))
    path = tuple(step.name for step in steps)
    if binding.body in ("*", path[0]) or path in binding.variables.values():
        raise MalformedRequest(Violation(shown(name), f"{_UNKNOWN}: it stands elsewhere"))
    return steps


def _is_value(field: FieldDescriptor) -> bool:
    """Whether a parameter can be all of it."""
    return field.message_type is None or field.message_type.full_name in STRINGS


def _put(owner: dict[str, Any], field: FieldDescriptor, name: str, text: str) -> None:
    value = _value(field, text)
    if field.is_repeated:
        owner.setdefault(field.name, []).append(value)
    elif field.name in owner:
        raise MalformedRequest(Violation(shown(name), "is given twice"))
    else:
        owner[field.name] = value


def _value(field: FieldDescriptor, text: str) -> object:
    """A parameter as JSON has it: what is no string there is read; names of fields are put as there."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _BOOLS.get(text, text)
    if field.message_type is not None and field.message_type.full_name == "google.protobuf.FieldMask":
        return _SNAKE.sub(lambda found: found[1].upper(), text)
    return text
