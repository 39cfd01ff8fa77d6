"""A supervised process runs for as long as its parent lives, and not a moment longer. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ordergen_server.sandbox.database.supervised import SupervisedProcess, SupervisedProcessError
from tests.integration.sandbox.processes import alive
from tests.limits import PATIENCE
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
PARENT = """
import sys, time
from ordergen_server.sandbox.database.supervised import SupervisedProcess
process = SupervisedProcess([sys.executable, "-c", "import time; time.sleep(600)"])
process.start()
while process.child_pid is None:
    time.sleep(0.01)
print(process.pid, process.child_pid, flush=True)
time.sleep(600)
"""


def child_of(process: SupervisedProcess) -> int:
    eventually(lambda: process.child_pid is not None)
    assert process.child_pid is not None
    return process.child_pid


def test_the_block_is_the_life_of_the_process() -> None:
    with SupervisedProcess(SLEEP) as process:
        supervisor, child = process.pid, child_of(process)
        assert alive(supervisor)
        assert alive(child)
        assert process.running
    assert not alive(supervisor)
    assert not alive(child)
    assert not process.running
    assert process.child_pid is None


def test_stopping_twice_or_never_started_is_harmless() -> None:
    process = SupervisedProcess(SLEEP)
    process.stop()
    with process:
        child = child_of(process)
    process.stop()
    assert not alive(child)


def test_nothing_is_known_before_the_start() -> None:
    process = SupervisedProcess(SLEEP)
    assert (process.running, process.child_pid, process.log_tail()) == (False, None, "")
    with pytest.raises(SupervisedProcessError, match="was never started"):
        _ = process.pid
    with pytest.raises(SupervisedProcessError, match="did not start"):
        process.first_line(1)


def test_a_killed_parent_takes_the_process_with_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        supervisor, child = (int(pid) for pid in parent.stdout.readline().split())
        assert alive(supervisor)
        assert alive(child)
        parent.kill()
    eventually(lambda: not alive(child))
    eventually(lambda: not alive(supervisor))


def test_a_killed_supervisor_takes_the_process_with_it() -> None:
    with SupervisedProcess(SLEEP) as process:
        child = child_of(process)
        os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: not alive(child))


def test_a_terminated_supervisor_ends_the_process() -> None:
    with SupervisedProcess(SLEEP) as process:
        child = child_of(process)
        os.kill(process.pid, signal.SIGTERM)
        eventually(lambda: not process.running)
        assert not alive(child)


def test_the_supervisor_leads_a_session_of_its_own() -> None:
    with SupervisedProcess(SLEEP) as process:
        child = child_of(process)
        assert os.getsid(process.pid) == process.pid
        assert os.getsid(child) == process.pid
        assert os.getpgid(child) != os.getpgid(0)


def test_a_process_that_dies_is_started_again() -> None:
    with SupervisedProcess(SLEEP) as process:
        seen = {child_of(process)}
        for _ in range(4):  # more often than quick deaths are allowed: SIGKILL is no sign of a bad command
            last = child_of(process)
            os.kill(last, signal.SIGKILL)
            eventually(lambda last=last: process.child_pid != last)  # type: ignore[misc]
            seen.add(child_of(process))
        assert len(seen) == 5
        assert process.running
        assert "was ended by SIGKILL; starting it again" in process.log_tail()


def test_stopping_while_waiting_to_start_again() -> None:
    with SupervisedProcess([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        eventually(lambda: "starting it again" in process.log_tail())
    assert not process.running


def test_gives_up_on_a_process_that_will_not_run() -> None:
    with SupervisedProcess(["/bin/sh", "-c", "echo no way >&2; exit 1"]) as process:  # ends within a second
        eventually(lambda: not process.running)
        with pytest.raises(SupervisedProcessError) as caught:
            process.first_line(PATIENCE)
    text = str(caught.value)
    assert text.count("no way") == 3
    assert "ended with exit code 1, 3 times in a row within 1 s; giving up" in text


def test_what_is_known_to_run_is_started_again_for_ever() -> None:
    with SupervisedProcess(["/bin/sh", "-c", "echo no way >&2; exit 1"]) as process:
        process.keep()
        eventually(lambda: process.log_tail().count("starting it again") == 5)
        assert process.running
    assert not process.running


def test_it_is_killed_and_started_again_when_told_to() -> None:
    with SupervisedProcess(SLEEP) as process:
        first = child_of(process)
        process.restart_child()
        eventually(lambda: process.child_pid != first)
        assert process.running
        assert "was ended by SIGKILL; starting it again" in process.log_tail()
    process.restart_child()  # too late, and harmless


def test_without_restart_the_first_death_is_the_end() -> None:
    with SupervisedProcess([sys.executable, "-c", "raise SystemExit(7)"], restart=False) as process:
        eventually(lambda: not process.running)
        assert process.log_tail().endswith("ended with exit code 7; giving up")


def test_gives_up_on_a_program_that_is_not_there(tmp_path: Path) -> None:
    with SupervisedProcess([str(tmp_path / "none")]) as process:
        eventually(lambda: not process.running)
        assert "cannot start" in process.log_tail()


def test_kills_what_does_not_end() -> None:
    with SupervisedProcess([sys.executable, "-c", STUBBORN], grace_seconds=0.2) as process:
        assert process.first_line(PATIENCE) == "deaf"
        child = child_of(process)
        process.request_stop()
        eventually(lambda: not process.running)
        assert "did not end within 0.2 s of SIGTERM; killing it" in process.log_tail()
    assert not alive(child)


def test_the_first_line_is_waited_for_at_most_so_long() -> None:
    with (
        SupervisedProcess(SLEEP) as process,
        pytest.raises(SupervisedProcessError, match="did not start in time"),
    ):
        process.first_line(0.1)


def test_a_log_of_ones_own_is_appended_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    with SupervisedProcess(
        [sys.executable, "-c", "raise SystemExit('after')"], log=log, restart=False
    ) as process:
        eventually(lambda: not process.running)
        assert process.log_tail().startswith("after")
    assert log.read_text().startswith("before\nafter\n")


def test_a_log_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    process = SupervisedProcess(SLEEP, log=tmp_path / "none" / "log")
    with pytest.raises(FileNotFoundError):
        process.start()
    assert not process.running


def test_by_hand_it_ends_with_its_input_and_with_ctrl_c() -> None:
    command = [sys.executable, "-m", "ordergen_server.sandbox.database.supervisor", "--", *SLEEP]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False).returncode == 0
    code = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with subprocess.Popen(
        [*command[:4], *code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 130
