"""docs/benchmarks.md: one replaceable part a section, between markers."""

import platform
import re
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

INTRODUCTION = """# Benchmarks

Written by `make bench`; `make bench ARGS="optimizer"` measures one section and leaves the others. Every
section is measured in one run on one machine, so take the ratios: the times are only as good as the machine.
"""


def machine() -> str:
    """Processor, cores, Python and system."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    names = re.findall(r"model name\s*:\s*(.+)", text) or [platform.machine()]
    return f"{len(names)} x {names[0]}, Python {platform.python_version()}, {platform.system()}"


def write(name: str, markdown: str, page: Path = PAGE) -> None:
    """Put a section into the page, in place of its last version."""
    text = page.read_text(encoding="utf-8") if page.exists() else INTRODUCTION
    start, end = f"<!-- section: {name} -->", f"<!-- end of section: {name} -->"
    measured = f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine()}."
    part = f"{start}\n\n{markdown}\n{measured}\n\n{end}"
    if start in text:
        before, rest = text.split(start, 1)
        text = before + part + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{part}\n"
    page.parent.mkdir(exist_ok=True)
    page.write_text(text, encoding="utf-8")
