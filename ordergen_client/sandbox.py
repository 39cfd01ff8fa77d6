"""A stack of embedded parts, as a process of its own that ends with us."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec

from ordergen_client.records.values import Position

STOP_SECONDS = 60.0


class SandboxError(Exception):
    """The stack did not start; where this has no message it has said why on standard error."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running stack: where its server and its REST front are, and a model that suits its market."""

    target: str
    rest: str
    model_name: str
    positions: tuple[Position, ...]
    portfolio_ids: tuple[str, ...]


@contextmanager
def sandbox(arguments: Sequence[str]) -> Iterator[Sandbox]:
    """Run a stack for the time of the block. Raises SandboxError where it does not start."""
    if find_spec("ordergen_server") is None:
        raise SandboxError("the service is not installed: install globeco-ordergen[embedded]")
    command = [sys.executable, "-m", "ordergen_server.sandbox", "--json", "--until-input-ends", "--port=0"]
    # It stops at the end of its input, so it cannot outlive us, however we end.
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield _announced(process)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(STOP_SECONDS)


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
    )
