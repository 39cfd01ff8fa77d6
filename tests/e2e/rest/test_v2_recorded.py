"""Version 2 passes everything on: requests by the contract's rules, answers in proto3 JSON, errors whole."""

import json
from collections.abc import Iterator
from threading import Event as Flag

import grpc
import pytest
from globeco.ordergen.v1 import comparison_pb2, drift_pb2, rebalance_pb2
from globeco.ordergen.v1 import rebalance_service_pb2 as pb
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordergen_server.rest.answering.rpc_errors import HTTP_CODES
from ordergen_server.rest.v2.bindings import Binding, bindings
from tests.contract_messages import http_request, messages, routable
from tests.events import events
from tests.fronts import Front, front_process
from tests.limits import PATIENCE
from tests.recorded_api import RecordedApi, recorded_api
from tests.waiting import eventually

RUN = "68a1c0ffee0000000000beef"
WATCH = f"/api/v2/rebalance/{RUN}:watch"
UNARY = {one.method.name: one for one in bindings() if not one.streams}


@pytest.fixture(scope="module")
def recorded() -> Iterator[RecordedApi]:
    with recorded_api() as api:
        yield api


@pytest.fixture(scope="module")
def forwarding(recorded: RecordedApi) -> Iterator[Front]:
    """A front of that API, whose streams have a comment soon."""
    target = f"127.0.0.1:{recorded.port}"
    with front_process(target, ORDERGEN_REST_STREAM_COMMENT_SECONDS="0.2") as running:
        yield running


def told(sequence: int) -> pb.RebalanceModelResponse:
    return pb.RebalanceModelResponse(
        sequence=sequence, portfolio=rebalance_pb2.PortfolioRebalance(portfolio_id=f"p{sequence}")
    )


def status_of(code: grpc.StatusCode, *details: Message) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message="what went wrong: 3 % of 7 \u20ac")
    for one in details:
        packed = any_pb2.Any()
        packed.Pack(one)
        status.details.append(packed)
    return status


@pytest.mark.parametrize("binding", UNARY.values(), ids=UNARY)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_requests_and_answers_are_those_of_the_rpc(
    forwarding: Front, recorded: RecordedApi, binding: Binding, data: st.DataObject
) -> None:
    method = binding.method
    message, answer = data.draw(routable(method)), data.draw(messages(method.output_type))
    recorded.answer(answer)
    sent = http_request(method, message)
    got = forwarding.ask(
        sent.verb,
        f"/api/v2{sent.path}?{sent.query}",
        raw=sent.body or None,
        headers={"content-type": "application/json", "authorization": "Bearer t", "x-correlation-id": "c"},
    )
    assert GetMessageClass(method.input_type).FromString(recorded.asked) == message
    assert (got.status, got.json) == (200, MessageToDict(answer, preserving_proto_field_name=True))
    assert (recorded.metadata["authorization"], recorded.metadata["x-correlation-id"]) == ("Bearer t", "c")


@pytest.mark.parametrize("code", [one for one in grpc.StatusCode if one is not grpc.StatusCode.OK])
def test_an_error_has_its_http_code_and_all_its_details(
    forwarding: Front, recorded: RecordedApi, code: grpc.StatusCode
) -> None:
    info = error_details_pb2.ErrorInfo(
        reason="R", domain="ordergen.globeco", metadata={"current_version": "4"}
    )
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="model.name", description="must not be blank")
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2, nanos=1))
    recorded.fail(status_of(code, info, bad, retry))
    got = forwarding.ask("DELETE", f"/api/v2/rebalance/{RUN}?version=1")
    expected = HTTP_CODES[code.name]
    assert (got.status, got.json) == (
        expected,
        {
            "error": {
                "code": expected,
                "status": code.name,
                "message": "what went wrong: 3 % of 7 \u20ac",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "R",
                        "domain": "ordergen.globeco",
                        "metadata": {"current_version": "4"},
                    },
                    {
                        "@type": "type.googleapis.com/google.rpc.BadRequest",
                        "field_violations": [{"field": "model.name", "description": "must not be blank"}],
                    },
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "2.000000001s"},
                ],
            }
        },
    )
    assert got.headers.get("retry-after") == ("3" if expected in (429, 503) else None)
    assert ("www-authenticate" in got.headers) == (expected == 401)


