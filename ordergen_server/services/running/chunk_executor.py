"""Where chunks are worked off: a port, for threads of this process, other processes, or a cluster."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.domain.origin import carried


class WorkerLost(Exception):
    """Whoever worked on a chunk is not there any more; what became of it the chunk says."""


class ChunkExecutor(Protocol):
    """Gives tasks to workers. What it knows does not matter: the chunks themselves say what is done."""

    @property
    def workers(self) -> int:
        """How many chunks are worked on at once."""

    def start(self) -> None:
        """Have workers begin that take a moment for it; nobody need wait for them."""

    def close(self) -> None:
        """Begin nothing more, and end."""

    def submit(self, task: ChunkTask) -> "Future[None]":
        """Have a chunk worked off; the future has the error that ended it, WorkerLost among them."""

    def is_due(self, task: ChunkTask) -> bool:
        """Whether its worker has nothing else to do, and so begins it soon if it lives."""

    def give_up(self, task: ChunkTask) -> None:
        """A task that was submitted shows no life any more: where that can be, end its worker."""


class ThreadExecutor:
    """Threads of this process; one that hangs cannot be ended.

    Args:
        work_off: what becomes of a task.
        threads: how many there are, for all runs.
        workers: how many a run is cut for.
    """

    def __init__(self, work_off: Callable[[ChunkTask], None], threads: int, workers: int) -> None:
        self._work_off = work_off
        self._threads = ThreadPoolExecutor(threads, "chunk")
        self._workers = workers

    @property
    def workers(self) -> int:
        """How many chunks of a run are worked on at once."""
        return self._workers

    def start(self) -> None:
        """Nothing: a thread begins with its first task."""

    def submit(self, task: ChunkTask) -> "Future[None]":
        """Have a chunk worked off, for whom this thread works."""
        return self._threads.submit(carried(self._work_off), task)

    def is_due(self, task: ChunkTask) -> bool:
        """Nobody knows: tasks of other runs may be before it."""
        del task
        return False

    def give_up(self, task: ChunkTask) -> None:
        """Nothing: its token is another's by now."""

    def close(self) -> None:
        """Wait for what is under way, and begin nothing more."""
        self._threads.shutdown(cancel_futures=True)
