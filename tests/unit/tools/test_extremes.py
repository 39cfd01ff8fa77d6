"""The locks of the oldest and the newest gRPC and protobuf: those, and all else as it is tested anyway."""

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools import extremes, locks

LOCKS = [extremes.OLDEST_CLIENT, extremes.OLDEST, extremes.NEWEST]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_all_else_is_as_developers_have_it(lock: Path) -> None:
    """Otherwise: make lock."""
    others = {one for one in locks.pins(lock) if not extremes.is_family(one.name)}
    assert len(others) > 50
    assert others <= set(locks.pins(locks.ALL))


@pytest.mark.parametrize(("lock", "extras"), [(extremes.OLDEST_CLIENT, False), (extremes.OLDEST, True)])
def test_the_oldest_are_those_that_the_project_allows(lock: Path, *, extras: bool) -> None:
    """Otherwise: make lock."""
    pinned = {one.name: Version(one.version) for one in locks.pins(lock)}
    floors = list(extremes.floors(extras=extras))
    assert len(floors) == (6 if extras else 4)
    assert [one for one in floors if pinned[one.name] != Version(one.version)] == []


def test_the_client_goes_further_back_than_the_server() -> None:
    grpc = canonicalize_name("grpcio")
    client, server = (
        next(Version(one.version) for one in extremes.floors(extras=extras) if one.name == grpc)
        for extras in (False, True)
    )
    assert client < server


def test_the_newest_are_no_older_than_those_of_developers() -> None:
    newest = {one.name: Version(one.version) for one in locks.pins(extremes.NEWEST)}
    ours = {one.name: Version(one.version) for one in locks.pins(locks.ALL) if one.name in newest}
    assert [name for name, version in ours.items() if newest[name] < version] == []
    protobuf = canonicalize_name("protobuf")
    assert newest[protobuf] > ours[protobuf]


def test_what_holds_protobuf_back_is_in_none() -> None:
    for path in LOCKS:
        assert "grpcio-tools" not in {one.name for one in locks.pins(path)}
