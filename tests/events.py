"""Server-Sent Events, as a client reads them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.fronts import Front
from tests.limits import PATIENCE


@dataclass(frozen=True)
class Event:
    """An event; a comment has no kind."""

    kind: str
    last_id: str
    data: Any


@dataclass(frozen=True)
class EventStream:
    """An answer that goes on."""

    answer: urllib3.BaseHTTPResponse

    def __iter__(self) -> Iterator[Event]:
        """Each event or comment, when it comes; ends with the stream."""
        block: dict[str, str] = {}
        for line in self._lines():
            if line:
                name, _, value = line.partition(":")
                block[name] = value.strip()
            elif block:
                yield Event(
                    block.get("event", ""), block.get("id", ""), json.loads(block.get("data", "null"))
                )
                block = {}

    def _lines(self) -> Iterator[str]:
        begun = b""
        while part := self.answer.read1(65536):
            *lines, begun = (begun + part).split(b"\n")
            yield from (line.decode() for line in lines)


@contextmanager
def events(
    front: Front,
    path: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: bytes | None = None,
) -> Iterator[EventStream]:
    """A stream until the end of the block, at which the client leaves."""
    answer = front.http.request(
        method,
        front.url + path,
        body=body,
        headers={"accept": "text/event-stream", "content-type": "application/json", **(headers or {})},
        preload_content=False,
        redirect=False,
        retries=False,
        timeout=PATIENCE,
    )
    try:
        yield EventStream(answer)
    finally:
        answer.close()
