"""SIGTERM and Ctrl-C as an event to wait for, so that the main thread can end things in order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

#: A signal that another thread receives does not wake a main thread that waits without end.
LOOK_SECONDS = 0.2


@contextmanager
def stop_signals() -> Iterator[Event]:
    """An event that the first SIGTERM or SIGINT of the block sets; only the main thread may call this."""
    stop = Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(stop: Event) -> None:
    """Return once `stop` is set."""
    while not stop.wait(LOOK_SECONDS):
        pass
