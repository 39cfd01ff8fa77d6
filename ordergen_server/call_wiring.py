"""Wires what serves calls: threads and room for those of each kind, and their limits."""

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.admission.kinds import Kind
from ordergen_server.api.admission.lanes import Lane
from ordergen_server.api.call import Limits
from ordergen_server.api.calls import Calls
from ordergen_server.api.wire.event_loop import EventLoop
from ordergen_server.configuration.settings import Settings
from ordergen_server.repositories.mongodb.database import Database

#: What became of runs is looked up and encoded by one: each would keep calls of other kinds waiting.
WATCHING_THREADS = 1
#: Single portfolios that are rebalanced at once. Each takes more of the interpreter than it waits: with twice
#: as many, whoever takes calls in and refuses them waits ten times as long, while hardly more is done.
SOLVING_THREADS = 8
#: Lists of siblings are looked into in milliseconds; threads are for who waits for one that has to be read.
RESOLVING_THREADS = 8
#: Those who ask how the server does only wait, all of them for one answer.
DIAGNOSING_THREADS = 8


def served_calls(settings: Settings, loop: EventLoop, database: Database) -> Calls:
    """What serves calls: those of a kind have threads for as many as can be worked on, and no more."""
    workers = {
        Kind.READING: settings.mongodb_pool_size,
        Kind.CHANGING: settings.mongodb_pool_size,
        Kind.SOLVING: min(SOLVING_THREADS, settings.portfolio_workers),
        Kind.RESOLVING: RESOLVING_THREADS,
        Kind.DIAGNOSING: DIAGNOSING_THREADS,
    }
    room, watchers = settings.maximum_calls, settings.maximum_watchers
    lanes = {
        kind: Lane(kind.value, workers=count, room=room, threads=count) for kind, count in workers.items()
    }
    lanes[Kind.WATCHING] = Lane(
        Kind.WATCHING.value, workers=watchers, room=watchers, threads=WATCHING_THREADS
    )
    limits = Limits(
        call_seconds=settings.maximum_call_seconds,
        run_seconds=settings.maximum_run_seconds,
        message_seconds=settings.message_seconds,
    )
    return Calls(loop.loop, lanes=lanes, inbox=Inbox(), limits=limits, time_limit=database.time_limit)
