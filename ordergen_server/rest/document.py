"""Both versions in one document of OpenAPI 3.1: version 1 from FastAPI, version 2 from the contract."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ordergen_server.rest.v2.document import document as version_2

DESCRIPTION = """\
Turns investment models into whole-share orders.

`/api/v1` has the paths and forms of earlier clients: numbers as they read them, errors as `{"detail": ...}`.
`/api/v2` is the gRPC contract in proto3 JSON: every call, every field, errors as
`{"error": {"code", "status", "message", "details"}}`, and the progress of runs as Server-Sent Events.

Every request may have `X-Correlation-ID`, which its answer repeats, `traceparent`, and `Grpc-Timeout` (as
`5S` or `800m`), after which the answer is 504. Where the API asks for no credentials, `X-Actor` says who
calls.
"""
_V1 = "/api/v1"
_CORRELATION = {"x-correlation-id": {"$ref": "#/components/headers/CorrelationId"}}
_RETRY_AFTER = {"retry-after": {"$ref": "#/components/headers/RetryAfter"}}
_CHALLENGE = {"www-authenticate": {"$ref": "#/components/headers/Challenge"}}
#: What an answer with such a status has besides.
_MORE_HEADERS = {"429": _RETRY_AFTER, "503": _RETRY_AFTER, "401": _CHALLENGE}
_HEADERS = {
    "CorrelationId": {
        "description": "The X-Correlation-ID of the request, or one that was made for it.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "Seconds after which to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Challenge": {
        "description": "What to show: a bearer token.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Where the API asks for tokens; docs/security.md says what each call needs.",
}
#: FastAPI's own form of a broken rule, which is not the one that is answered.
_NOT_OURS = ("HTTPValidationError", "ValidationError")
_SCHEMAS = "#/components/schemas/"


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document. Raises ValueError where the versions have schemas of one name."""
    made = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    paths, schemas, tags = version_2()
    components = made["components"]
    for name in _NOT_OURS:
        components["schemas"].pop(name, None)
    if both := set(schemas) & set(components["schemas"]):
        raise ValueError(f"both versions have schemas named {', '.join(sorted(both))}")
    for path, operation in _operations(made["paths"]):
        if path.startswith(_V1):
            _complete(operation)
    made["paths"].update(paths)
    components["schemas"].update(schemas)
    components["headers"] = _HEADERS
    components["securitySchemes"] = {"bearer": _BEARER}
    made["security"] = [{}, {"bearer": []}]
    made["tags"] = tags
    for _, operation in _operations(made["paths"]):
        for status, answer in operation["responses"].items():
            answer["headers"] = {**_CORRELATION, **_MORE_HEADERS.get(status, {})}
    return made


def _operations(paths: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in paths.items():
        for operation in item.values():
            yield path, operation


def _complete(operation: dict[str, Any]) -> None:
    """Add what any operation of version 1 can answer, whatever it does."""
    answers = operation["responses"]
    if "422" in answers:
        answers["422"] = _refusal("A rule is broken.", "BrokenRules")
    if "requestBody" in operation:
        answers["408"] = _refusal("The body did not come in time.", "Refusal")
        answers["413"] = _refusal("The body is too large.", "Refusal")
    if any(one["in"] == "path" for one in operation.get("parameters", ())):
        answers["307"] = {"description": "The same path without the slash at its end."}
        answers["404"] = answers.get("404") or _refusal("There is no such path.", "Refusal")
        answers["405"] = _refusal("The path has no such method.", "Refusal")
    operation["responses"] = dict(sorted(answers.items()))


def _refusal(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{schema}"}}}
    return {"description": description, "content": content}
