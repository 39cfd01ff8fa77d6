"""Of the connections of one address so many stay, the oldest, and nothing else is touched."""

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from ordergen_server.api.wire.peers import DESCRIPTORS, Connections, PeerBound
from tests.limits import PATIENCE
from tests.waiting import eventually


class Door:
    """A listener with connections to it, taken in as they come, and both ends of each."""

    def __init__(self, stack: ExitStack, host: str = "127.0.0.1") -> None:
        both = host == "::"
        self._stack = stack
        self.listener = stack.enter_context(
            socket.create_server(
                (host, 0), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both
            )
        )
        self.port: int = self.listener.getsockname()[1]
        self.taken: list[socket.socket] = []

    def come(self, source: str, count: int = 1) -> list[socket.socket]:
        """Clients from an address."""
        return [self._one(source) for _ in range(count)]

    def _one(self, source: str) -> socket.socket:
        to = "::1" if ":" in source else "127.0.0.1"
        client = self._stack.enter_context(socket.create_connection((to, self.port), PATIENCE, (source, 0)))
        self.taken.append(self._stack.enter_context(self.listener.accept()[0]))
        return client


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def door(stack: ExitStack) -> Door:
    return Door(stack)


def is_ended(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


def looked(port: int) -> Connections:
    connections = Connections(port)
    connections.look()
    return connections


def test_the_newest_of_a_peer_that_has_too_many_are_ended(door: Door) -> None:
    connections = looked(door.port)
    first = door.come("127.0.0.1", 3)
    connections.look()
    others, last = door.come("127.0.0.2", 2), door.come("127.0.0.1", 2)
    connections.look()
    assert connections.end_beyond(3) == {"127.0.0.1": 2}
    assert [is_ended(one) for one in first + others + last] == [False] * 5 + [True] * 2


def test_what_has_ended_makes_room_and_is_not_ended_again(door: Door) -> None:
    """Until gRPC has closed it, it is there, and counts no more."""
    first = door.come("127.0.0.1", 4)
    connections = looked(door.port)
    assert connections.end_beyond(2).total() == 2
    assert connections.end_beyond(2).total() == 0
    for one, end in zip(door.taken, first, strict=True):
        if is_ended(end):
            one.close()
    door.taken[0].close()
    door.come("127.0.0.1")
    connections.look()
    assert connections.end_beyond(2).total() == 0
    door.come("127.0.0.1")
    connections.look()
    assert connections.end_beyond(2).total() == 1


def test_other_sockets_and_files_are_nobodys_connections(
    stack: ExitStack, door: Door, tmp_path: Path
) -> None:
    elsewhere, pair = Door(stack), socket.socketpair()
    clients = elsewhere.come("127.0.0.1", 3)
    with pair[0], pair[1], (tmp_path / "file").open("w"), socket.socket() as unbound:
        assert looked(door.port).end_beyond(0) == {}
        assert not any(is_ended(one) for one in [*clients, *pair])
        assert unbound.fileno() > 0


def test_a_descriptor_that_is_another_by_now_is_left_alone(door: Door) -> None:
    door.come("127.0.0.1", 1)
    connections = looked(door.port)
    number = door.taken[0].fileno()
    one, other = socket.socketpair()
    with one, other:
        os.dup2(one.fileno(), number)  # closes what it was
        assert connections.end_beyond(0) == {}
        assert not is_ended(other)


def test_a_descriptor_that_is_a_file_by_now_is_not_kept(door: Door, tmp_path: Path) -> None:
    door.come("127.0.0.1", 1)
    connections = looked(door.port)
    path = tmp_path / "file"
    with path.open("w") as file:
        os.dup2(file.fileno(), door.taken[0].fileno())
        assert connections.end_beyond(0) == {}
        assert times_open(path) == 2


def times_open(path: Path) -> int:
    found = 0
    for one in DESCRIPTORS.iterdir():
        with suppress(OSError):  # other threads open and close theirs
            found += one.readlink() == path
    return found


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6")
def test_an_address_of_ipv4_is_the_same_where_both_kinds_are_listened_on(stack: ExitStack) -> None:
    door = Door(stack, "::")
    door.come("127.0.0.1", 2)
    door.come("::1", 3)
    assert looked(door.port).end_beyond(0) == {"127.0.0.1": 2, "::1": 3}


def test_whoever_has_too_many_loses_them_and_the_log_says_who(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    counts: list[int] = []
    bound = PeerBound(door.port, 2, counts.append)
    bound.start()
    try:
        kept, others = door.come("127.0.0.1", 2), door.come("127.0.0.2", 2)
        (last,) = door.come("127.0.0.1")
        assert eventually(lambda: is_ended(last))
        assert not any(is_ended(one) for one in kept + others)
        eventually(lambda: counts == [1])
        assert eventually(lambda: lines(caplog)) == [
            f"ended 1 connections of 127.0.0.1 to port {door.port}, which may have 2"
        ]
    finally:
        bound.close()


def test_a_line_a_second_at_most_names_the_peer(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    ended = 0

    def count(more: int) -> None:
        nonlocal ended
        ended += more

    bound = PeerBound(door.port, 1, count)
    bound.start()
    try:
        door.come("127.0.0.1", 1)
        for _ in range(15):
            before = ended
            door.come("127.0.0.1", 1)
            eventually(lambda: ended > before)  # noqa: B023 - called at once
    finally:
        bound.close()
    times = [one.created for one in caplog.records]
    assert times
    assert all(later - sooner > 0.9 for sooner, later in pairwise(times))


def test_where_connections_cannot_be_seen_it_says_so_and_serves(
    door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bound = PeerBound(door.port, 1, lambda _: None, tmp_path / "none")
    bound.start()
    clients = door.come("127.0.0.1", 3)
    bound.close()
    assert not any(is_ended(one) for one in clients)
    assert lines(caplog) == [f"connections of a peer are not bounded: this system has no {tmp_path / 'none'}"]


def test_a_look_that_fails_is_told_and_the_next_is_another(
    door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As without a descriptor left."""
    folder = tmp_path / "fd"
    folder.mkdir()
    counts: list[int] = []
    bound = PeerBound(door.port, 1, counts.append, folder)
    bound.start()
    try:
        shutil.rmtree(folder)
        expected = f"connections to port {door.port} could not be looked at: No such file or directory"
        assert eventually(lambda: lines(caplog))[0] == expected
        folder.symlink_to("/proc/self/fd")
        door.come("127.0.0.1", 3)
        eventually(lambda: sum(counts) == 2)
    finally:
        bound.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
