"""What stands in paths and headers."""

from typing import Annotated, Any

from fastapi import Header, Path

from ordergen_server.rest.v1.forms import BrokenRules, Refusal

PREFIX = "/api/v1"

ModelId = Annotated[str, Path(description="The model: 24 hexadecimal characters.")]
RebalanceId = Annotated[str, Path(description="The run: 24 hexadecimal characters.")]
PortfolioId = Annotated[str, Path(description="The portfolio: 24 alphanumeric characters.")]
IdempotencyKey = Annotated[
    str,
    Header(
        description="A UUID4 that makes the call safe to repeat: the same key answers what was first done."
    ),
]


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers with an error that an operation has, for its documentation, and those of all."""
    forms = {422: BrokenRules}
    every = (401, 403, 429, 500, 503, 504)
    return {status: {"model": forms.get(status, Refusal)} for status in (*statuses, *every)}
