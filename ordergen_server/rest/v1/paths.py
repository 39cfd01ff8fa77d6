"""What stands in paths and headers."""

from typing import Annotated, Any

from fastapi import Header, Path

from ordergen_server.rest.v1.forms import BrokenRules, Refusal

PREFIX = "/api/v1"

#: For the document alone: the API checks ids, and its answer is the one that callers know.
_OBJECT_ID: dict[str, Any] = {"pattern": "^[0-9a-fA-F]{24}$"}
_ENTITY_ID: dict[str, Any] = {"pattern": "^[0-9A-Za-z]{24}$"}
_KEY: dict[str, Any] = {
    "pattern": "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})?$"
}

ModelId = Annotated[
    str, Path(description="The model: 24 hexadecimal characters.", json_schema_extra=_OBJECT_ID)
]
RebalanceId = Annotated[
    str, Path(description="The run: 24 hexadecimal characters.", json_schema_extra=_OBJECT_ID)
]
PortfolioId = Annotated[
    str, Path(description="The portfolio: 24 alphanumeric characters.", json_schema_extra=_ENTITY_ID)
]
IdempotencyKey = Annotated[
    str,
    Header(
        description="A UUID4 that makes the call safe to repeat: the same key answers what was first done.",
        json_schema_extra=_KEY,
    ),
]


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers with an error that an operation has, for its documentation, and those of all."""
    forms = {422: BrokenRules}
    every = (401, 403, 429, 500, 503, 504)
    return {status: {"model": forms.get(status, Refusal)} for status in (*statuses, *every)}
