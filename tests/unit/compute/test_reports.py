"""What a worker elsewhere does is counted by its server as if it had been done there."""

import pickle

import pytest
from prometheus_client import CollectorRegistry

from ordergen_server.api.telemetry.telemetry import Telemetry
from ordergen_server.compute.reports import Reporter
from ordergen_server.services.observer import SolveMethod, Stage
from ordergen_server.services.running.report import Report
from ordergen_server.siblings.calling.observer import CallOutcome


def work(reporter: Reporter) -> None:
    """Let it hear of everything."""
    with reporter.stage(Stage.READ):
        attempt = reporter.begin_attempt("pricing", 1)
    attempt.end(CallOutcome.FAILED)
    reporter.begin_attempt("pricing", 2).end(CallOutcome.ANSWERED)
    reporter.call_ended("pricing", CallOutcome.ANSWERED, 0.25)
    reporter.solved(SolveMethod.TOGETHER, "PROVEN_OPTIMAL", 0.001, 3)
    reporter.begin_operation("find", "rebalances").end("ok", 0.002)


def test_what_was_noted_is_taken_once_and_can_be_sent() -> None:
    reporter = Reporter()
    work(reporter)
    report = pickle.loads(pickle.dumps(reporter.take()))  # noqa: S301 - of ours
    assert [stage for stage, _ in report.stages] == [Stage.READ]
    assert report.attempts == [("pricing", 1, "failed"), ("pricing", 2, "answered")]
    assert report.calls == [("pricing", "answered", 0.25)]
    assert report.solved == [(SolveMethod.TOGETHER, "PROVEN_OPTIMAL", 0.001, 3)]
    assert report.operations == [("find", "ok", 0.002)]
    assert reporter.take() == Report()


def test_a_stage_that_fails_is_noted() -> None:
    reporter = Reporter()
    with pytest.raises(ZeroDivisionError), reporter.stage(Stage.STORE):
        raise ZeroDivisionError
    assert [stage for stage, _ in reporter.take().stages] == [Stage.STORE]


def test_what_is_counted_where_it_is_published_is_noted_by_nobody() -> None:
    reporter = Reporter()
    reporter.stored({})
    with reporter.run("a" * 24, taken_over=False):
        reporter.lease_lost()
    reporter.connections(1)
    reporter.waiting(1)
    reporter.waited(1.0)
    assert reporter.take() == Report()


def test_a_report_is_counted_in_the_metrics() -> None:
    reporter, registry = Reporter(), CollectorRegistry()
    telemetry = Telemetry((), registry)
    work(reporter)
    telemetry.hear(reporter.take())

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("ordergen_stage_seconds_count", stage="read") == 1
    assert value("ordergen_sibling_attempts_total", service="pricing", outcome="failed") == 1
    assert value("ordergen_sibling_retries_total", service="pricing") == 1
    assert value("ordergen_sibling_call_seconds_sum", service="pricing", outcome="answered") == 0.25
    assert value("ordergen_solve_seconds_count", method="together", status="PROVEN_OPTIMAL") == 3
    assert value("ordergen_database_operation_seconds_sum", operation="find", outcome="ok") == 0.002
