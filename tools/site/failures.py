"""Every error that a caller can meet: its status, reason, HTTP codes, and the exception of the client."""

from collections.abc import Iterator

from ordergen_client.errors import from_status
from ordergen_server.api.messages.errors import TABLE, to_status
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.rest.answering import statuses
from ordergen_server.rest.answering.rpc_errors import HTTP_CODES
from tools.site.markdown import table

_COLUMNS = "Reason", "Meaning", "Status of gRPC", "HTTP, v2", "HTTP, v1", "Python"


def failures() -> str:
    """The table as Markdown: a row for each error that the server knows."""
    return "\n".join(table(_COLUMNS, map(_row, TABLE)))


def _row(kind: type[OrderGenerationError]) -> Iterator[str]:
    code, reason = TABLE[kind]
    raised = from_status(to_status(kind("")))
    yield f"`{reason}`"
    yield type(raised).__doc__ or ""  # as who calls sees it
    yield f"`{code.name}`"
    yield str(HTTP_CODES[code.name])
    yield str(statuses.status_of(raised))
    yield f"`{type(raised).__name__}`"
