"""Writes what the image has installed as a CycloneDX bill of materials, valid by its schema.

python -m tools.sbom [--output FILE]
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from tools import locks
from tools.locks import Pin

OUTPUT = locks.ROOT / ".build" / "sbom.json"


def write(output: Path) -> None:
    """Write the bill of the server's lock: each release with its hashes, the same bytes every time.

    Raises:
        subprocess.CalledProcessError: it cannot be made, or is not valid.
        ValueError: it does not name what the lock names.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    # It warns that a lock does not say who depends on whom.
    command = [
        sys.executable,
        "-W",
        "ignore::UserWarning",
        "-m",
        "cyclonedx_py",
        "requirements",
        str(locks.SERVER),
    ]
    about = ["--pyproject", str(locks.ROOT / "pyproject.toml"), "--mc-type", "application"]
    form = ["--spec-version", "1.6", "--output-format", "JSON", "--output-reproducible", "--validate"]
    subprocess.run([*command, *about, *form, "--output-file", str(output)], check=True)
    if named(output) != locks.pins(locks.SERVER):
        raise ValueError("the bill of materials does not name what requirements-server.txt names")


def named(bill: Path) -> list[Pin]:
    """The releases that a bill names."""
    components = json.loads(bill.read_text())["components"]
    return sorted({Pin(canonicalize_name(one["name"]), one["version"]) for one in components})


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.sbom", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to write it")
    output: Path = parser.parse_args().output
    try:
        write(output)
    except (subprocess.CalledProcessError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{output}: {len(named(output))} releases, valid CycloneDX 1.6.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
