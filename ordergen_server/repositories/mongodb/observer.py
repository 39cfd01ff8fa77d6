"""What the database tells whoever observes it: from the driver's own events, and from our turns."""

from typing import Protocol

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)

#: Commands of ours and of the driver; any other is OTHER, so that there are never many.
OPERATIONS = frozenset(
    {
        "abortTransaction",
        "aggregate",
        "collMod",
        "commitTransaction",
        "count",
        "create",
        "createIndexes",
        "delete",
        "endSessions",
        "find",
        "findAndModify",
        "getMore",
        "hello",
        "insert",
        "killCursors",
        "killSessions",
        "update",
    }
)
OTHER = "other"


class ObservedOperation(Protocol):
    """One command under way."""

    def end(self, outcome: str, seconds: float) -> None:
        """It is over: `ok`, `timeout`, `unreachable` or `failed`."""


class DatabaseObserver(Protocol):
    """Hears of the database; it must be quick, and raise nothing."""

    def begin_operation(self, operation: str, collection: str) -> ObservedOperation:
        """A command begins; it ends in the same thread."""

    def connections(self, change: int) -> None:
        """Connections were taken from the pool (1) or given back (-1)."""

    def waiting(self, change: int) -> None:
        """A writer begins (1) or ends (-1) to wait for its turn."""

    def waited(self, seconds: float) -> None:
        """A writer waited so long for its turn."""


class CommandObserver(CommandListener):
    """Hears of commands from the driver; what is in them is never looked at but the collection's name."""

    def __init__(self, observer: DatabaseObserver) -> None:
        self._observer = observer
        self._open: dict[int, ObservedOperation] = {}  # by request; each key has one thread

    def started(self, event: CommandStartedEvent) -> None:
        """A command is about to be sent."""
        name = event.command_name
        collection = event.command.get(name) if name in OPERATIONS else ""
        self._open[event.request_id] = self._observer.begin_operation(
            name if name in OPERATIONS else OTHER, collection if isinstance(collection, str) else ""
        )

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Its answer came."""
        self._end(event.request_id, "ok", event.duration_micros)

    def failed(self, event: CommandFailedEvent) -> None:
        """The database refused it, or no answer came."""
        self._end(event.request_id, _outcome(event), event.duration_micros)

    def _end(self, request_id: int, outcome: str, microseconds: int) -> None:
        operation = self._open.pop(request_id, None)
        if operation:
            operation.end(outcome, microseconds / 1e6)


def _outcome(event: CommandFailedEvent) -> str:
    """The kind of a failure; `failure` is a document of the driver that names the class of its error."""
    kind = str(event.failure.get("errtype", "OperationFailure"))
    if "Timeout" in kind or event.failure.get("code") == _MAXIMUM_TIME_EXPIRED:
        return "timeout"
    return "failed" if kind == "OperationFailure" else "unreachable"


_MAXIMUM_TIME_EXPIRED = 50


class PoolObserver(ConnectionPoolListener):
    """Hears of connections from the driver."""

    def __init__(self, observer: DatabaseObserver) -> None:
        self._observer = observer

    def connection_checked_out(self, _event: ConnectionCheckedOutEvent) -> None:
        """A connection is in use."""
        self._observer.connections(1)

    def connection_checked_in(self, _event: ConnectionCheckedInEvent) -> None:
        """It is free again."""
        self._observer.connections(-1)

    def pool_created(self, event: PoolCreatedEvent) -> None:
        """Nothing to tell; so with all below."""

    def pool_ready(self, event: PoolReadyEvent) -> None:
        """See above."""

    def pool_cleared(self, event: PoolClearedEvent) -> None:
        """See above."""

    def pool_closed(self, event: PoolClosedEvent) -> None:
        """See above."""

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """See above."""

    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        """See above."""

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        """See above."""

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:
        """See above."""

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """See above."""


class _Unobserved:
    def begin_operation(self, operation: str, collection: str) -> ObservedOperation:
        del operation, collection
        return self

    def end(self, outcome: str, seconds: float) -> None:
        del outcome, seconds

    def connections(self, change: int) -> None:
        del change

    def waiting(self, change: int) -> None:
        del change

    def waited(self, seconds: float) -> None:
        del seconds


#: Nobody listens.
UNOBSERVED: DatabaseObserver = _Unobserved()
