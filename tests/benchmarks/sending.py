"""Orders to the process of the callers, and what became of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from tests.benchmarks.load import Became, Load


@contextmanager
def callers() -> Iterator["subprocess.Popen[str]"]:
    """The process of the callers, for the time of the block."""
    command = [sys.executable, "-m", "tests.benchmarks.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def begun(process: "subprocess.Popen[str]", load: Load) -> None:
    """Give it an order."""
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(load)) + "\n")
    process.stdin.flush()


def ended(process: "subprocess.Popen[str]") -> Became:
    """Wait for what became of it."""
    assert process.stdout is not None
    return Became(**json.loads(process.stdout.readline()))