def test_a_detail_of_a_kind_that_is_not_known_is_named(forwarding: Front, recorded: RecordedApi) -> None:
    status = status_of(grpc.StatusCode.NOT_FOUND)
    status.details.add(type_url="type.googleapis.com/not.of.Ours", value=b"\x08\x01")
    recorded.fail(status)
    got = forwarding.ask("GET", f"/api/v2/rebalance/{RUN}")
    assert got.json["error"]["details"] == [{"@type": "type.googleapis.com/not.of.Ours"}]


def test_a_stream_is_events_with_ids(forwarding: Front, recorded: RecordedApi) -> None:
    started = pb.RebalanceModelResponse(sequence=1, started=rebalance_pb2.Rebalance(rebalance_id=RUN))
    finished = pb.RebalanceModelResponse(sequence=3, finished=rebalance_pb2.Rebalance(rebalance_id=RUN))
    recorded.answer(started, told(2), finished)
    with events(forwarding, f"{WATCH}?view=PORTFOLIO_REBALANCE_VIEW_BASIC") as stream:
        assert stream.answer.status == 200
        assert stream.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.answer.headers["cache-control"] == "no-store"
        got = list(stream)
    assert [(one.kind, one.last_id) for one in got] == [
        ("started", "1"),
        ("portfolio", "2"),
        ("finished", "3"),
    ]
    assert [one.data for one in got] == [
        MessageToDict(one, preserving_proto_field_name=True) for one in (started, told(2), finished)
    ]
    assert pb.WatchRebalanceRequest.FromString(recorded.asked) == pb.WatchRebalanceRequest(
        rebalance_id=RUN, view=rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_BASIC
    )


def test_a_stream_may_be_posted_for(forwarding: Front, recorded: RecordedApi) -> None:
    recorded.answer(told(1))
    body = b'{"validate_only": true}'
    with events(
        forwarding, f"/api/v2/model/{RUN}:rebalance", {"idempotency-key": "k"}, "POST", body
    ) as stream:
        assert [one.last_id for one in stream] == ["1"]
    asked = pb.RebalanceModelRequest(model_id=RUN, validate_only=True, request_id="k")
    assert pb.RebalanceModelRequest.FromString(recorded.asked) == asked


def test_a_stream_that_tells_no_run_has_neither_ids_nor_kinds(
    forwarding: Front, recorded: RecordedApi
) -> None:
    first, second = (drift_pb2.PortfolioDrift(portfolio_id=f"p{number}") for number in range(2))
    recorded.fail(status_of(grpc.StatusCode.UNAVAILABLE), first, second)
    body = f'{{"model_id": "{RUN}", "page_size": 2}}'.encode()
    with events(forwarding, "/api/v2/portfolios:drift", method="POST", body=body) as stream:
        *got, last = stream
    assert [one.data for one in got] == [{"portfolio_id": "p0"}, {"portfolio_id": "p1"}]
    assert {(one.kind, one.last_id) for one in got} == {(got[0].kind, "")}
    assert (last.kind, last.data["error"]["status"]) == ("error", "UNAVAILABLE")
    assert pb.CheckDriftRequest.FromString(recorded.asked) == pb.CheckDriftRequest(model_id=RUN, page_size=2)
    recorded.answer(first)
    with events(forwarding, "/api/v2/portfolios:drift", method="POST", body=b"{}") as stream:
        assert [one.data for one in stream] == [{"portfolio_id": "p0"}]


def test_a_comparison_is_a_stream_that_tells_no_run(forwarding: Front, recorded: RecordedApi) -> None:
    row = pb.CompareOptionsResponse(portfolio=comparison_pb2.ComparedPortfolio(variant="one"))
    recorded.answer(row)
    body = f'{{"model_id": "{RUN}", "variants": [{{"name": "one"}}], "frontier_points": 2}}'.encode()
    with events(forwarding, "/api/v2/portfolios:compare", method="POST", body=body) as stream:
        assert [(one.data, one.last_id) for one in stream] == [({"portfolio": {"variant": "one"}}, "")]
    asked = pb.CompareOptionsRequest(
        model_id=RUN, variants=[comparison_pb2.OptionsVariant(name="one")], frontier_points=2
    )
    assert pb.CompareOptionsRequest.FromString(recorded.asked) == asked


