"""Version 2 in OpenAPI 3.1: paths and schemas, made of the contract's descriptors and comments."""

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordergen_server.rest.answering.rpc_errors import HTTP_CODES
from ordergen_server.rest.v2.bindings import SERVICES, Binding, bindings
from ordergen_server.rest.v2.comments import first_sentence
from ordergen_server.rest.v2.events import tells_a_run
from ordergen_server.rest.v2.json_rules import STRINGS
from ordergen_server.rest.v2.schemas import PATTERNS, PREFIX, Schema, Schemas, is_required

#: Answered by any RPC, as the contract says of the services.
_ALWAYS = (
    "INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
    "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED",
)  # fmt: skip
_NO_SUCH_PATH = {404: "NOT_FOUND", 405: "UNIMPLEMENTED"}
_OF_BODIES = {408: "DEADLINE_EXCEEDED", 413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT"}
_WITH_DATA_LOSS = "RebalanceService"
_ERROR = "Error"
_STATUS_NAME = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\bABORTED\b|\bUNAVAILABLE\b|\bUNIMPLEMENTED\b")
_EVENTS = (
    "Server-Sent Events. Each has the sequence as its `id`, `started`, `portfolio` or `finished` as its"
    " `event`, and a RebalanceModelResponse as its `data`. What goes wrong after the first is the event"
    " `error`, whose data are an Error. A comment comes while nothing happens."
)
_MESSAGES = (
    "Server-Sent Events. Each has a {} as its `data`, and neither `id` nor `event`. What goes wrong after the"
    " first is the event `error`, whose data are an Error. A comment comes while nothing happens."
)


def document() -> tuple[dict[str, dict[str, Any]], dict[str, Schema], list[dict[str, str]]]:
    """The paths with their operations, the schemas that they refer to, and the tags."""
    sent, answered = Schemas(incoming=True), Schemas(incoming=False)
    paths: dict[str, dict[str, Any]] = {}
    for one in sorted(bindings(), key=lambda binding: binding.path):
        paths.setdefault(one.path, {})[one.verb.lower()] = _operation(one, sent, answered)
    tags = [{"name": one.name, "description": answered.said_of(one.full_name)} for one in SERVICES]
    return paths, {**sent.components, **answered.components, _ERROR: _error()}, tags


def _operation(binding: Binding, sent: Schemas, answered: Schemas) -> dict[str, Any]:
    method = binding.method
    comment = answered.said_of(method.full_name)
    operation: dict[str, Any] = {
        "tags": [method.containing_service.name],
        "summary": first_sentence(comment),
        "description": comment,
        "operationId": f"{method.containing_service.name}_{method.name}",
        "parameters": [*_path(binding, sent), *_query(binding, sent), *_headers(binding)],
        "responses": {**_success(binding, answered), **_errors(binding, comment)},
    }
    if binding.body:
        operation["requestBody"] = _body(binding, sent)
    return operation


def _path(binding: Binding, sent: Schemas) -> Iterator[dict[str, Any]]:
    for name, steps in binding.variables.items():
        field = _field(binding.request, steps)
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": sent.said_of(field.full_name),
            "schema": {"type": "string", "pattern": f"^{PATTERNS[field.name]}$"},
        }


def _query(binding: Binding, sent: Schemas) -> Iterator[dict[str, Any]]:
    if binding.body == "*":
        return
    for name, field in _parameters(binding.request):
        steps = tuple(name.split("."))
        if steps[0] == binding.body or steps in binding.variables.values():
            continue
        yield {
            "name": name,
            "in": "query",
            "required": is_required(field),
            "description": sent.said_of(field.full_name),
            "schema": sent.parameter(field),
        }


