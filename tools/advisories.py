"""Advisories in the OSV format: which of them are about a locked release."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tools.locks import Pin

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A locked release that an advisory is about.

    Attributes:
        pin: the release.
        advisory: its id, and what it says.
    """

    pin: Pin
    advisory: str


def read(path: Path) -> list[Record]:
    """The records of a file: one of JSON with a list, a record or `{"vulns": [...]}`, or a zip of such files.

    Raises:
        OSError, ValueError, zipfile.BadZipFile: it cannot be read, or is no such file.
    """
    if path.suffix != ".zip":
        return _records(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        return [record for name in archive.namelist() for record in _records(archive.read(name))]


def findings(records: Sequence[Record], locked: Sequence[Pin]) -> Iterator[Finding]:
    """Every locked release with every advisory about it."""
    of_name = {pin.name: [one for one in locked if one.name == pin.name] for pin in locked}
    for record in records:
        if record.get("withdrawn"):
            continue
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            if package.get("ecosystem") != "PyPI":
                continue
            for pin in of_name.get(canonicalize_name(package["name"]), ()):
                if _is_affected(pin.version, affected):
                    yield Finding(pin, f"{record['id']} {record.get('summary', '')}".strip())


def _records(content: bytes) -> list[Record]:
    document = json.loads(content)
    if isinstance(document, dict):
        document = document.get("vulns", [document])
    if not isinstance(document, list) or not all(isinstance(one, dict) and "id" in one for one in document):
        raise ValueError("not advisories in the OSV format")
    return document


def _is_affected(version: str, affected: Record) -> bool:
    """By the list of versions, or a range; what cannot be compared counts, so that somebody looks at it."""
    if version in affected.get("versions", ()):
        return True
    ranges = [one["events"] for one in affected.get("ranges", ()) if one.get("type") == "ECOSYSTEM"]
    try:
        return any(_is_within(Version(version), events) for events in ranges)
    except InvalidVersion:
        return True


def _is_within(version: Version, events: Sequence[Mapping[str, str]]) -> bool:
    """Whether events leave a version affected; they are in no order, as OSV has it."""
    told = [next(iter(event.items())) for event in events if "limit" not in event]
    affected = False
    for kind, place in sorted(told, key=lambda event: Version(event[1])):
        if kind == "introduced" and version >= Version(place):
            affected = True
        elif (kind == "fixed" and version >= Version(place)) or (
            kind == "last_affected" and version > Version(place)
        ):
            affected = False
    return affected
