"""Connections of a peer: where one address has more to a port than it may, the newest are ended.

gRPC bounds the connections of a port and not of a peer, and in Python nobody is asked whether to take one.
But the process sees its own sockets (`/proc/self/fd`, proc(5)): those whose local port is ours are what gRPC
has taken in. What is too much is shut down, and never closed, for the descriptor is gRPC's: it reads the end
of the connection, and cleans up as it does after a client that has gone. Linux alone.
"""

import logging
import math
import os
import socket
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

_log = logging.getLogger(__name__)

DESCRIPTORS = Path("/proc/self/fd")
#: Between two looks while nobody has too many: they take a few milliseconds of a second, by far the most of
#: them with the port full.
QUIET_SECONDS = 0.25
#: After one that ended something: whoever opens connections as fast as they can fills a port within
#: milliseconds. No less than so many times what the look took, for it keeps threads from answering: that is a
#: fifth of a processor. And a little longer after each that ends nothing, lest somebody waits for that.
HURRIED_SECONDS, RESTING, CALMING = 0.001, 4, 1.1
LINE_SECONDS = 1.0


class Connections:
    """The connections of this process to a port of its own, oldest first.

    Args:
        port: one that it listens on.
        descriptors: the folder with the numbers of this process's descriptors.
    """

    def __init__(self, port: int, descriptors: Path = DESCRIPTORS) -> None:
        self._port = port
        self._descriptors = descriptors
        self._numbers: dict[int, int] = {}  # the descriptor of each socket of the process
        self._peers: dict[int, str | None] = {}  # of each that is known; None is no connection to the port
        self._ended: set[int] = set()

    def look(self) -> None:
        """See which there are. Raises OSError: no descriptor is left to look with."""
        self._numbers = dict(_sockets(self._descriptors))
        self._peers = {inode: peer for inode, peer in self._peers.items() if inode in self._numbers}
        self._ended &= self._peers.keys()
        # A processor numbers inodes as it makes them: so these, too, are by age.
        for inode in sorted(self._numbers.keys() - self._peers.keys()):
            self._meet(inode)

    def end_beyond(self, bound: int) -> Counter[str]:
        """Shut down the newest of every peer that has more; how many of which."""
        kept, ended = Counter[str](), Counter[str]()
        for inode, peer in self._peers.items():
            if peer is None or inode in self._ended:
                continue
            kept[peer] += 1
            if kept[peer] > bound and self._end(inode):
                ended[peer] += 1
        return ended

    def _meet(self, inode: int) -> None:
        """Note what a new socket is. One of the port that is not connected listens, or has just ended."""
        with suppress(OSError), _borrowed(self._numbers[inode], inode) as one:
            if one.family not in (socket.AF_INET, socket.AF_INET6) or one.getsockname()[1] != self._port:
                self._peers[inode] = None
            else:
                # An IPv4 address that came to a socket of both kinds is written as one of IPv6.
                self._peers[inode] = one.getpeername()[0].removeprefix("::ffff:")

    def _end(self, inode: int) -> bool:
        with suppress(OSError), _borrowed(self._numbers[inode], inode) as one:
            one.shutdown(socket.SHUT_RDWR)
            self._ended.add(inode)
            return True
        return False  # it has ended by itself


def _sockets(descriptors: Path) -> Iterator[tuple[int, int]]:
    """The inode and the descriptor of every socket of this process."""
    for name in os.listdir(descriptors):  # noqa: PTH208 - a path of each would take twice the time
        with suppress(OSError):  # it was closed meanwhile
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode):
                yield status.st_ino, int(name)


@contextmanager
def _borrowed(number: int, inode: int) -> Iterator[socket.socket]:
    """A descriptor of our own of a socket: it stays the same one whatever is closed and opened meanwhile.

    Raises:
        OSError: that descriptor is closed, or another file's by now.
    """
    own = os.dup(number)
    if os.fstat(own).st_ino != inode:
        os.close(own)
        raise OSError
    with socket.socket(fileno=own) as one:
        yield one


class PeerBound:
    """Bounds the connections of each peer to a port, from `start` to `close`, in a thread of its own.

    Args:
        port: one that this process listens on.
        most: connections of one address.
        ended: is told how many were ended.
        descriptors: where this process sees its descriptors.
    """

    def __init__(
        self, port: int, most: int, ended: Callable[[int], object], descriptors: Path = DESCRIPTORS
    ) -> None:
        self._most = most
        self._ended = ended
        self._descriptors = descriptors
        self._connections = Connections(port, descriptors)
        self._log = _Log(port, most)
        self._closing = Event()
        self._thread = Thread(target=self._run, name="peers", daemon=True)

    def start(self) -> None:
        """Begin; the port must be open. Where connections cannot be seen, say so and leave them alone."""
        if not self._descriptors.is_dir():
            _log.warning("connections of a peer are not bounded: this system has no %s", self._descriptors)
            return
        self._thread.start()

    def close(self) -> None:
        """End what `start` began."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = QUIET_SECONDS
        while not self._closing.wait(pause):
            began = time.thread_time()
            if self._bound():
                pause = max(HURRIED_SECONDS, RESTING * (time.thread_time() - began))
            else:
                pause = min(pause * CALMING, QUIET_SECONDS)

    def _bound(self) -> bool:
        """Look, and end what is too much; whether something was."""
        try:
            self._connections.look()
        except OSError as error:
            self._log.cannot_look(error)
            return False
        ended = self._connections.end_beyond(self._most)
        if ended:
            self._ended(ended.total())
        self._log.note(ended)
        return bool(ended)


class _Log:
    """One line a second at most: who had too many, and how many of them were ended."""

    def __init__(self, port: int, most: int) -> None:
        self._port = port
        self._most = most
        self._untold = Counter[str]()
        self._told_at = -math.inf

    def note(self, ended: Counter[str]) -> None:
        self._untold += ended
        if self._untold and self._is_due():
            peer, count = self._untold.most_common(1)[0]
            others = f", and of {len(self._untold) - 1} more" if len(self._untold) > 1 else ""
            text = "ended %d connections of %s to port %d, which may have %d%s"
            _log.warning(text, count, peer, self._port, self._most, others)
            self._untold.clear()

    def cannot_look(self, error: OSError) -> None:
        if self._is_due():
            _log.warning("connections to port %d could not be looked at: %s", self._port, error.strerror)

    def _is_due(self) -> bool:
        due = time.monotonic() >= self._told_at + LINE_SECONDS
        if due:
            self._told_at = time.monotonic()
        return due
