"""`make serve ARGS=--secure`: what it prints works as it is printed."""

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.limits import PATIENCE


@contextmanager
def announced(folder: Path, *arguments: str) -> Iterator[str]:
    """What a stack tells people, while it is up."""
    command = [sys.executable, "-m", "ordergen_server.sandbox", "--portfolios=2", "--port=0", *arguments]
    with subprocess.Popen(
        [*command, "--until-input-ends", f"--data-folder={folder}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Ctrl-C"):
                    break
            yield "".join(lines)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(PATIENCE)


def commands(text: str) -> list[str]:
    """The commands that are printed, but those of tools that this machine may lack."""
    found = re.findall(r"^  (.+)$", text, re.MULTILINE)
    return [one for one in found if "grpcurl" not in one or shutil.which("grpcurl")]


def run(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", "-ec", script], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.mark.parametrize("asks", ["--secure", "--secure=mutual"])
def test_the_commands_work_as_they_are_printed(tmp_path: Path, asks: str) -> None:
    folder = tmp_path / "data folder"
    with announced(folder, asks) as text:
        done = run("\n".join(commands(text)))
        assert done.returncode == 0, done.stderr
        assert "globeco.ordergen.v1.RebalanceService/StartRebalance" in done.stdout
        assert "1 of 1: 1 rebalanced" in done.stdout
        reader = run("\n".join(commands(text.replace("trader.", "reader."))))
        assert reader.returncode != 0
        assert "The scope ordergen:models is missing" in reader.stdout + reader.stderr
    files = list((folder / "credentials").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((folder / "credentials").stat().st_mode) == 0o700


def test_without_it_the_stack_is_plain(tmp_path: Path) -> None:
    with announced(tmp_path / "data") as text:
        (listing,) = commands(text)
        assert "globeco.ordergen.v1.ModelService/GetModel" in run(listing).stdout
    assert not (tmp_path / "data" / "credentials").exists()
