"""Processes of this machine that work chunks off: each a pool of its own, so that one dies alone.

They are spawned, never forked, and end with the process that started them, however that ends.
"""

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from threading import Lock, Thread

from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.compute.reports import Reporter
from ordergen_server.compute.wiring import chunk_worker
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.garbage import collect_seldom
from ordergen_server.services.running.chunk_executor import WorkerLost
from ordergen_server.services.running.chunk_worker import ChunkWorker
from ordergen_server.services.running.report import Report

_log = logging.getLogger(__name__)

#: How long processes may take to end what they do when the server stops; its runs are let go by then.
CLOSE_SECONDS = 5.0
#: Whoever answers calls goes first (nice(2)): a run takes what they leave.
NICENESS = 10
#: A pool does not tell its process: it is the one that was not there before. One begins at a time.
_beginning = Lock()


@dataclass(frozen=True, slots=True)
class ComputeConfig:
    """What a compute process needs.

    Attributes:
        settings: those of the server.
        mongodb_uri: the server's database.
        readers: portfolios that each process reads at once.
    """

    settings: Settings
    mongodb_uri: str
    readers: int


class ProcessExecutor:
    """A ChunkExecutor; a process that dies is replaced, and its tasks end as lost.

    Args:
        config: what each process needs.
        processes: how many there are.
        heard: is told what became of work.
    """

    def __init__(self, config: ComputeConfig, processes: int, heard: Callable[[Report], None]) -> None:
        self._heard = heard
        self._slots = [_Slot(config) for _ in range(processes)]

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return len(self._slots)

    def start(self) -> None:
        """Have the processes begin, which takes a moment; nobody need wait for it."""
        for slot in self._slots:
            slot.start()

    def submit(self, task: ChunkTask) -> "Future[None]":
        """Have a chunk worked off by the process that has the least to do."""
        slot = min(self._slots, key=lambda one: len(one.tasks))
        answer: Future[None] = Future()
        reported = slot.submit(task)
        reported.add_done_callback(lambda done: self._answer(done, answer))
        return answer

    def is_due(self, task: ChunkTask) -> bool:
        """Whether it is the first that its process has."""
        return any(next(iter(list(slot.tasks)), None) == task for slot in self._slots)

    def give_up(self, task: ChunkTask) -> None:
        """End the process that has a task; others that it has end as lost."""
        for slot in self._slots:
            if task in slot.tasks:
                slot.kill()

    def close(self) -> None:
        """End every process; what is under way has a moment to end by itself, and so has each process."""
        for slot in self._slots:
            slot.stop()
        wait([one for slot in self._slots for one in list(slot.tasks.values())], CLOSE_SECONDS)
        until = time.monotonic() + CLOSE_SECONDS
        for slot in self._slots:
            slot.end(max(0.0, until - time.monotonic()))

    def _answer(self, reported: "Future[Report]", answer: "Future[None]") -> None:
        error = WorkerLost("it was not begun") if reported.cancelled() else reported.exception()
        if isinstance(error, BrokenExecutor):
            error = WorkerLost("its process has ended")
        if error:
            answer.set_exception(error)
        else:
            self._heard(reported.result())
            answer.set_result(None)


@dataclass(slots=True)
class _Slot:
    """One process, and the next in its place.

    Attributes:
        tasks: what it was given and has not answered.
    """

    config: ComputeConfig
    tasks: "dict[ChunkTask, Future[Report]]" = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _pool: ProcessPoolExecutor | None = None
    _process: BaseProcess | None = None
    _stopping: Thread | None = None

    def start(self) -> None:
        """Have a process."""
        with self._lock:
            self._open()

    def submit(self, task: ChunkTask) -> "Future[Report]":
        with self._lock:
            try:
                future = self._open().submit(_work_off, task)
            except BrokenExecutor:  # it died while it had nothing to do
                _log.warning("a compute process has ended: starting another")
                self._pool = None
                future = self._open().submit(_work_off, task)
            self.tasks[task] = future
        future.add_done_callback(lambda _: self.tasks.pop(task, None))
        return future

    def kill(self) -> None:
        """End the process, whatever it does; one that has ended is left alone."""
        if self._process and not connection.wait([self._process.sentinel], 0):
            self._process.kill()

    def stop(self) -> None:
        """Begin nothing more. Its pool alone waits for it: of two that do, one would take it to be alive."""
        if self._pool and not self._stopping:
            end = partial(self._pool.shutdown, cancel_futures=True)
            self._stopping = Thread(target=end, name="stopping")
            self._stopping.start()

    def end(self, seconds: float) -> None:
        """See the process end, and end it where it works still, or has not ended after so long."""
        if self.tasks:
            self.kill()
        if self._stopping:
            self._stopping.join(seconds)
            self.kill()  # where it hangs, and would keep this process from its end
            self._stopping.join()

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(self.config,))
            with _beginning:
                before = set(multiprocessing.active_children())
                self._pool.submit(os.getpid)  # it begins, and imports what it needs, before it must
                self._process = next(iter(set(multiprocessing.active_children()) - before), None)
        return self._pool


class _Process:
    """What a compute process has; it is made once, by the first task."""

    config: ComputeConfig
    reporter: Reporter
    worker: ChunkWorker | None = None
    stack = ExitStack()


def _begin(config: ComputeConfig) -> None:
    """The beginning of a compute process. Ctrl-C is for the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, name="parent", daemon=True).start()
    os.nice(NICENESS)
    collect_seldom()
    settings = config.settings
    _Process.stack.enter_context(logging_to(sys.stderr, settings.log_level, settings.log_format))
    _Process.config = config
    _Process.reporter = Reporter()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _work_off(task: ChunkTask) -> Report:
    """In a compute process: work a chunk off, and report."""
    config, reporter = _Process.config, _Process.reporter
    if _Process.worker is None:
        opened = chunk_worker(config.settings, config.mongodb_uri, config.readers, reporter)
        _Process.worker = _Process.stack.enter_context(opened)
    _Process.worker.work_off(task)
    return reporter.take()
