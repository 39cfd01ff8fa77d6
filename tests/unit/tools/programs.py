"""Programs that tests put in the way: they note what they are called with, and do what a test says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder of programs, the first that is looked into."""

    folder: Path

    def add(self, name: str, does: str = "") -> None:
        """A program that notes its arguments, and does what lines of a shell say."""
        path = self.folder / name
        noted = f'for one in "{name}" "$@"; do printf "%s\\0" "$one"; done >> {self.folder}/calls\n'
        path.write_text(f"#!/bin/sh\n{noted}printf '\\n' >> {self.folder}/calls\n{does}\n")
        path.chmod(0o755)

    def calls(self) -> list[list[str]]:
        """What was called, with what."""
        path = self.folder / "calls"
        lines = path.read_text().split("\0\n") if path.exists() else []
        return [one.split("\0") for one in lines if one]


def on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, *, alone: bool = False) -> Programs:
    """Have programs of ours found first, or alone but for the shell's."""
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", str(folder) if alone else f"{folder}:/usr/bin:/bin")
    return Programs(folder)


def writes(reports: Mapping[str, object]) -> str:
    """Lines of a shell that write a report to each argument that ends so, also after an `=`."""
    cases = "".join(
        f"*{ending}) cat > \"${{one##*=}}\" <<'END'\n{json.dumps(report)}\nEND\n;;\n"
        for ending, report in reports.items()
    )
    return f'for one in "$@"; do case "$one" in\n{cases}esac; done'
