"""Locks of the oldest and newest gRPC and protobuf that pyproject.toml allows; all else is as in the lock.

python -m tools.extremes

Whoever installs the client has no lock of ours: these say that what lies between them works.
grpcio-tools is in none of them, for it holds protobuf back.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tools import locks
from tools.locks import Pin

OLDEST, NEWEST = locks.ROOT / "requirements-oldest.txt", locks.ROOT / "requirements-newest.txt"
#: The client goes further back than the server.
OLDEST_CLIENT = locks.ROOT / "requirements-oldest-client.txt"
_FAMILY = re.compile(r"grpcio(-[a-z-]+)?|protobuf|googleapis-common-protos")
_FORM = [
    *("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--all-extras"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate", "--group", "test"),
    *("--no-emit-package", "globeco-ordergen-client"),
]


def is_family(name: str) -> bool:
    """Whether a package is of gRPC or protobuf."""
    return _FAMILY.fullmatch(name) is not None


def floors(*, extras: bool) -> Iterator[Pin]:
    """The oldest release of each of the family that pyproject.toml allows, for the client or for all."""
    whole, client = (
        tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        for folder in (locks.ROOT, locks.ROOT / "ordergen_client")
    )
    extras_of_both = (project["optional-dependencies"].values() for project in (whole, client))
    more = [one for each in extras_of_both for extra in each for one in extra]
    found: dict[NormalizedName, str] = {}
    for one in map(Requirement, [*client["dependencies"], *(more if extras else [])]):
        for each in one.specifier:
            if is_family(one.name) and each.operator == ">=":
                former = found.get(name := canonicalize_name(one.name), each.version)
                found[name] = max(former, each.version, key=Version)
    yield from (Pin(name, version) for name, version in sorted(found.items()))


def others() -> Iterator[str]:
    """All that requirements.txt pins of other packages, each as it stands there."""
    for block in re.split(r"\n(?=\S)", locks.ALL.read_text()):
        if not is_family(block.partition("==")[0]):
            yield block


def write(lock: Path, oldest: Iterable[Pin]) -> None:
    """Resolve with these of the family, whatever is asked for, and with all others as they are locked.

    Raises:
        CalledProcessError: nothing fits together.
    """
    lock.unlink(missing_ok=True)  # what is locked already would be kept
    with tempfile.TemporaryDirectory() as folder:
        constraints, overrides = Path(folder) / "constraints.txt", Path(folder) / "overrides.txt"
        constraints.write_text("\n".join(others()))
        overrides.write_text("\n".join(f"{one.name}=={one.version}" for one in oldest))
        under = ["--constraint", str(constraints), "--override", str(overrides)]
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", *_FORM, *under]
        subprocess.run([*command, "--output-file", str(lock), "pyproject.toml"], cwd=locks.ROOT, check=True)


def main() -> int:
    """Write all."""
    argparse.ArgumentParser(
        prog="python -m tools.extremes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    oldest, of_client = ({one.name: one for one in floors(extras=extras)} for extras in (True, False))
    write(OLDEST_CLIENT, {**oldest, **of_client}.values())
    write(OLDEST, oldest.values())
    write(NEWEST, [])
    return 0


if __name__ == "__main__":
    sys.exit(main())
