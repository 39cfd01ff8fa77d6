"""Processes that compute end with whoever started them, whatever state they are in."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, connection
from multiprocessing.process import BaseProcess

import pytest

from ordergen_server.compute import processes
from ordergen_server.compute.compute_process import KEPT_LOOKS, ComputeConfig, keep
from ordergen_server.compute.processes import ProcessExecutor
from ordergen_server.compute.slots import Slot
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.origin import Origin
from ordergen_server.services.desk.judging import Checked, DriftTask
from ordergen_server.services.running.chunk_executor import WorkerLost
from tests.builders import model, portfolio_id, snapshot
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


def half_an_answer() -> None:
    """End this process amid the writing of what it answers."""

    def write(pipe: connection.Connection, answer: bytes) -> None:
        os.write(pipe.fileno(), answer[: len(answer) // 2])
        os._exit(1)

    connection.Connection._send = write  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way in


def test_a_process_that_dies_amid_an_answer_is_lost_and_not_waited_for() -> None:
    with one_process() as (executor, process):
        answer = slot_of(executor)._open().submit(half_an_answer)  # noqa: SLF001 - no task of ours does that
        with pytest.raises(BrokenProcessPool):
            answer.result(PATIENCE)
        executor.close()
        assert not process.is_alive()


def slot_of(executor: ProcessExecutor) -> Slot:
    (slot,) = executor._slots  # noqa: SLF001 - what it is made of
    return slot


def piece() -> DriftTask:
    return DriftTask("a look", [portfolio_id(1)], Deadline.after(PATIENCE).expires_at, Origin({}, {}))


#: Nobody reads for it: no address is one of a sibling.
CHECKED = Checked("a look", model(), 1, snapshot({1: "10"}))


def test_a_process_judges_once_it_has_begun_and_one_piece_at_a_time() -> None:
    """However many ask at once."""
    with one_process() as (executor, process), ThreadPoolExecutor(8) as threads:
        assert executor.judge(piece(), CHECKED) is None
        slot_of(executor)._open().submit(os.getpid).result(PATIENCE)  # noqa: SLF001 - has it begun?
        os.kill(process.pid or 0, signal.SIGSTOP)
        given = list(threads.map(lambda _: executor.judge(piece(), CHECKED), range(8)))
        assert sum(one is not None for one in given) == 1
        os.kill(process.pid or 0, signal.SIGKILL)
        (lost,) = filter(None, given)
        assert isinstance(lost.exception(PATIENCE), WorkerLost)


def test_a_process_that_has_ended_is_given_nothing_and_another_begins() -> None:
    with one_process() as (executor, process):
        slot_of(executor)._open().submit(os.getpid).result(PATIENCE)  # noqa: SLF001 - has it begun?
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(PATIENCE)
        assert executor.judge(piece(), CHECKED) is None
        eventually(lambda: slot_of(executor)._process not in {process, None})  # noqa: SLF001 - nothing else tells


def test_one_that_is_told_to_stop_begins_no_other() -> None:
    with one_process() as (executor, process):
        executor.close()
        assert executor.judge(piece(), CHECKED) is None
        assert slot_of(executor)._process is process  # noqa: SLF001 - nothing else tells


def test_both_sides_know_what_a_process_keeps() -> None:
    kept: dict[str, int] = {}
    for look in range(10):
        keep(kept, str(look), look)
    assert kept == {str(look): look for look in range(10 - KEPT_LOOKS, 10)}
