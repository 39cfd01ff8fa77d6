"""What the lock files pin."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
#: Everything that a developer has, what the image has, and what the sandbox's image has.
ALL, SERVER = ROOT / "requirements.txt", ROOT / "requirements-server.txt"
SANDBOX = ROOT / "requirements-sandbox.txt"
_PIN = re.compile(r"(?m)^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """A release that is locked; some are for some platforms alone."""

    name: NormalizedName
    version: str


def pins(lock: Path) -> list[Pin]:
    """Every release in a lock, in order of names."""
    found = _PIN.finditer(lock.read_text())
    return sorted({Pin(canonicalize_name(one["name"]), one["version"]) for one in found})
