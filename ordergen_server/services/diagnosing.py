"""Asks everything that the server depends on how it is: side by side, each by one thread, for all who ask."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.diagnostics import (
    WELL,
    Dependency,
    DependencyReport,
    DependencyState,
    Diagnosis,
    Finding,
)
from ordergen_server.domain.errors import DeadlineExceeded, Unavailable
from ordergen_server.domain.origin import carried
from ordergen_server.domain.stores import Database
from ordergen_server.domain.subjects import current_subject

#: How long a dependency has for its answer.
LOOK_SECONDS = 2.0
#: For one whose time ended to say so itself, with all that it knows.
GRACE_SECONDS = 0.25
#: So much later a driver may notice that its time ended: it looks for a database twice a second.
LATE_SECONDS = 0.5
#: What was found is everybody's answer for so long.
SHARED_SECONDS = 1.0
#: Of what the caller has left: an answer that comes too late is none.
TIME_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a dependency, under way or over; `began` is on the monotonic clock."""

    began: float
    report: "Future[DependencyReport]"

    @property
    def age_seconds(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self.began

    def is_over_for(self, seconds: float) -> bool:
        """Whether it ended so long ago, or by a mistake of ours."""
        if not self.report.done():
            return False
        if self.report.exception() is not None:
            return True
        return self.age_seconds - self.report.result().seconds >= seconds


class _SharedLook:
    """What was last found of a dependency. One thread at a time asks it, whoever wants to know."""

    def __init__(
        self, dependency: Dependency, threads: Executor, look_seconds: float, shared_seconds: float
    ) -> None:
        self._dependency = dependency
        self._threads = threads
        self._look_seconds = look_seconds
        self._shared_seconds = shared_seconds
        self._lock = Lock()
        self._last: _Look | None = None

    def current(self) -> _Look:
        """The look that is under way, or was over a moment ago; where there is none it begins."""
        with self._lock:
            if self._last is None or self._last.is_over_for(self._shared_seconds):
                self._last = _Look(time.monotonic(), self._threads.submit(carried(self._report)))
            return self._last

    def report_of(self, look: _Look) -> DependencyReport:
        """What a look found; of one that is not over, that."""
        if look.report.done():
            return look.report.result()
        return self._unanswered(look.age_seconds)

    def _report(self) -> DependencyReport:
        began = time.monotonic()
        finding = self._dependency.look(self._look_seconds)
        return DependencyReport(self._dependency.name, finding, time.monotonic() - began)

    def _unanswered(self, seconds: float) -> DependencyReport:
        name = self._dependency.name
        problem = f"Nothing has come from {name} for {seconds:.2g} s."
        if seconds < self._look_seconds:
            advice = "Give the call more time: so little says nothing of it."
        else:
            advice = "See whether it is overloaded, or the network to it drops what is sent."
        return DependencyReport(name, Finding(DependencyState.UNAVAILABLE, problem, advice), seconds)


class Diagnostics:
    """Says how the server does.

    Args:
        dependencies: what it depends on; there are to be as many threads.
        threads: ask them.
        version: of the server.
        clock: its time, UTC.
        look_seconds: how long each dependency has.
        shared_seconds: how long what was found is everybody's answer.
    """

    def __init__(
        self,
        dependencies: Sequence[Dependency],
        threads: Executor,
        *,
        version: str,
        clock: Callable[[], datetime],
        look_seconds: float = LOOK_SECONDS,
        shared_seconds: float = SHARED_SECONDS,
    ) -> None:
        self._looks = [_SharedLook(one, threads, look_seconds, shared_seconds) for one in dependencies]
        self._version = version
        self._clock = clock
        self._patience_seconds = look_seconds + GRACE_SECONDS

    def diagnose(self, deadline: Deadline) -> Diagnosis:
        """Ask every dependency; one that hangs is told as that, and keeps no answer of the others back.

        Raises:
            DeadlineExceeded: the deadline had passed already.
            Cancelled: nobody waits for the answer.
        """
        looks = [one.current() for one in self._looks]
        left = deadline.remaining_seconds("the dependencies were asked")
        # For one that has hung for longer nobody waits again.
        awaited = [look.report for look in looks if look.age_seconds < self._patience_seconds]
        wait(awaited, min(self._patience_seconds, TIME_SHARE * left))
        reports = tuple(one.report_of(look) for one, look in zip(self._looks, looks, strict=True))
        return Diagnosis(self._version, self._clock(), current_subject(), reports)


class DatabaseDependency:
    """The database: whether it is read and written."""

    name = "database"

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, timeout_seconds: float) -> Finding:
        """See Dependency."""
        try:
            self._database.check(max(timeout_seconds / 2, timeout_seconds - LATE_SECONDS))
        except (Unavailable, DeadlineExceeded) as error:
            problem, _, _ = error.message.partition(": ")
            return Finding(
                DependencyState.UNAVAILABLE,
                f"{problem}.",
                "See whether it runs, has room on its disk, and whether ORDERGEN_MONGODB_URI is right; the"
                " server goes on by itself once it answers.",
            )
        return WELL
