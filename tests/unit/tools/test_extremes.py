"""The locks of the oldest and the newest gRPC and protobuf: those, and all else as it is tested anyway."""

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools import extremes, locks
from tools.locks import Pin


def _parts(pin: str) -> tuple[str, str]:
    name, _, version = pin.partition("==")
    return name, version


@pytest.mark.parametrize("lock", [extremes.OLDEST, extremes.NEWEST], ids=lambda path: path.stem)
def test_all_else_is_as_developers_have_it(lock: Path) -> None:
    """Otherwise: make lock."""
    others = {one for one in locks.pins(lock) if not extremes.is_family(one.name)}
    assert len(others) > 50
    assert others <= set(locks.pins(locks.ALL))


def test_the_oldest_are_those_that_the_project_allows() -> None:
    """Otherwise: make lock."""
    pinned = {one.name: Version(one.version) for one in locks.pins(extremes.OLDEST)}
    floors = [Pin(canonicalize_name(name), version) for name, version in map(_parts, extremes.floors())]
    assert len(set(floors)) == 6
    assert [one for one in floors if pinned[one.name] != Version(one.version)] == []


def test_the_newest_are_no_older_than_those_of_developers() -> None:
    newest = {one.name: Version(one.version) for one in locks.pins(extremes.NEWEST)}
    ours = {one.name: Version(one.version) for one in locks.pins(locks.ALL) if one.name in newest}
    assert [name for name, version in ours.items() if newest[name] < version] == []
    protobuf = canonicalize_name("protobuf")
    assert newest[protobuf] > ours[protobuf]


def test_what_holds_protobuf_back_is_in_neither() -> None:
    for path in (extremes.OLDEST, extremes.NEWEST):
        assert "grpcio-tools" not in {one.name for one in locks.pins(path)}
