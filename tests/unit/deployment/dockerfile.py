"""What the Dockerfile says, by stages, and the files that a stage has of the repository."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.unit.deployment.manifests import ROOT

FOLDER = "/app"


@dataclass(frozen=True)
class Stage:
    """One stage: what it stands on, and its instructions in order, continuation lines joined."""

    name: str
    base: str
    instructions: tuple[str, ...]

    def arguments(self, instruction: str) -> list[str]:
        """What follows each occurrence of an instruction."""
        found = [line for line in self.instructions if line.startswith(f"{instruction} ")]
        return [line.removeprefix(f"{instruction} ") for line in found]

    def copied(self) -> dict[str, str]:
        """Target of every source of the repository."""
        copies = [line.split() for line in self.arguments("COPY") if "--from=" not in line]
        words = [[word for word in line if not word.startswith("--")] for line in copies]
        return {source: target for *sources, target in words for source in sources}


def stages() -> dict[str, Stage]:
    """Every stage by its name, in order."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines() if line]
    found: dict[str, Stage] = {}
    for line in lines:
        if match := re.fullmatch(r"FROM (?P<base>\S+) AS (?P<name>\S+)", line):
            found[match["name"]] = Stage(match["name"], match["base"], ())
            continue
        stage = list(found.values())[-1]
        found[stage.name] = Stage(stage.name, stage.base, (*stage.instructions, line))
    return found


def lineage(name: str) -> list[Stage]:
    """A stage and all that it stands on, it first."""
    found, stage = [], stages().get(name)
    while stage:
        found.append(stage)
        stage = stages().get(stage.base)
    return found


def last(name: str, instruction: str) -> str:
    """What holds of an instruction in a stage: its own, or that of the next below."""
    return next(said[-1] for stage in lineage(name) if (said := stage.arguments(instruction)))


def variables(name: str) -> dict[str, str]:
    """The environment that a stage begins with."""
    pairs = [
        word for stage in reversed(lineage(name)) for line in stage.arguments("ENV") for word in line.split()
    ]
    return dict(pair.split("=", 1) for pair in pairs)


def lay(folder: Path) -> None:
    """Lay into a folder what production has in /app, as it is copied."""
    for source, target in stages()["code"].copied().items():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
        elif not target.startswith("/"):
            shutil.copy(ROOT / source, folder / target)
