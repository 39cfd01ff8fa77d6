"""Locks of the oldest and newest gRPC and protobuf that pyproject.toml allows; all else is as in the lock.

python -m tools.extremes

Whoever installs the client has neither lock of ours: these two say that what lies between them works.
grpcio-tools is in neither, for it holds protobuf back.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from tools import locks

OLDEST, NEWEST = locks.ROOT / "requirements-oldest.txt", locks.ROOT / "requirements-newest.txt"
_FAMILY = re.compile(r"grpcio(-[a-z-]+)?|protobuf|googleapis-common-protos")
_FORM = [
    *("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--all-extras"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate", "--group", "test"),
]


def is_family(name: str) -> bool:
    """Whether a package is of gRPC or protobuf."""
    return _FAMILY.fullmatch(name) is not None


def floors() -> Iterator[str]:
    """The oldest release of each of the family that pyproject.toml allows."""
    project = tomllib.loads((locks.ROOT / "pyproject.toml").read_text())["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    for one in map(Requirement, [*project["dependencies"], *extras]):
        if is_family(one.name):
            yield from (f"{one.name}=={each.version}" for each in one.specifier if each.operator == ">=")


def others() -> Iterator[str]:
    """All that requirements.txt pins of other packages, each as it stands there."""
    for block in re.split(r"\n(?=\S)", locks.ALL.read_text()):
        if not is_family(block.partition("==")[0]):
            yield block


def write(lock: Path, constraints: list[str]) -> None:
    """Resolve under constraints. Raises CalledProcessError where nothing fits them."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(constraints))
        file.flush()
        lock.unlink(missing_ok=True)  # what is locked already would be kept
        uv = Path(sys.executable).with_name("uv")
        form = [*_FORM, "--constraint", file.name, "--output-file", str(lock)]
        subprocess.run([uv, "pip", "compile", *form, "pyproject.toml"], cwd=locks.ROOT, check=True)


def main() -> int:
    """Write both."""
    kept = list(others())
    write(OLDEST, [*kept, *floors()])
    write(NEWEST, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
