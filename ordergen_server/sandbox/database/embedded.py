"""The embedded database: a MongoDB-compatible server in a process of its own on a data folder.

The program is SecantusDB's ``secantusd-py``, started and never imported. It is durable: a write that was
acknowledged survives SIGKILL. A full disk may cost the last write, where that has more than 64 kB.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pymongo
from pymongo.errors import PyMongoError

from ordergen_server.sandbox.database.panics import PanicWatch
from ordergen_server.sandbox.database.supervised import SupervisedProcess, SupervisedProcessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["EmbeddedDatabase", "EmbeddedDatabaseError"]

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.02
_PING_SECONDS = 2.0
_KNOCK_SECONDS = 2.0
_GRACE_SECONDS = 5.0  # killing it then loses nothing
# Of our environment it gets no more: there are passwords of ours, and much that any Python program heeds.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG", "TZ")
_LOCK_SECONDS = 15.0  # longer than a database of a parent that was killed takes to end


class EmbeddedDatabaseError(Exception):
    """The embedded database cannot be started; the message says why and what to do."""


class EmbeddedDatabase:
    """A database on a folder, up from ``start`` to ``stop`` or for a ``with`` block; it never outlives us.

    It is brought back on the same port and folder when its process dies, or its storage engine gives up.

    Args:
        folder: made if missing; holds the data, the log and a lock file, for one database at a time.
        port: of 127.0.0.1 to listen on; 0 chooses a free one.
        start_seconds: how long it may take to answer.
        lock_seconds: how long to wait for another process to leave the folder.
        program: the server's program; by default the one installed beside this Python.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *,
        start_seconds: float = 30.0,
        lock_seconds: float = _LOCK_SECONDS,
        program: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self._port = port
        self._start_seconds = start_seconds
        self._lock_seconds = lock_seconds
        self._program = program or Path(sys.executable).with_name("secantusd-py")
        self._resources = contextlib.ExitStack()
        self._process: SupervisedProcess | None = None
        self._panics: PanicWatch | None = None

    @property
    def uri(self) -> str:
        """What to give to a MongoDB client.

        The server presents itself as a replica set of one, so that transactions, retryable writes and change
        streams work; a direct connection spares the client the search for other members.
        """
        return f"mongodb://{_HOST}:{self._port}/?directConnection=true"

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the start unless one was given."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The pid of the database's own process (not of its supervisor), None before it has one."""
        return None if self._process is None else self._process.child_pid

    def start(self) -> None:
        """Start the database and wait until it answers.

        Raises:
            EmbeddedDatabaseError: it is not installed, the folder or the port is in use, or it does not
                answer in time.
        """
        if not self._program.exists():
            raise EmbeddedDatabaseError(
                f"{self._program} is not there: install the embedded database with "
                "`pip install 'globeco-ordergen[embedded]'`, or name a MongoDB in ORDERGEN_MONGODB_URI"
            )
        with contextlib.ExitStack() as stack:
            lock = self._lock(stack)
            self._port = _usable_port(self._port)
            log = self.folder / "database.log"
            self._process = SupervisedProcess(
                self._command(), log=log, grace_seconds=_GRACE_SECONDS, keep_open=(lock,)
            )
            stack.enter_context(self._process)
            self.wait_until_ready()
            self._process.keep()
            self._panics = PanicWatch(self.uri, self._process.restart_child)
            self._panics.start()
            self._resources = stack.pop_all()

    def _command(self) -> Sequence[str]:
        config = self.folder / "database.toml"
        config.touch()  # an empty one: otherwise it would read whatever lies in the working directory
        kept = [f"{name}={os.environ[name]}" for name in _ENVIRONMENT if name in os.environ]
        return [
            "/usr/bin/env", "-i", *kept, str(self._program),
            "--config", str(config), "--host", _HOST, "--port", str(self._port),
            "--storage-path", str(self.folder / "data"), "--sync-on-commit", "--log-level", "WARNING",
        ]  # fmt: skip

    def _lock(self, stack: contextlib.ExitStack) -> int:
        """Lock the folder; the supervisor inherits the lock and so keeps it until the database has ended."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((self.folder / "lock").open("ab"))
        except OSError as error:
            raise EmbeddedDatabaseError(f"cannot use the folder {self.folder}: {error}") from error
        end = time.monotonic() + self._lock_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise EmbeddedDatabaseError(
                        f"another process holds the database folder {self.folder}: "
                        "stop it, or use another folder"
                    ) from None
                time.sleep(_POLL_SECONDS)
            else:
                return file.fileno()

    def wait_until_ready(self, timeout_seconds: float | None = None) -> None:
        """Wait until the database answers a ping, at most the seconds given (by default ``start_seconds``).

        Raises:
            EmbeddedDatabaseError: it does not, or its supervisor gave up; with the tail of the log.
        """
        if self._process is None:
            raise EmbeddedDatabaseError("the embedded database was never started")
        end = time.monotonic() + (self._start_seconds if timeout_seconds is None else timeout_seconds)
        while not self._answers():
            try:
                self._process.check_starting(end)
            except SupervisedProcessError as error:
                raise EmbeddedDatabaseError(f"the database on {self.folder}: {error}") from error
            time.sleep(_POLL_SECONDS)

    def _connects(self) -> bool:
        try:
            socket.create_connection((_HOST, self._port), timeout=_PING_SECONDS).close()
        except OSError:
            return False
        return True

    def _answers(self) -> bool:
        if not self._connects():  # asked first: a MongoDB client looks again only every half second
            return False
        timeout = round(_PING_SECONDS * 1000)
        try:
            with pymongo.MongoClient[dict[str, object]](
                self.uri, serverSelectionTimeoutMS=timeout, socketTimeoutMS=timeout
            ) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    def stop(self) -> None:
        """End the database cleanly and wait for it; harmless when it is not running."""
        if self._panics is not None:
            self._panics.stop()
            self._panics = None
        if self._process is not None:
            self._process.request_stop()
            # Told to end, it waits two seconds for one more connection: let it have one.
            end = time.monotonic() + _KNOCK_SECONDS
            while self._process.running and time.monotonic() < end:
                self._connects()
                time.sleep(_POLL_SECONDS)
        self._resources.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _usable_port(port: int) -> int:
    """Return the port given where it can be bound, or for 0 a free one.

    A free port is looked for below the range that the kernel takes outgoing connections' ports from: such a
    connection could otherwise take the port in the moment that the database is down, or connect to itself.
    """
    tries = [port] if port else random.sample(range(15_000, 30_000), 50)
    for each in tries:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_HOST, each))
            return each
    raise EmbeddedDatabaseError(f"port {port} of {_HOST} is in use: choose another one, or 0 for any")
