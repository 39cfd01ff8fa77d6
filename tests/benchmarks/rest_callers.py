"""Callers of the REST front in a process of their own, each with a connection that it keeps.

They write bytes that are made beforehand and read no more of an answer than its length says, so that what is
measured is the front. An order comes as a line of JSON, and what became of it goes out as another.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field

_LENGTH = re.compile(rb"content-length: (\d+)")


@dataclass(frozen=True)
class RestLoad:
    """What to ask for.

    Attributes:
        path: of GET.
        callers: each asks for one answer after the other.
        seconds: for how long requests are begun.
    """

    port: int
    path: str
    callers: int
    seconds: float


@dataclass
class RestBecame:
    """The seconds of each answer with status 200, how many had another, and the seconds of all together."""

    answered_seconds: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0


async def carry_out(load: RestLoad) -> RestBecame:
    """Ask, and wait for the last answer."""
    became, began = RestBecame(), time.monotonic()
    await asyncio.gather(*(_caller(load, became, began) for _ in range(load.callers)))
    became.seconds = time.monotonic() - began
    return became


async def _caller(load: RestLoad, became: RestBecame, began: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    request = f"GET {load.path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n\r\n".encode()
    while time.monotonic() < began + load.seconds:
        asked = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None:
            raise ValueError(f"the answer has no length: {head.decode()}")
        await reader.readexactly(int(length[1]))
        if head.startswith(b"HTTP/1.1 200 "):
            became.answered_seconds.append(time.perf_counter() - asked)
        else:
            became.refused += 1
    writer.close()


def main() -> None:
    """Carry out order after order until there is none."""
    for line in sys.stdin:
        became = asyncio.run(carry_out(RestLoad(**json.loads(line))))
        sys.stdout.write(json.dumps(asdict(became)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
