"""`ordergen serve`: a server to play with, whose printed commands work as they are pasted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.limits import PATIENCE

SERVE = [sys.executable, "-m", "ordergen_client.cli", "serve", "--portfolios=4", "--positions=5", "--port=0"]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """What it prints until it is up."""
    with subprocess.Popen(
        [*SERVE, "--rest-port=0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if line.startswith("Ctrl-C"):
                    break
            yield process, lines
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGINT)
                process.wait(PATIENCE)


@pytest.mark.parametrize("arguments", [(), ("--secure",)], ids=["plain", "secure"])
def test_its_commands_work_as_they_are_pasted(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with serving(*arguments) as (process, lines):
        begin = lines.index("Try, in another terminal:") + 1
        done = [
            subprocess.run(
                ["/bin/sh", "-c", command.strip()],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
            for command in lines[begin : begin + 3]
        ]
        assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
        assert "PROVEN_OPTIMAL" in done[1].stdout
        assert (tmp_path / "report.html").stat().st_size > 0
        os.kill(process.pid, signal.SIGINT)
        _out, told = process.communicate(timeout=PATIENCE)
    assert (process.returncode, told.splitlines()[-2:]) == (0, ["Stopping ...", "Stopped."])


def test_what_it_prints_for_programs() -> None:
    with subprocess.Popen(
        [*SERVE, "--rest-port=0", "--json", "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        _out, told = process.communicate(timeout=PATIENCE)
    assert '"target": "127.0.0.1:' in line
    assert (process.returncode, told) == (0, "")
