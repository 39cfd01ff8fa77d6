"""SIGTERM and Ctrl-C as something to wait for, so that the main thread can end things in order."""

import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from types import FrameType

#: A signal that another thread receives does not wake a main thread that waits without end.
LOOK_SECONDS = 0.2


class Stop:
    """What a signal sets and the main thread waits for.

    A handler interrupts the main thread wherever it is. threading.Event has a lock: a thread that has it just
    then waits for itself for ever. Here is none.
    """

    def __init__(self) -> None:
        self._set = False
        self._hears, self._says = socket.socketpair()
        self._says.setblocking(False)

    def set(self) -> None:
        """From now on it is time to stop. Any thread may say so, and any handler of a signal."""
        self._set = True
        with suppress(OSError):  # it was said so often that nothing more fits, or nobody waits any longer
            self._says.send(b"\0")

    def is_set(self) -> bool:
        """Whether it is."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Wait for it so long; whether it is time."""
        if not self._set:
            select.select([self._hears], [], [], seconds)
        return self._set

    def close(self) -> None:
        """Nobody waits any longer."""
        self._hears.close()
        self._says.close()


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """What the first SIGTERM or SIGINT of the block sets; only the main thread may call this."""
    stop = Stop()

    def note(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


def stop_at_end_of_input(stop: Stop) -> None:
    """Set `stop`, too, once standard input ends: with whoever started us, however that ends."""

    def read() -> None:
        sys.stdin.read()
        stop.set()

    Thread(target=read, name="input", daemon=True).start()


def wait_for(stop: Stop) -> None:
    """Return once `stop` is set."""
    while not stop.wait(LOOK_SECONDS):
        pass
