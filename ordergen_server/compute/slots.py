"""A compute process, and the next in its place: it is a pool of its own, so that it dies alone."""

import logging
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from threading import Lock, Thread
from typing import Any, TypeVar

from ordergen_server.compute.compute_process import ComputeConfig, begin, judge, work_off
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.services.desk.judging import Checked, DriftTask, Judged
from ordergen_server.services.running.report import Report

_log = logging.getLogger(__name__)

#: A pool does not tell its process: it is the one that was not there before. One begins at a time.
_beginning = Lock()

Answer = TypeVar("Answer")
#: What a compute process is given.
ComputeTask = ChunkTask | DriftTask


@dataclass(slots=True)
class Slot:
    """A process, spawned, never forked, and another once it has died.

    Attributes:
        tasks: what it was given and has not answered, the first of them first.
    """

    config: ComputeConfig
    tasks: dict[ComputeTask, Future[Any]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _pool: ProcessPoolExecutor | None = None
    _process: BaseProcess | None = None
    _begun: Future[int] | None = None
    _stopping: Thread | None = None
    _has: str = ""

    @property
    def is_idle(self) -> bool:
        """Whether its process has begun, and has nothing to do."""
        return self._begun is not None and self._begun.done() and not self.tasks

    def start(self) -> None:
        """Have a process."""
        with self._lock:
            self._open()

    def work_off(self, task: ChunkTask) -> Future[tuple[None, Report]]:
        """Have a chunk worked off."""
        return self._given(task, lambda pool: pool.submit(work_off, task))

    def judge(self, task: DriftTask, checked: Checked) -> Future[tuple[Judged, Report]]:
        """Have portfolios read and judged; a process is sent a model once, unless it had another since."""
        return self._given(task, lambda pool: pool.submit(judge, task, self._lacking(checked)))

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

    def _given(
        self, task: ComputeTask, give: Callable[[ProcessPoolExecutor], Future[tuple[Answer, Report]]]
    ) -> Future[tuple[Answer, Report]]:
        with self._lock:
            try:
                future = give(self._open())
            except BrokenExecutor:  # it died while it had nothing to do
                _log.warning("a compute process has ended: starting another")
                self._pool = None
                future = give(self._open())
            self.tasks[task] = future
        future.add_done_callback(lambda _: self.tasks.pop(task, None))
        return future

    def _lacking(self, checked: Checked) -> Checked | None:
        """What its process does not have, and will."""
        if self._has == checked.look_id:
            return None
        self._has = checked.look_id
        return checked

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, initializer=begin, initargs=(self.config,))
            self._has = ""
            with _beginning:
                before = set(multiprocessing.active_children())
                self._begun = self._pool.submit(os.getpid)  # it imports what it needs before it must
                self._process = next(iter(set(multiprocessing.active_children()) - before), None)
        return self._pool
