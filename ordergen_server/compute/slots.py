"""A compute process, and the next in its place: it is a pool of its own, so that it dies alone."""

import logging
import multiprocessing
import os
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from threading import Lock, Thread
from typing import Any, TypeVar

from ordergen_server.compute.compute_process import ComputeConfig, begin, judge, keep, work_off
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
    _has: dict[str, None] = field(default_factory=dict)

    def start(self) -> None:
        """Have a process."""
        with self._lock:
            self._open()

    def work_off(self, task: ChunkTask) -> Future[tuple[None, Report]]:
        """Have a chunk worked off."""
        with self._lock:
            try:
                future = self._open().submit(work_off, task)
            except BrokenExecutor:  # it died while it had nothing to do
                future = self._begin_another().submit(work_off, task)
            return self._noted(task, future)

    def judge(self, task: DriftTask, checked: Checked) -> Future[tuple[Judged, Report]] | None:
        """Have portfolios read and judged by a process that has begun and has nothing to do; None by another.

        It is sent a model once, while it is one of the last.
        """
        with self._lock:
            if self._stopping:
                return None
            if self._has_ended:
                self._begin_another()
            if self.tasks or not (self._begun and self._begun.done()):
                return None
            try:
                return self._noted(task, self._open().submit(judge, task, self._lacking(checked)))
            except RuntimeError:  # it has ended just now, or is told to
                return None

    def kill(self) -> None:
        """End the process, whatever it does; one that has ended is left alone."""
        if self._process and not self._has_ended:
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

    def _noted(self, task: ComputeTask, future: Future[Answer]) -> Future[Answer]:
        self.tasks[task] = future
        future.add_done_callback(lambda _: self.tasks.pop(task, None))
        return future

    def _lacking(self, checked: Checked) -> Checked | None:
        """The model, if its process lacks it."""
        if checked.look_id in self._has:
            return None
        keep(self._has, checked.look_id, None)
        return checked

    @property
    def _has_ended(self) -> bool:
        return bool(self._process and connection.wait([self._process.sentinel], 0))

    def _begin_another(self) -> ProcessPoolExecutor:
        _log.warning("a compute process has ended: starting another")
        self._pool = None
        return self._open()

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, initializer=begin, initargs=(self.config,))
            self._has.clear()
            with _beginning:
                before = set(multiprocessing.active_children())
                self._begun = self._pool.submit(os.getpid)  # it imports what it needs before it must
                self._process = next(iter(set(multiprocessing.active_children()) - before), None)
            # Its process alone has it then: of one that dies amid an answer the rest would be waited for.
            self._pool._result_queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else does
        return self._pool
