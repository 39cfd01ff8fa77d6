"""Looks for advisories about what is locked.

python -m tools.audit                       ask the OSV service, by pip-audit
python -m tools.audit --advisories FILE     look into a file of OSV records (.json, or .zip of such), offline

The exit code is 0 where everything was checked and nothing found, 1 where something was found, and 2 where
not everything was checked: no answer is no good news.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tools import advisories, locks
from tools.advisories import Finding
from tools.locks import Pin

FOUND, NOT_CHECKED = 1, 2
#: For all questions to the service together, and for each.
SECONDS, QUESTION_SECONDS = 300.0, 10


class NotCheckedError(Exception):
    """Nothing can be said of what is locked; the message says why."""


def by_file(path: Path, locked: list[Pin]) -> tuple[set[Pin], set[Finding]]:
    """What was checked, and what was found, by a file of advisories.

    Raises:
        NotCheckedError: it cannot be read, or has no advisory in it.
    """
    try:
        records = advisories.read(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise NotCheckedError(f"{path} cannot be read: {error}") from error
    if not records:
        raise NotCheckedError(f"{path} has no advisories in it")
    return set(locked), set(advisories.findings(records, locked))


def by_service(locked: list[Pin], url: str | None, seconds: float) -> tuple[set[Pin], set[Finding]]:
    """What was checked, and what was found, by a service.

    Raises:
        NotCheckedError: it did not answer, or not in time.
    """
    end = time.monotonic() + seconds
    found = [one for each in _rounds(locked) for one in _asked(each, url, end)]
    checked = [one for one in found if "skip_reason" not in one]
    return {_pin(one) for one in checked}, {finding for one in checked for finding in _found(one)}


def _rounds(locked: list[Pin]) -> Iterator[list[Pin]]:
    """All pins, those for other platforms too, so that a name is once in each list."""
    seen: Counter[str] = Counter()
    rounds: defaultdict[int, list[Pin]] = defaultdict(list)
    for pin in locked:
        rounds[seen[pin.name]].append(pin)
        seen[pin.name] += 1
    yield from rounds.values()


def _asked(pins: list[Pin], url: str | None, end: float) -> list[dict[str, Any]]:
    """What pip-audit answers for some pins."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--vulnerability-service=osv"]
    form = [f"--timeout={QUESTION_SECONDS}", "--format=json", "--progress-spinner=off"]
    service = [f"--osv-url={url}"] if url else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text("\n".join(f"{pin.name}=={pin.version}" for pin in pins))
        try:
            answer = subprocess.run(
                [*command, *form, *service, f"--requirement={path}"],
                capture_output=True,
                text=True,
                timeout=max(1.0, end - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotCheckedError("the service did not answer everything in time") from None
    try:
        dependencies: list[dict[str, Any]] = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = answer.stderr.strip().splitlines() or ["pip-audit said nothing"]
        raise NotCheckedError(f"the service did not answer: {said[-1]}") from None
    return dependencies


def _pin(dependency: dict[str, Any]) -> Pin:
    return Pin(canonicalize_name(dependency["name"]), dependency["version"])


def _found(dependency: dict[str, Any]) -> Iterator[Finding]:
    for one in dependency["vulns"]:
        yield Finding(_pin(dependency), f"{one['id']} {one.get('description', '')}".strip())


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--advisories", type=Path, help="file of advisories, instead of the service")
    parser.add_argument("--url", help="the query URL of another OSV service")
    parser.add_argument("--lock", type=Path, default=locks.ALL, help="the lock file to check")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for the service")
    arguments = parser.parse_args()
    locked = locks.pins(arguments.lock)
    try:
        if arguments.advisories:
            checked, found = by_file(arguments.advisories, locked)
        else:
            checked, found = by_service(locked, arguments.url, arguments.seconds)
    except NotCheckedError as reason:
        print(f"NOTHING WAS CHECKED: {reason}.")
        return NOT_CHECKED
    return _told(locked, checked, found)


def _told(locked: list[Pin], checked: set[Pin], found: set[Finding]) -> int:
    """Print what came out; the exit code."""
    for one in sorted(found):
        print(f"{one.pin.name} {one.pin.version}: {one.advisory}")
    left = [pin for pin in locked if pin not in checked]
    print(f"Checked {len(locked) - len(left)} of {len(locked)} locked releases, {len(found)} findings.")
    if left:
        print("NOT CHECKED: " + ", ".join(f"{pin.name} {pin.version}" for pin in left) + ".")
    if found:
        return FOUND
    return NOT_CHECKED if left else 0


if __name__ == "__main__":
    sys.exit(main())
