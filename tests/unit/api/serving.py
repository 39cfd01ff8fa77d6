"""Parts of the API for tests that wire their own."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from google.protobuf.descriptor import ServiceDescriptor

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.admission.kinds import Kind
from ordergen_server.api.admission.lanes import Lane
from ordergen_server.api.call import Limits
from ordergen_server.api.calls import Calls
from ordergen_server.api.security import Gatekeeper
from ordergen_server.api.server import ApiServer, ServerConfig
from ordergen_server.api.steps import TimeLimit
from ordergen_server.api.wire.event_loop import EventLoop
from ordergen_server.domain.errors import DatabaseUnavailable
from ordergen_server.domain.stores import Database
from tests.limits import PATIENCE

LIMITS = Limits(call_seconds=PATIENCE, run_seconds=PATIENCE, message_seconds=PATIENCE)


class FakeDatabase:
    """Does what is looked for, or raises."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.fails_now_and_then = False
        self.looks = 0

    def look(self, timeout_seconds: float) -> None:
        assert timeout_seconds > 0
        self.looks += 1
        if self.fails_now_and_then and self.looks % 2:
            raise DatabaseUnavailable("late")
        if self.failure:
            raise self.failure

    def check(self, timeout_seconds: float) -> None:
        assert timeout_seconds > 0
        if self.failure:
            raise self.failure

    def time_limit(self, seconds: float) -> AbstractContextManager[None]:
        return no_limit(seconds)


def no_limit(_: float) -> AbstractContextManager[None]:
    return nullcontext()


@contextmanager
def api_server(
    database: Database,
    services: Mapping[ServiceDescriptor, object],
    *,
    port: int = 0,
    workers: int = 2,
    interval_seconds: float = 0.02,
    limits: Limits = LIMITS,
    time_limit: TimeLimit = no_limit,
) -> Iterator[ApiServer]:
    """A server of servicers that a test has."""
    config = ServerConfig(
        host="127.0.0.1",
        port=port,
        health_port=0,
        drain_seconds=5,
        health_interval_seconds=interval_seconds,
        message_seconds=limits.message_seconds,
    )
    with EventLoop("api") as loop:
        lanes = {kind: Lane(kind.value, workers=workers, room=workers, threads=workers) for kind in Kind}
        calls = Calls(loop.loop, lanes=lanes, inbox=Inbox(), limits=limits, time_limit=time_limit)
        for service, servicer in services.items():
            calls.add(service, servicer)
        server = ApiServer(config, loop=loop, calls=calls, database=database, gatekeeper=Gatekeeper())
        server.start()
        try:
            yield server
        finally:
            server.stop()
