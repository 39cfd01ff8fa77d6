"""A stack of embedded parts, as a process of its own that ends with us."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

from ordergen_client.records.values import Position

STOP_SECONDS = 60.0


class SandboxError(Exception):
    """The stack did not start, or ended; where this has no message it has said why on standard error."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running stack: where its server and its REST front are, and a model that suits its market.

    Attributes:
        credentials: files and tokens by name where it asks for them, otherwise None.
        announced: all that it says of itself.
        is_running: whether it still does.
    """

    target: str
    rest: str
    model_name: str
    positions: tuple[Position, ...]
    portfolio_ids: tuple[str, ...]
    credentials: dict[str, Any] | None = None
    announced: dict[str, Any] = field(default_factory=dict, repr=False)
    is_running: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)


@contextmanager
def sandbox(arguments: Sequence[str], interrupted: Callable[[], object] = lambda: None) -> Iterator[Sandbox]:
    """Run a stack for the time of the block.

    Args:
        arguments: of `python -m ordergen_server.sandbox`.
        interrupted: is called at once when an interrupt ends the block: stopping takes its time.

    Raises:
        SandboxError: it does not start.
    """
    with ExitStack() as stack:
        try:
            with _interrupts_wait():
                process = stack.enter_context(_process(arguments))
                stack.callback(_end, process)
            yield _announced(process)
        except KeyboardInterrupt:
            interrupted()
            raise


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """A block within which no interrupt comes: a process that was just begun would be nobody's."""
    if threading.current_thread() is not threading.main_thread():  # interrupts are not for it
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def _end(process: "subprocess.Popen[str]") -> None:
    if process.stdin:
        process.stdin.close()
    process.wait(STOP_SECONDS)


def _process(arguments: Sequence[str]) -> "subprocess.Popen[str]":
    if find_spec("ordergen_server") is None:
        raise SandboxError("the service is not installed: install globeco-ordergen[embedded]")
    alone = ["--json", "--until-input-ends", "--port=0"]
    command = [sys.executable, "-m", "ordergen_server.sandbox", *alone, *arguments]
    # It stops at the end of its input, so it cannot outlive us, however we end.
    return subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def _announced(process: "subprocess.Popen[str]") -> Sandbox:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise SandboxError
    announced = json.loads(line)
    model = announced["model"]
    return Sandbox(
        target=announced["target"],
        rest=announced["rest"],
        model_name=model["name"],
        positions=tuple(
            Position(
                line["security_id"],
                Decimal(line["target"]),
                Decimal(line["low_drift"]),
                Decimal(line["high_drift"]),
            )
            for line in model["positions"]
        ),
        portfolio_ids=tuple(model["portfolio_ids"]),
        credentials=announced["credentials"],
        announced=announced,
        is_running=lambda: process.poll() is None,
    )