def test_a_reader_that_comes_back_says_which_event_was_its_last(
    forwarding: Front, recorded: RecordedApi
) -> None:
    recorded.answer(told(8))
    with events(forwarding, f"{WATCH}?after_sequence=2", {"Last-Event-ID": "7"}) as stream:
        assert [one.last_id for one in stream] == ["8"]
    assert pb.WatchRebalanceRequest.FromString(recorded.asked).after_sequence == 7
    for wrong in ("-1", "a", "1.0", "9223372036854775808", "\u0661"):
        refused = forwarding.ask("GET", WATCH, headers={"Last-Event-ID": wrong.encode().decode("latin-1")})
        assert (refused.status, refused.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_stream_with_nothing_more_in_it_says_that_nobody_need_come_back(
    forwarding: Front, recorded: RecordedApi
) -> None:
    recorded.answer()
    assert forwarding.ask("GET", WATCH, headers={"Last-Event-ID": "9"}).status == 204


def test_what_fails_before_anything_came_has_its_code(forwarding: Front, recorded: RecordedApi) -> None:
    recorded.fail(status_of(grpc.StatusCode.NOT_FOUND))
    got = forwarding.ask("GET", WATCH)
    assert (got.status, got.json["error"]["status"]) == (404, "NOT_FOUND")


def test_what_fails_later_is_an_event(forwarding: Front, recorded: RecordedApi) -> None:
    info = error_details_pb2.ErrorInfo(reason="SIBLING_UNAVAILABLE", domain="ordergen.globeco")
    recorded.fail(status_of(grpc.StatusCode.UNAVAILABLE, info), told(1))
    with events(forwarding, WATCH) as stream:
        first, last = stream
    assert (first.last_id, last.kind, last.last_id) == ("1", "error", "")
    assert (last.data["error"]["code"], last.data["error"]["status"]) == (503, "UNAVAILABLE")


def test_a_silent_stream_has_comments_and_ends_with_its_reader(
    forwarding: Front, recorded: RecordedApi
) -> None:
    gone = Flag()

    def silent(context: grpc.ServicerContext) -> Iterator[Message]:
        context.add_callback(gone.set)
        yield told(1)
        gone.wait(PATIENCE)

    recorded.answers = silent
    with events(forwarding, WATCH) as stream:
        got = iter(stream)
        assert [next(got).kind for _ in range(3)] == ["portfolio", "", ""]
        assert not gone.is_set()
    assert gone.wait(PATIENCE)


def test_a_reader_that_leaves_before_anything_came_ends_the_stream_too(
    forwarding: Front, recorded: RecordedApi
) -> None:
    gone = Flag()

    def mute(context: grpc.ServicerContext) -> Iterator[Message]:
        context.add_callback(gone.set)
        gone.wait(PATIENCE)
        yield told(1)

    recorded.answers = mute
    with events(forwarding, WATCH) as stream:
        assert next(iter(stream)).kind == ""
    assert gone.wait(PATIENCE)


def test_a_front_that_stops_ends_its_streams_and_not_in_the_middle(recorded: RecordedApi) -> None:
    def silent(context: grpc.ServicerContext) -> Iterator[Message]:
        gone = Flag()
        context.add_callback(gone.set)
        yield told(1)
        gone.wait(PATIENCE)

    recorded.answers = silent
    patient = str(10 * PATIENCE)  # if it waited for the streams it would be for so long
    with (
        front_process(f"127.0.0.1:{recorded.port}", ORDERGEN_REST_DRAIN_SECONDS=patient) as leaving,
        events(leaving, WATCH) as stream,
    ):
        got = iter(stream)
        assert next(got).last_id == "1"
        leaving.process.terminate()
        assert list(got) == []
        assert leaving.process.wait(PATIENCE) == 0


def test_streams_have_their_number(recorded: RecordedApi) -> None:
    done = Flag()

    def waiting(context: grpc.ServicerContext) -> Iterator[Message]:
        yield told(1)
        while context.is_active() and not done.wait(0.01):
            pass

    recorded.answers = waiting
    with front_process(f"127.0.0.1:{recorded.port}", ORDERGEN_REST_MAXIMUM_STREAMS="2") as small:
        with events(small, WATCH) as one, events(small, WATCH) as other:
            assert [next(iter(each)).last_id for each in (one, other)] == ["1", "1"]
            refused = small.ask("GET", WATCH)
            assert (refused.status, refused.headers["retry-after"]) == (429, "1")
            assert refused.json["error"]["status"] == "RESOURCE_EXHAUSTED"
            done.set()
        assert eventually(lambda: small.ask("GET", WATCH).status == 200)


@pytest.mark.parametrize(
    ("verb", "path", "raw", "expected"),
    [
        ("GET", "/api/v2/nothing", None, (404, "NOT_FOUND")),
        ("GET", "/api/v2/health", None, (404, "NOT_FOUND")),
        ("PATCH", "/api/v2/models", None, (405, "UNIMPLEMENTED")),
        ("HEAD", "/api/v2/models", None, (405, "")),
        ("POST", "/api/v2/models", b"{", (400, "INVALID_ARGUMENT")),
        ("POST", "/api/v2/models", b"[" * 100_000, (400, "INVALID_ARGUMENT")),
        ("POST", "/api/v2/models", b'{"\\ud800": 1}', (400, "INVALID_ARGUMENT")),
        ("POST", "/api/v2/models", b"x" * (4 * 1024 * 1024 + 1), (413, "INVALID_ARGUMENT")),
        ("GET", "/api/v2/models?a=%ff", None, (400, "INVALID_ARGUMENT")),
        ("GET", "/api/v2/models?limit=3", None, (400, "INVALID_ARGUMENT")),
    ],
)
def test_what_http_refuses_is_told_in_the_same_form(
    forwarding: Front, verb: str, path: str, raw: bytes | None, expected: tuple[int, str]
) -> None:
    got = forwarding.ask(verb, path, raw=raw, headers={"content-type": "application/json"})
    assert got.status == expected[0]
    if verb != "HEAD":
        error = got.json["error"]
        assert (error["code"], error["status"]) == expected
        assert error["details"][0]["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
        assert set(got.json) == {"error"}


def test_a_body_of_another_kind_is_refused(forwarding: Front) -> None:
    got = forwarding.ask("POST", "/api/v2/models", raw=b"{}", headers={"content-type": "text/plain"})
    assert (got.status, got.json["error"]["message"]) == (415, "the Content-Type must be application/json")


def test_a_body_that_is_large_is_read_like_any_other(forwarding: Front, recorded: RecordedApi) -> None:
    recorded.answer(rebalance_pb2.Rebalance(model_name="x" * 200_000))
    ids = [f"{place:024}" for place in range(5000)]
    forwarding.ask(
        "POST",
        f"/api/v2/model/{RUN}/portfolio",
        raw=json.dumps({"portfolio_ids": ids}).encode(),
        headers={"content-type": "application/json"},
    )
    assert len(recorded.asked) > 5000 * 24
    got = forwarding.ask("GET", f"/api/v2/rebalance/{RUN}")
    assert got.json == {"model_name": "x" * 200_000}


def test_the_api_that_is_not_there_is_told_without_its_address() -> None:
    with front_process("127.0.0.1:1") as alone:
        got = alone.ask("POST", f"/api/v2/rebalance/{RUN}:cancel", headers={"Grpc-Timeout": "20S"})
    assert (got.status, got.json["error"]["message"]) == (503, "the API cannot be reached: try again")
    assert got.headers["retry-after"] == "1"


def test_requests_are_counted_by_the_path_of_their_version(forwarding: Front, recorded: RecordedApi) -> None:
    recorded.answer(rebalance_pb2.Rebalance())
    forwarding.ask("GET", f"/api/v2/rebalance/{RUN}")
    counted = forwarding.ask("GET", "/metrics").body.decode()
    assert 'http_requests_total{method="GET",path="/api/v2/rebalance/{rebalance_id}",status="200"}' in counted
    assert 'path="/rebalance' not in counted
