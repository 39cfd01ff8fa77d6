"""Notes what a worker does, for the metrics of the process that gave it the work."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.services.observer import SolveMethod, Stage
from ordergen_server.services.running.report import Report

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Reporter:
    """A RunObserver, SiblingObserver and DatabaseObserver; what they hear is taken as one report."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._report = Report()

    def take(self) -> Report:
        """What was noted since the last time."""
        with self._lock:
            report, self._report = self._report, Report()
            return report

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """See RunObserver."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._report.stages.append((stage, time.perf_counter() - began))

    def solved(self, method: SolveMethod, status: str, seconds: float, portfolios: int = 1) -> None:
        """See RunObserver."""
        self._report.solved.append((method, status, seconds, portfolios))

    def stored(self, counts: Mapping[PortfolioState, int]) -> None:
        """Nothing: it is counted where it is published."""

    def run(self, rebalance_id: str, *, taken_over: bool) -> "AbstractContextManager[None]":
        """Nothing: a worker carries out no run."""
        del rebalance_id, taken_over
        return nullcontext()

    def lease_lost(self) -> None:
        """Nothing: a worker holds no lease."""

    def run_ended(self, state: RebalanceState) -> None:
        """Nothing: a worker ends no run."""

    def begin_attempt(self, service: str, number: int) -> "_Attempt":
        """See SiblingObserver."""
        return _Attempt(self._report, service, number)

    def call_ended(self, service: str, outcome: str, seconds: float) -> None:
        """See SiblingObserver."""
        self._report.calls.append((service, str(outcome), seconds))

    def begin_operation(self, operation: str, collection: str) -> "_Operation":
        """See DatabaseObserver."""
        del collection
        return _Operation(self._report, operation)

    def connections(self, change: int) -> None:
        """Nothing: connections are counted for each process that serves."""

    def waiting(self, change: int) -> None:
        """Nothing: a worker has a connection for each of its writers."""

    def waited(self, seconds: float) -> None:
        """Nothing, likewise."""


class _Attempt:
    def __init__(self, report: Report, service: str, number: int) -> None:
        self._report = report
        self._service = service
        self._number = number

    def end(self, outcome: str) -> None:
        """See ObservedAttempt."""
        self._report.attempts.append((self._service, self._number, str(outcome)))


class _Operation:
    def __init__(self, report: Report, operation: str) -> None:
        self._report = report
        self._operation = operation

    def end(self, outcome: str, seconds: float) -> None:
        """See ObservedOperation."""
        self._report.operations.append((self._operation, outcome, seconds))
