"""Callers in a process of their own: so many calls a second, or one after the other by each caller.

An order comes as a line of JSON on standard input, and what became of its calls goes out as another.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import grpc

CONNECTIONS = 8


@dataclass(frozen=True)
class Load:
    """What to call.

    Attributes:
        requests: the bytes of requests, as hexadecimal digits, taken in turns.
        callers: calls in flight; 0 where there is a rate.
        rate: calls a second, begun whatever became of those before.
        seconds: for how long calls are begun.
        deadline_seconds: of each call.
        token: sent with each call, where there is one.
    """

    port: int
    method: str
    requests: list[str]
    seconds: float
    deadline_seconds: float
    callers: int = 0
    rate: float = 0.0
    token: str = ""


@dataclass
class Became:
    """What became of the calls: how many by status, and the seconds of those that were answered."""

    codes: dict[str, int] = field(default_factory=dict)
    answered_seconds: list[float] = field(default_factory=list)
    refused_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0


async def carry_out(load: Load) -> Became:
    """Make the calls, and wait for the last of them."""
    became, codes = Became(), Counter[str]()
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [
        grpc.aio.insecure_channel(f"127.0.0.1:{load.port}", options=options) for _ in range(CONNECTIONS)
    ]
    methods: list[Any] = [channel.unary_unary(load.method) for channel in channels]
    metadata = (("authorization", f"Bearer {load.token}"),) if load.token else ()
    requests = [bytes.fromhex(one) for one in load.requests]

    async def call(number: int) -> None:
        began = time.monotonic()
        try:
            request = requests[number % len(requests)]
            await methods[number % CONNECTIONS](request, timeout=load.deadline_seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            codes[error.code().name] += 1
            became.refused_seconds.append(time.monotonic() - began)
        else:
            codes["OK"] += 1
            became.answered_seconds.append(time.monotonic() - began)

    began = time.monotonic()
    if load.callers:
        await asyncio.gather(*(_caller(call, one, load, began) for one in range(load.callers)))
    else:
        async with asyncio.TaskGroup() as group:
            for number in range(round(load.rate * load.seconds)):
                await asyncio.sleep(max(0.0, began + number / load.rate - time.monotonic()))
                group.create_task(call(number))
    became.codes, became.seconds = dict(codes), time.monotonic() - began
    for channel in channels:
        await channel.close()
    return became


async def _caller(call: Any, number: int, load: Load, began: float) -> None:  # noqa: ANN401 - a function of numbers
    while time.monotonic() < began + load.seconds:
        await call(number)
        number += load.callers


def main() -> None:
    """Carry out order after order until there is none."""
    for line in sys.stdin:
        became = asyncio.run(carry_out(Load(**json.loads(line))))
        sys.stdout.write(json.dumps(asdict(became)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
