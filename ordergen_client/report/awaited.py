"""Makes the page of events that are awaited: threads do what takes long, and the event loop goes on."""

import asyncio
import os
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, ParamSpec, TypeVar

from ordergen_client.records.values import Rebalance, RebalanceEvent
from ordergen_client.report.decided import NOTHING, Decided
from ordergen_client.report.write import Contents
from ordergen_client.whole_file import whole_file

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

#: Events that a thread is given at once: each way to a thread and back takes as long as some of them.
BATCH = 32


async def write_awaited_report(
    events: AsyncIterable[RebalanceEvent], path: Path, *, force: bool, decided: Decided = NOTHING
) -> Rebalance:
    """Write the report of a run to its end, as `write_report` does; answers the run."""
    with whole_file(path, force=force) as file:
        run = await write_page(events, file, decided)
        await _in_thread(_keep, file)
    return run


async def write_page(
    events: AsyncIterable[RebalanceEvent], file: BinaryIO, decided: Decided = NOTHING
) -> Rebalance:
    """Write the page of a run to a file that is open; answers the run.

    Args:
        events: of the run, in the view FULL.
        file: where it is written.
        decided: what was approved, rejected and sent of it.

    Raises:
        FileNotWrittenError: the events ended before the run.
        OSError: there is no room for it.
    """
    with TemporaryFile() as data:
        contents = Contents(data, decided=decided)
        batch: list[RebalanceEvent] = []
        async for event in events:
            batch.append(event)
            if len(batch) == BATCH or event.finished:
                await _in_thread(_add, contents, batch)
                batch = []
            if event.finished:
                break
        return await _in_thread(contents.write_to, file)


def _add(contents: Contents, events: Iterable[RebalanceEvent]) -> None:
    for event in events:
        contents.add(event)


def _keep(file: BinaryIO) -> None:
    """Have it on the disk, for which the event loop would wait otherwise."""
    file.flush()
    os.fsync(file.fileno())


async def _in_thread(work: Callable[Given, Answer], /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
    """Let a thread do it; who is cancelled waits for that, for the files must stay open so long."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    finally:
        while not working.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([working])
        if not working.cancelled():
            working.exception()  # nobody else may ask, who was cancelled
