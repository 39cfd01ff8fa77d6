"""Processes that compute end with whoever started them, whatever state they are in."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from multiprocessing.process import BaseProcess

import pytest

from ordergen_server.compute import processes
from ordergen_server.compute.compute_process import ComputeConfig
from ordergen_server.compute.processes import ProcessExecutor
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.services.running.chunk_executor import WorkerLost
from tests.limits import PATIENCE
from tests.waiting import eventually


@contextmanager
def one_process() -> Iterator[tuple[ProcessExecutor, BaseProcess]]:
    """An executor of one process, which has nothing to do; closed at the end."""
    before = set(active_children())
    executor = ProcessExecutor(ComputeConfig(Settings(), "mongodb://127.0.0.1:1", 1), 1, lambda _: None)
    executor.start()
    (process,) = set(active_children()) - before
    try:
        yield executor, process
    finally:
        executor.close()


def test_a_process_that_hangs_while_it_has_nothing_to_do_does_not_keep_the_server() -> None:
    with one_process() as (executor, process):
        pid = process.pid
        assert pid
        os.kill(pid, signal.SIGSTOP)
        executor.close()
        assert not process.is_alive()
    eventually(lambda: process not in active_children())


def test_a_process_that_hangs_before_it_begins_is_ended_with_all_that_it_has() -> None:
    """What is the first of its tasks it should have begun; the others wait."""
    with one_process() as (executor, process):
        pid = process.pid
        assert pid
        os.kill(pid, signal.SIGSTOP)
        tasks = [ChunkTask("a" * 24, token) for token in ("first", "second")]
        answers = [executor.submit(task) for task in tasks]
        assert [executor.is_due(task) for task in tasks] == [True, False]
        executor.give_up(tasks[0])
        assert {type(answer.exception(PATIENCE)) for answer in answers} == {WorkerLost}
        assert [executor.is_due(task) for task in tasks] == [False, False]


def test_a_process_that_has_nothing_to_do_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes to begin on a busy machine."""
    monkeypatch.setattr(processes, "CLOSE_SECONDS", PATIENCE)
    with one_process() as (executor, process):
        executor.close()
        assert process.exitcode == 0
