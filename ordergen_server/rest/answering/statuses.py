"""The table from what the API answers to what HTTP does."""

import math

from ordergen_client.errors import OrderGenerationError

#: As https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto with
#: one change that callers rely on: 422 for a rule that is broken, and for what has no solution.
STATUSES = {
    "INVALID_ARGUMENT": 422,
    "OUT_OF_RANGE": 422,
    "FAILED_PRECONDITION": 422,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "CANCELLED": 504,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "UNIMPLEMENTED": 501,
}
BROKEN = 500
#: What is told of failures on the way to the API, whose own words have addresses in them.
OF_THE_WAY = {
    "UNAVAILABLE": "the API cannot be reached: try again",
    "DEADLINE_EXCEEDED": "the time of the request ended; what it asks for may be done all the same",
}
#: The API's kind of violation where a run would have to have ended.
RUNNING = "RUNNING"
#: Of a caller that is asked to come back, where the API does not say when.
RETRY_SECONDS = 1


def status_of(error: OrderGenerationError) -> int:
    """The HTTP status of an error of the API: a run in progress is a conflict, whatever it hinders."""
    if {one.kind for one in error.violations} == {RUNNING}:
        return STATUSES["ABORTED"]
    return STATUSES.get(error.code, BROKEN)


def headers_of(error: OrderGenerationError, status: int) -> dict[str, str]:
    """The headers that an answer with an error has: when to come back, or what to show."""
    if status in (429, 503):
        return {"retry-after": str(math.ceil(error.retry_after_seconds or RETRY_SECONDS))}
    return {"www-authenticate": "Bearer"} if status == STATUSES["UNAUTHENTICATED"] else {}
