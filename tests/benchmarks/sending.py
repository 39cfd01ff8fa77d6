"""Orders to a process of callers, a line of JSON each, and what became of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tests.benchmarks.load import Became, Load

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Callers:
    """A module that carries out orders, as a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, order: "DataclassInstance") -> None:
        """Give it an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:  # noqa: ANN401 - JSON
        """Wait for what it says of the order."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def carry_out(self, load: Load) -> Became:
        """Give an order of `tests.benchmarks.load`, and wait for what becomes of it."""
        self.begin(load)
        return Became(**self.end())


@contextmanager
def callers(module: str = "tests.benchmarks.load") -> Iterator[Callers]:
    """A process of callers, for the time of the block."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Callers(process)
        finally:
            process.kill()
