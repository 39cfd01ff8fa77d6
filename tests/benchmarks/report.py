"""What a benchmark section gives: tables and remarks for the page, the same numbers for machines."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True)
class Table:
    """A table of text cells under a heading, with a remark below."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    remark: str = ""

    def markdown(self) -> str:
        """As GitHub-flavoured Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"### {self.heading}\n\n{table}\n" + (f"\n{self.remark}\n" if self.remark else "")


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        title: heading on the page.
        introduction: what is measured, and how.
        tables: the results.
        numbers: the same for machines.
    """

    title: str
    introduction: str
    tables: Sequence[Table]
    numbers: dict[str, object] = field(default_factory=dict)

    def markdown(self) -> str:
        """As GitHub-flavoured Markdown."""
        return f"## {self.title}\n\n{self.introduction}\n\n" + "\n".join(t.markdown() for t in self.tables)


Run = Callable[[], Section]
"""What a section's module exports as `run`."""


def progress(text: str) -> None:
    """Say on standard error what is being measured."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Times:
    """Seconds of many runs."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """The median."""
        return median(self.seconds)

    @property
    def p99(self) -> float:
        """The 99th percentile; the maximum of fewer than 100 runs."""
        if len(self.seconds) < 100:
            return max(self.seconds)
        return quantiles(self.seconds, n=100)[98]


def duration(seconds: float) -> str:
    """With a unit that fits, to three digits."""
    for scale, unit in ((1e-6, "us"), (1e-3, "ms"), (1.0, "s")):
        if abs(seconds) < 1000 * scale or unit == "s":
            return f"{seconds / scale:.3g} {unit}"
    raise AssertionError


def timed(run: Callable[[], object]) -> float:
    """Seconds that one run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
