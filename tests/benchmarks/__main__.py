"""Measure, print, and write docs/benchmarks.md: `python -m tests.benchmarks [section...]`."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from tests.benchmarks.page import machine, write
from tests.benchmarks.report import Run, progress

SECTIONS = {
    "optimizer": "tests.benchmarks.optimizer",
    "models": "tests.benchmarks.models",
    "runs": "tests.benchmarks.runs",
    "drift": "tests.benchmarks.drift",
    "comparing": "tests.benchmarks.comparing",
    "results": "tests.benchmarks.results",
    "front_door": "tests.benchmarks.front_door",
    "cost": "tests.benchmarks.cost",
    "client": "tests.benchmarks.client",
    "command": "tests.benchmarks.command",
    "rest": "tests.benchmarks.rest",
}
"""Name of a section, and the module that exports its `run`."""


@contextmanager
def standard_output_to_error() -> Iterator[None]:
    """Keep what solvers print of their own accord out of the results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections asked for, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = ", ".join(SECTIONS)
    parser.add_argument("section", nargs="*", help=f"what to measure, of: {names} (default: all)")
    parser.add_argument("--json", action="store_true", help="print numbers for machines instead of tables")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.section if name not in SECTIONS]
    if unknown:
        parser.error(f"unknown section {unknown[0]!r}: choose from {names}")
    numbers: dict[str, object] = {"machine": machine()}
    for name in chosen.section or SECTIONS:
        progress(f"section {name}")
        run: Run = import_module(SECTIONS[name]).run
        with standard_output_to_error():
            section = run()
        numbers[name] = section.numbers
        write(name, section.markdown())
        if not chosen.json:
            sys.stdout.write(section.markdown() + "\n")
    if chosen.json:
        sys.stdout.write(json.dumps(numbers, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
