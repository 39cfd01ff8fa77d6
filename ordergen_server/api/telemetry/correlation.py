"""Ids that callers give their calls: taken in where they are fit to be logged and passed on, else made here.

https://www.w3.org/TR/trace-context/ has the form of `traceparent` and `tracestate`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ordergen_server.domain.origin import CORRELATION_ID

REQUEST_ID = "x-request-id"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

#: UUIDs, ULIDs and what else is used; nothing that could break a log line, a header or a query.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=@-]{0,127}")
#: A later version may have more at its end, which is not passed on.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")
_LONGEST_TRACEPARENT = 128


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A span of the caller.

    Attributes:
        header: as it is passed on.
        trace_id: 32 hexadecimal digits.
        state: the `tracestate` beside it; empty where there is none.
    """

    header: str
    trace_id: str
    state: str


@dataclass(frozen=True, slots=True)
class CallIds:
    """The ids of one call.

    Attributes:
        correlation_id: the caller's `x-correlation-id`, or their `x-request-id`, or one made here.
        request_id: the caller's `x-request-id`; empty where there is none that is fit.
        parent: the caller's span, if they trace.
    """

    correlation_id: str
    request_id: str
    parent: TraceParent | None

    @property
    def headers(self) -> dict[str, str]:
        """What is passed on to other services, and answered."""
        headers = {CORRELATION_ID: self.correlation_id}
        if self.request_id:
            headers[REQUEST_ID] = self.request_id
        if self.parent:
            headers[TRACEPARENT] = self.parent.header
            if self.parent.state:
                headers[TRACESTATE] = self.parent.state
        return headers


def ids_of(metadata: Mapping[str, str]) -> CallIds:
    """The ids of a call with these headers, whose names are in lower case."""
    request_id = _id(metadata.get(REQUEST_ID))
    correlation_id = _id(metadata.get(CORRELATION_ID)) or request_id or os.urandom(16).hex()
    return CallIds(correlation_id, request_id, _parent(metadata))


def _id(given: object) -> str:
    return given if isinstance(given, str) and _ID.fullmatch(given) else ""


def _parent(metadata: Mapping[str, str]) -> TraceParent | None:
    given = metadata.get(TRACEPARENT)
    if not isinstance(given, str) or len(given) > _LONGEST_TRACEPARENT:
        return None
    found = _TRACEPARENT.fullmatch(given)
    if not found or (found[1] == "00" and found[5]):
        return None
    state: object = metadata.get(TRACESTATE)
    fit = isinstance(state, str) and _TRACESTATE.fullmatch(state)
    return TraceParent(f"00-{found[2]}-{found[3]}-{found[4]}", found[2], str(state) if fit else "")
