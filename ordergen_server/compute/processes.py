"""Processes of this machine that work chunks off, and judge portfolios while there are no chunks.

They are spawned, never forked, and end with the process that started them, however that ends.
"""

import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, wait
from typing import TypeVar

from ordergen_server.compute.compute_process import ComputeConfig
from ordergen_server.compute.slots import ComputeTask, Slot
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.services.desk.judging import Checked, DriftTask, Judged
from ordergen_server.services.running.chunk_executor import WorkerLost
from ordergen_server.services.running.report import Report

#: How long processes may take to end what they do when the server stops; its runs are let go by then.
CLOSE_SECONDS = 5.0

Answer = TypeVar("Answer")


class ProcessExecutor:
    """A ChunkExecutor, and IdleWorkers; a process that dies is replaced, and its tasks end as lost.

    Args:
        config: what each process needs.
        processes: how many there are.
        heard: is told what became of work.
        piece: portfolios that a process judges in one turn, at most.
    """

    def __init__(
        self, config: ComputeConfig, processes: int, heard: Callable[[Report], None], piece: int = 1
    ) -> None:
        self._heard = heard
        self.piece = piece
        self._slots = [Slot(config) for _ in range(processes)]

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
        return self._answered(min(self._slots, key=lambda one: len(one.tasks)).work_off(task))

    def judge(self, task: DriftTask, checked: Checked) -> "Future[Judged] | None":
        """See IdleWorkers: a run that begins finds one such task at most before its first chunk."""
        given = (slot.judge(task, checked) for slot in self._slots)
        future = next((one for one in given if one), None)
        return self._answered(future) if future else None

    def is_due(self, task: ChunkTask) -> bool:
        """Whether it is the first chunk that its process has; what comes before a chunk is short."""
        return any(_first_chunk(slot) == task for slot in self._slots)

    def give_up(self, task: ComputeTask) -> None:
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

    def _answered(self, reported: "Future[tuple[Answer, Report]]") -> "Future[Answer]":
        """What is answered without the report, which is heard."""
        answer: Future[Answer] = Future()
        reported.add_done_callback(lambda done: self._answer(done, answer))
        return answer

    def _answer(self, reported: "Future[tuple[Answer, Report]]", answer: "Future[Answer]") -> None:
        error = WorkerLost("it was not begun") if reported.cancelled() else reported.exception()
        if isinstance(error, BrokenExecutor):
            error = WorkerLost("its process has ended")
        if error:
            answer.set_exception(error)
        else:
            found, report = reported.result()
            self._heard(report)
            answer.set_result(found)


def _first_chunk(slot: Slot) -> ChunkTask | None:
    return next((one for one in list(slot.tasks) if isinstance(one, ChunkTask)), None)
