"""Whatever happens to a call is found in logs, metrics and traces by the id that its caller got."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pymongo
import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2, rebalance_service_pb2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.api.telemetry.spans import recorder_to
from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID
from tests.e2e.api import Api, message_of, served
from tests.e2e.conftest import PORTFOLIOS
from tests.e2e.metrics import Scrape
from tests.e2e.processes import server_process
from tests.e2e.runs import watched
from tests.limits import PATIENCE
from tests.unit.deployment.monitoring import metrics_named
from tests.waiting import eventually

MODELS = "globeco.ordergen.v1.ModelService"
REBALANCES = "globeco.ordergen.v1.RebalanceService"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SLOW_SECONDS = 0.3
Metadata = tuple[tuple[str, str], ...]


def headers(correlation_id: str) -> Metadata:
    return (("x-correlation-id", correlation_id), ("traceparent", f"00-{TRACE}-{SPAN}-01"))


@dataclass(frozen=True)
class Seen:
    """What is seen of servers of this process, by the id of a call."""

    stream: io.StringIO
    exporter: InMemorySpanExporter
    tracing: Tracing

    def lines(self, correlation_id: str) -> list[dict[str, Any]]:
        """Every line of a call, as of now."""
        written = map(json.loads, self.stream.getvalue().splitlines())
        return [line for line in written if line.get("correlation_id") == correlation_id]

    def line(self, correlation_id: str, event: str) -> dict[str, Any]:
        """The one line of a call that begins so, once it is written."""
        found = eventually(
            lambda: [one for one in self.lines(correlation_id) if one["event"].startswith(event)]
        )
        (line,) = found
        return line

    def spans(self, name: str) -> list[ReadableSpan]:
        """Those of the trace that the caller began."""
        return [
            one
            for one in self.exporter.get_finished_spans()
            if one.name == name and one.context and f"{one.context.trace_id:032x}" == TRACE
        ]

    def span(self, name: str) -> ReadableSpan:
        """The one of that name, once it has ended."""
        (span,) = eventually(lambda: self.spans(name))
        return span


@pytest.fixture
def seen() -> Iterator[Seen]:
    stream, exporter = io.StringIO(), InMemorySpanExporter()
    with logging_to(stream, "INFO", "json"):
        yield Seen(stream, exporter, Tracing(recorder_to([SimpleSpanProcessor(exporter)])))


def trailers(call: grpc.Call) -> dict[str, str | bytes]:
    return {one.key: one.value for one in call.trailing_metadata()}  # type: ignore[attr-defined] # named tuples


def get(api: Api, model_id: str, metadata: Metadata = ()) -> tuple[grpc.StatusCode, dict[str, str | bytes]]:
    """How GetModel ends, and its trailers."""
    request = model_service_pb2.GetModelRequest(model_id=model_id)
    try:
        _, call = api.models.GetModel.with_call(request, metadata=metadata, timeout=PATIENCE)
    except grpc.RpcError as error:
        return error.code(), trailers(error)  # type: ignore[arg-type] # which is a call, too
    return call.code(), trailers(call)


@contextmanager
def served_to(
    seen: Seen,
    uri: str,
    name: str,
    siblings: SimulatedSiblings,
    **settings: float,
) -> Iterator[Api]:
    with served(uri, name, siblings, tracing=seen.tracing, **settings) as api:  # type: ignore[arg-type] # whole numbers where it says int
        yield api


def test_a_failing_call_is_found_by_the_id_that_its_caller_got(
    seen: Seen, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served_to(seen, mongodb_uri, database_name, siblings) as api:
        code, answered = get(api, MODEL_ID, headers("failing-1"))
        scrape = Scrape(api.metrics_port)
    assert (code, answered["x-correlation-id"]) == (grpc.StatusCode.NOT_FOUND, "failing-1")
    line = seen.line("failing-1", "call")
    expected = {"code": "NOT_FOUND", "reason": "NOT_FOUND", "method": f"{MODELS}/GetModel", "trace_id": TRACE}
    assert line | expected == line
    assert line["request_bytes"] > 0
    span = seen.span(f"{MODELS}/GetModel")
    assert (span.attributes or {})["correlation_id"] == "failing-1"
    assert span.status.status_code is StatusCode.UNSET
    read = seen.span("find models")
    assert read.parent
    assert span.context
    assert read.parent.span_id == span.context.span_id
    method = {"grpc_service": MODELS, "grpc_method": "GetModel"}
    assert scrape.total("grpc_server_handled_total", **method, grpc_code="NOT_FOUND") == 1
    assert scrape.total("grpc_server_handling_seconds_count", **method) == 1
    assert scrape.total("ordergen_calls_in_flight") == 0
    assert scrape.total("ordergen_database_operation_seconds_count", operation="find", outcome="ok") > 0


def test_a_call_without_an_id_gets_one_and_a_bad_one_is_replaced(
    seen: Seen, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served_to(seen, mongodb_uri, database_name, siblings) as api:
        own = [get(api, MODEL_ID, metadata)[1] for metadata in ((), (("x-correlation-id", "a b" * 100),))]
    for answered in own:
        correlation_id = str(answered["x-correlation-id"])
        assert len(correlation_id) == 32
        assert seen.line(correlation_id, "call")["code"] == "NOT_FOUND"


def test_a_slow_sibling_is_found_by_the_id_of_the_call_that_waited(
    seen: Seen, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """It failed once, too, and was asked again; in worker threads the ids come along."""
    with served_to(seen, mongodb_uri, database_name, siblings) as api:
        model = api.create(message_of(siblings.model, portfolios=1))
        slow = Fault(kind="delay", delay_seconds=SLOW_SECONDS)
        siblings.set_faults("accounting", [Fault(kind="status", status=503, times=1), slow])
        request = rebalance_service_pb2.RebalanceModelRequest(model_id=model.model_id)
        call = api.rebalances.RebalanceModel(request, metadata=headers("slow-1"), timeout=PATIENCE)
        list(call)
        scrape = Scrape(api.metrics_port)
    assert trailers(call)["x-correlation-id"] == "slow-1"
    assert seen.line("slow-1", "call")["duration_ms"] > 1000 * SLOW_SECONDS
    assert seen.line("slow-1", "run ")["rebalance_id"]
    failed, answered = seen.spans("call portfolio-accounting")
    assert [dict(one.attributes or {})["outcome"] for one in (failed, answered)] == ["failed", "answered"]
    assert [one.status.status_code for one in (failed, answered)] == [StatusCode.ERROR, StatusCode.UNSET]
    assert (answered.end_time or 0) - (answered.start_time or 0) > 1e9 * SLOW_SECONDS
    accounting = {"service": "portfolio-accounting"}
    assert scrape.total("ordergen_sibling_attempts_total", **accounting, outcome="failed") == 1
    assert scrape.total("ordergen_sibling_attempts_total", **accounting, outcome="answered") == 1
    assert scrape.total("ordergen_sibling_retries_total", **accounting) == 1
    assert scrape.total("ordergen_sibling_call_seconds_sum", **accounting, outcome="answered") > SLOW_SECONDS
    assert scrape.total("ordergen_sibling_breaker_state", **accounting, state="CLOSED") == 1


def test_the_work_of_a_run_is_one_trace_with_its_ids(
    seen: Seen, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """StartRebalance answers at once; what is done afterwards, in other threads, is still of that call."""
    with served_to(seen, mongodb_uri, database_name, siblings) as api:
        model = api.create(message_of(siblings.model, portfolios=3))
        started = start(api, model, "run-1")
        watched(api, started)
        seen.span("run")  # its thread ends after its last write
        scrape = Scrape(api.metrics_port)
    assert seen.line("run-1", "run ")["rebalance_id"] == started
    names = {
        "run",
        "market",
        "read",
        "solve",
        "store",
        "call pricing",
        "call security",
        "call portfolio-accounting",
    }
    assert {name for name in names if not seen.spans(name)} == set()
    run = seen.span("run")
    assert (run.attributes or {})["rebalance_id"] == started
    assert run.context
    assert {one.parent.span_id for one in seen.spans("read") if one.parent} == {run.context.span_id}
    assert len(seen.spans("read")) == scrape.total("ordergen_stage_seconds_count", stage="read") == 3
    assert scrape.total("ordergen_portfolios_total") == 3
    assert scrape.total("ordergen_solve_seconds_count") == 3
    assert scrape.total("ordergen_runs_ended_total") == 1
    assert scrape.total("ordergen_runs_in_progress") == 0
    assert scrape.total("ordergen_sibling_cache_age_seconds", service="pricing") > 0


def start(api: Api, model: model_pb2.Model, correlation_id: str) -> str:
    request = rebalance_service_pb2.StartRebalanceRequest(model_id=model.model_id)
    started = api.rebalances.StartRebalance(request, metadata=headers(correlation_id), timeout=PATIENCE)
    return started.rebalance_id


def test_a_stolen_lease_is_found_by_the_id_of_the_call_that_began_the_run(
    seen: Seen, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """Both servers say so: the one that takes the run over, and the one that has lost it."""
    with ExitStack() as stack:
        place = (seen, mongodb_uri, database_name)
        silent = stack.enter_context(SimulatedSiblings(portfolios=PORTFOLIOS, positions=20))
        first = stack.enter_context(served_to(*place, silent, lease_seconds=3600))
        model = first.create(message_of(siblings.model, portfolios=3))
        silent.set_faults("accounting", [Fault(kind="hang")])
        started = start(first, model, "stolen-1")
        second = stack.enter_context(served_to(*place, siblings, lease_seconds=6))
        let_run_out(mongodb_uri, database_name)
        watched(second, started)
        silent.stop()  # so that the first goes on, and wants to store what it has
        eventually(lambda: Scrape(first.metrics_port).total("ordergen_leases_lost_total"))
        assert Scrape(second.metrics_port).total("ordergen_lease_takeovers_total") == 1
        assert Scrape(second.metrics_port).total("ordergen_runs_ended_total") == 1
        assert Scrape(first.metrics_port).total("ordergen_runs_ended_total") == 0
    assert seen.line("stolen-1", "taking over run")["rebalance_id"] == started
    lost = f"run {started} has ended or is carried out by another server"
    assert seen.line("stolen-1", lost)["trace_id"] == TRACE
    taken = [(one.attributes or {})["taken_over"] for one in seen.spans("run")]
    assert sorted(map(bool, taken)) == [False, True]


def let_run_out(uri: str, name: str) -> None:
    """Every lease, as if its server had not been heard of."""
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        change = {"$set": {"lease.until": datetime.fromtimestamp(0, UTC)}}
        assert client[name]["rebalances"].update_many({"state": "RUNNING"}, change).modified_count == 1


def test_a_refused_call_is_found_by_its_id(
    seen: Seen, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served_to(seen, mongodb_uri, database_name, siblings, maximum_calls=1) as api:
        model = api.create(message_of(siblings.model, portfolios=1))
        siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=3)])
        request = rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=model.portfolio_ids[0])
        call = partial(api.rebalances.RebalancePortfolio.future, request, timeout=PATIENCE)
        calls = {one: call(metadata=headers(one)) for one in (f"call-{number}" for number in range(8))}
        refused = [one for one, made in calls.items() if made.code() is grpc.StatusCode.RESOURCE_EXHAUSTED]
        scrape = Scrape(api.metrics_port)
    one = refused[0]
    assert trailers(calls[one])["x-correlation-id"] == one
    line = seen.line(one, "call")
    assert (line["reason"], line["refused"], line["level"]) == ("TOO_MANY_CALLS", "solving", "warning")
    assert scrape.total("ordergen_calls_refused_total", why="solving") == len(refused)
    spans = {
        str((span.attributes or {})["correlation_id"]): span
        for span in seen.spans(f"{REBALANCES}/RebalancePortfolio")
    }
    assert (spans[one].attributes or {})["error.type"] == "TOO_MANY_CALLS"


def events(log: Path) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_server_logs_json_serves_metrics_and_ends_well(tmp_path: Path, siblings: SimulatedSiblings) -> None:
    """As a process of its own: every line of its log is JSON, and the last are written before it ends."""
    log = tmp_path / "log"
    with log.open("w") as file, server_process(tmp_path / "data", siblings, file) as server:
        _, answered = get(server.api, MODEL_ID, headers("process-1"))
        scrape = Scrape(server.api.metrics_port)
        assert server.stop() == 0
    assert answered["x-correlation-id"] == "process-1"
    (line,) = [one for one in events(log) if one.get("correlation_id") == "process-1"]
    assert (line["event"], line["code"], line["trace_id"]) == ("call", "NOT_FOUND", TRACE)
    assert scrape.total("process_resident_memory_bytes") > 0
    assert scrape.total("grpc_server_handled_total", grpc_code="NOT_FOUND") == 1


def test_every_metric_that_rules_and_dashboard_name_is_told_from_the_first_scrape_on(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served(mongodb_uri, database_name, siblings) as api:
        names = Scrape(api.metrics_port).names
    assert metrics_named() - names == set()


def test_states_and_codes_that_alerts_count_start_from_zero(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """A counter that begins with 1 is no increase: the first failure would be seen by nobody."""
    with served(mongodb_uri, database_name, siblings) as api:
        families = {one.name: one for one in Scrape(api.metrics_port).families}
    told = {sample.labels["state"] for sample in families["ordergen_runs_ended"].samples}
    assert told == {state.value for state in RebalanceState}
    codes = {sample.labels["grpc_code"] for sample in families["grpc_server_handled"].samples}
    assert codes >= {"UNKNOWN", "INTERNAL", "DATA_LOSS", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
    statuses = {sample.labels["status"] for sample in families["ordergen_solve_seconds"].samples}
    assert statuses >= {"FEASIBLE", "UNDECIDED"}