def _parameters(message: Descriptor, prefix: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """The fields that can be parameters, by dotted names."""
    for field in message.fields:
        inner = field.message_type
        if inner is None or inner.full_name in STRINGS:
            yield f"{prefix}{field.name}", field
        elif not field.is_repeated:
            yield from _parameters(inner, f"{prefix}{field.name}.")


def _headers(binding: Binding) -> Iterator[dict[str, Any]]:
    names = binding.request.fields_by_name
    if "request_id" in names:
        text = "The request_id, where the body has none: it makes the call safe to repeat."
        schema = {"type": "string", "pattern": f"^({PATTERNS['request_id']})?$"}
        yield {"name": "Idempotency-Key", "in": "header", "description": text, "schema": schema}
    if binding.can_resume:
        text = "The id of the last event seen: the stream goes on after it."
        schema = {"type": "string", "pattern": "^([0-9]{1,18})?$"}
        yield {"name": "Last-Event-ID", "in": "header", "description": text, "schema": schema}


def _body(binding: Binding, sent: Schemas) -> dict[str, Any]:
    kind = binding.body_type
    assert kind is not None  # noqa: S101 - as whoever calls it has looked
    outer = () if binding.body == "*" else (binding.body,)
    without = frozenset(steps[-1] for steps in binding.variables.values() if steps[:-1] == outer)
    schema = sent.message(kind, without)
    return {"required": bool(schema.get("required")), "content": {"application/json": {"schema": schema}}}


def _success(binding: Binding, answered: Schemas) -> dict[str, Any]:
    schema = answered.reference(binding.method.output_type)
    if not binding.streams:
        return {"200": {"description": "Done.", "content": {"application/json": {"schema": schema}}}}
    kind = binding.method.output_type
    told = _EVENTS if tells_a_run(kind) else _MESSAGES.format(kind.name)
    content: dict[str, Any] = {"text/event-stream": {}}  # a schema would be taken for that of an event
    return {
        "200": {"description": told, "content": content},
        "204": {"description": "There is nothing more in the stream: do not come back."},
    }


def _errors(binding: Binding, comment: str) -> dict[str, Any]:
    names: dict[int, list[str]] = {}
    promised = [name for name in _STATUS_NAME.findall(comment) if name in HTTP_CODES]
    lost = ["DATA_LOSS"] if binding.method.containing_service.name == _WITH_DATA_LOSS else []
    by_code = [(HTTP_CODES[name], name) for name in (*_ALWAYS, *promised, *lost)]
    by_code += _NO_SUCH_PATH.items() if binding.variables else ()
    by_code += _OF_BODIES.items() if binding.body else ()
    for code, name in by_code:
        if name not in names.setdefault(code, []):
            names[code].append(name)
    content = {"application/json": {"schema": {"$ref": f"{PREFIX}{_ERROR}"}}}
    return {
        str(code): {"description": " or ".join(names[code]), "content": content} for code in sorted(names)
    }


def _error() -> Schema:
    return {
        "type": "object",
        "description": "What went wrong (https://google.aip.dev/193).",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": {"type": "integer", "description": "The status of HTTP."},
                    "status": {
                        "type": "string",
                        "enum": list(HTTP_CODES),
                        "description": "The status of gRPC.",
                    },
                    "message": {"type": "string", "description": "For people."},
                    "details": {
                        "type": "array",
                        "description": "For programs: google.rpc.ErrorInfo, and BadRequest,"
                        " PreconditionFailure, ResourceInfo or RetryInfo where there is more to say.",
                        "items": {
                            "type": "object",
                            "properties": {"@type": {"type": "string"}},
                            "required": ["@type"],
                        },
                    },
                },
                "required": ["code", "status", "message", "details"],
                "additionalProperties": False,
            }
        },
        "required": ["error"],
        "additionalProperties": False,
    }


def _field(message: Descriptor, steps: tuple[str, ...]) -> FieldDescriptor:
    for step in steps[:-1]:
        inner = message.fields_by_name[step].message_type
        assert inner is not None  # noqa: S101 - a rule that were otherwise would be none
        message = inner
    return message.fields_by_name[steps[-1]]
