"""The connection to MongoDB: durable writes, transactions, errors of our domain."""

import logging
import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pymongo
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import (
    CollectionInvalid,
    ConfigurationError,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, RAW_OPTIONS, Document
from ordergen_server.repositories.mongodb.driver_errors import is_away, translated
from ordergen_server.repositories.mongodb.fair_semaphore import FairSemaphore
from ordergen_server.repositories.mongodb.observer import (
    UNOBSERVED,
    CommandObserver,
    DatabaseObserver,
    PoolObserver,
)

if TYPE_CHECKING:
    from bson.raw_bson import RawBSONDocument
    from pymongo.database import Database as MongoDatabase

_log = logging.getLogger(__name__)

Documents = Collection[Document]

Result = TypeVar("Result")

CLOSE_SECONDS = 1.0
_WRITE_CONFLICT = 112
_CONFLICT_SECONDS = 0.01
_LEFT_OPEN = 1000
#: At DEBUG the driver logs whole commands and answers there, the key of page tokens among them.
_DRIVER_COMMANDS = "pymongo.command"
_READINESS = "readiness"
_SRV = "mongodb+srv://"
_SCHEMES = ("mongodb://", _SRV)
_NO_ADDRESS = "mongodb_uri is not the address of a MongoDB"
_NO_NAMES = ", or DNS does not tell the names of its servers"
_NO_OPTION = "mongodb_uri has an option that is none, or has a wrong value"
_NO_FILE = "mongodb_uri names a file that cannot be used"
#: Of so many looks at the database one writes.
READS_A_WRITE = 5


#: When the time limits around operations end, on the monotonic clock.
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


class Database:
    """A MongoDB database; the client behind it pools connections and is safe in threads.

    Args:
        uri: where it is.
        name: its name there.
        pool_size: connections at most, and writers at once.
        timeout_seconds: for one operation, the wait for its turn included.
        observer: hears of its operations; without one the driver makes no events.

    Raises:
        ValueError: the address is none, has an option that the driver does not know, or names a file that
            cannot be used.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        *,
        pool_size: int,
        timeout_seconds: float,
        observer: DatabaseObserver | None = None,
    ) -> None:
        logging.getLogger(_DRIVER_COMMANDS).addFilter(_no_commands)
        self._timeout_seconds = timeout_seconds
        self._turns = FairSemaphore(pool_size, observer or UNOBSERVED)
        # Cut off in a transaction; the database itself forgets them after a minute.
        self._left_open: deque[ClientSession] = deque(maxlen=_LEFT_OPEN)
        if not uri.startswith(_SCHEMES):  # the driver would look for a host of that name
            raise ValueError(_NO_ADDRESS)
        try:
            self._client = _client(uri, pool_size, timeout_seconds, observer)
        except (ConfigurationError, ValueError):  # its text may hold a part of the password
            raise ValueError(_NO_ADDRESS + _NO_NAMES * uri.startswith(_SRV)) from None
        except UserWarning:  # as may what is written after a wrong option
            raise ValueError(_NO_OPTION) from None
        except OSError as error:
            raise ValueError(f"{_NO_FILE}: {error.strerror}") from None
        self._reads_before_write = 0
        self._database: MongoDatabase[Document] = self._client.get_database(name, codec_options=CODEC_OPTIONS)
        self._looks: Documents = self._database["health"]

    def collection(self, name: str) -> Documents:
        """The collection of that name."""
        return self._database[name]

    def raw_collection(self, name: str) -> "Collection[RawBSONDocument]":
        """The collection of that name, for reading documents without decoding them."""
        return self._database[name].with_options(codec_options=RAW_OPTIONS)

    def create_collection(self, name: str) -> None:
        """Make a collection; one that is there already is as good."""
        with suppress(CollectionInvalid):
            self._database.create_collection(name)

    def now(self) -> datetime:
        """The database's time, UTC: one clock for all servers, whatever theirs say."""
        return cast("datetime", self._database.command("hello", codec_options=CODEC_OPTIONS)["localTime"])

    def command(self, command: Document) -> None:
        """Run a command of the database."""
        self._database.command(command)

    def session(self) -> ClientSession:
        """A session for transactions, one at a time; who opens it ends it."""
        return self._client.start_session()

    def kill_session(self, session_id: object) -> None:
        """Take back what a session of anyone has not committed."""
        self._client.admin.command({"killSessions": [{"id": session_id}]})

    def transaction(
        self, steps: Callable[[ClientSession], Result], session: ClientSession | None = None
    ) -> Result:
        """Do all of these steps, or none; again where another transaction stood in the way.

        In a session of its own, or in `session`, whose next transaction takes the place of one left open.
        """
        if session:
            return _transacted(steps, session)
        with ExitStack() as stack:
            own = stack.enter_context(self._client.start_session())
            try:
                return _transacted(steps, own)
            except PyMongoError as error:
                if is_away(error):  # so it could not be told to abort
                    stack.pop_all()
                    self._left_open.append(own)
                raise

    @contextmanager
    def snapshot(self) -> Iterator[ClientSession]:
        """A block whose reads with its session all see the database as it is at the first of them."""
        with self._client.start_session(snapshot=True) as session:
            yield session

    def look(self, timeout_seconds: float) -> None:
        """Return if the database does what calls need, and take back what was left open while it did not.

        A database with a full disk, or whose storage has failed, may answer a ping: so a document of ours is
        read as a majority has it, and every so many looks written; where that fails, with each look until it
        succeeds. One thread looks.

        Raises:
            DatabaseUnavailable: it does not, or not in time.
        """
        with self.time_limit(timeout_seconds), translated():
            self._read_look()
            if self._reads_before_write == 0:
                self._write_look()
                self._reads_before_write = READS_A_WRITE
            self._reads_before_write -= 1
            self._end_left_open()

    def check(self, timeout_seconds: float) -> None:
        """Return if the database is read and written in time, as calls need; any thread may ask.

        Raises:
            DatabaseUnavailable: it is not.
        """
        with self.time_limit(timeout_seconds), translated():
            self._read_look()
            self._write_look()

    def _read_look(self) -> None:
        self._looks.find_one({"_id": _READINESS})

    def _write_look(self) -> None:
        with suppress(DuplicateKeyError):  # another server has just made it, so it was written
            self._looks.update_one({"_id": _READINESS}, {"$currentDate": {"time": True}}, upsert=True)

    def _end_left_open(self) -> None:
        """Abort transactions that may be open still: what they locked would stay locked for a minute."""
        sessions = [self._left_open.popleft() for _ in range(len(self._left_open))]
        if not sessions:
            return
        try:
            self._client.admin.command({"killSessions": [one.session_id for one in sessions]})
        except PyMongoError as error:
            if is_away(error):
                self._left_open.extend(sessions)
                raise
            _log.warning("transactions that were cut off keep their locks for a minute: %s", error)
        else:
            for one in sessions:
                one.end_session()

    @contextmanager
    def operation(self, seconds: float | None = None) -> Iterator[None]:
        """A block of operations that together may take the database's timeout, or the time limit around it.

        Args:
            seconds: in place of the timeout, for what is large.

        Raises:
            DeadlineExceeded, DatabaseUnavailable: as `translated` has it.
        """
        allowed = self._timeout_seconds if seconds is None else seconds
        hurried = _deadline.get() < time.monotonic() + allowed
        with pymongo.timeout(allowed), translated(hurried=hurried):
            yield

    @contextmanager
    def writing(self, seconds: float | None = None) -> Iterator[None]:
        """An `operation` that writes: it begins in its turn, with as many at once as there are connections.

        Those that only read take no turns: they are so short that handing turns over would cost a fifth of
        them, and are over soon whoever comes first. Not within another: it would wait for itself.
        """
        allowed = self._timeout_seconds if seconds is None else seconds
        until = min(time.monotonic() + allowed, _deadline.get())
        with self.operation(seconds), self._turns.turn(until):
            yield

    @contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """A block in which every operation of this thread together may take `seconds`."""
        token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
        try:
            with pymongo.timeout(seconds):
                yield
        finally:
            _deadline.reset(token)

    def close(self) -> None:
        """Close every connection."""
        with pymongo.timeout(CLOSE_SECONDS):  # it would look for a database that is down for 30 s
            self._client.close()


def _client(
    uri: str, pool_size: int, timeout_seconds: float, observer: DatabaseObserver | None
) -> MongoClient[Document]:
    with warnings.catch_warnings():
        # The driver would go on without an option that it does not understand, such as one that asks for TLS.
        warnings.simplefilter("error", UserWarning)
        return MongoClient(
            uri,
            appname="ordergen",
            maxPoolSize=pool_size,
            timeoutMS=round(timeout_seconds * 1000),
            retryWrites=True,
            retryReads=True,
            # An acknowledged write survives the loss of any one machine, and power. Said here and not of
            # the database, because a transaction commits with what the client has.
            w="majority",
            journal=True,
            readConcernLevel="majority",
            **_listeners(observer),
        )


def _listeners(observer: DatabaseObserver | None) -> dict[str, Any]:
    return {"event_listeners": [CommandObserver(observer), PoolObserver(observer)]} if observer else {}


def _no_commands(_: logging.LogRecord) -> bool:
    return False


def _transacted(steps: Callable[[ClientSession], Result], session: ClientSession) -> Result:
    while True:
        try:
            with session.start_transaction():
                return steps(session)
        except OperationFailure as error:
            if error.code != _WRITE_CONFLICT:
                raise
            time.sleep(_CONFLICT_SECONDS)
