"""A request is found again behind the front: by its ids, its trace, and the time it has left."""

import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import (
    ModelServiceServicer,
    add_ModelServiceServicer_to_server,
)

from ordergen_server.api.telemetry.logs import logging_to
from tests.builders import MODEL_ID
from tests.e2e.api import Api
from tests.e2e.rest.forms import NOWHERE
from tests.fronts import Front, front_process
from tests.waiting import eventually

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_request_has_one_id_in_both_logs(rest_api: Api, tmp_path: Path) -> None:
    behind = io.StringIO()
    log = tmp_path / "log"
    with (
        log.open("w") as stream,
        front_process(f"127.0.0.1:{rest_api.port}", stream) as front,
        logging_to(behind, "INFO", "json"),
    ):
        headers = {"X-Correlation-ID": "desk-9", "traceparent": f"00-{TRACE}-{SPAN}-01"}
        assert front.ask("GET", f"/api/v1/model/{NOWHERE}", headers=headers).status == 404
        lines = eventually(
            lambda: [
                one
                for one in map(json.loads, behind.getvalue().splitlines())
                if one.get("correlation_id") == "desk-9"
            ]
        )
        (ours,) = eventually(
            lambda: [
                one
                for one in map(json.loads, log.read_text().splitlines())
                if one.get("correlation_id") == "desk-9"
            ]
        )
    assert any("GetModel" in json.dumps(one) for one in lines)
    assert (ours["event"], ours["http_method"], ours["path"], ours["status"]) == (
        "request",
        "GET",
        f"/api/v1/model/{NOWHERE}",
        404,
    )
    assert ours["milliseconds"] > 0


@dataclass(frozen=True)
class Seen:
    """What came with a call."""

    metadata: dict[str, str]
    seconds_left: float


class RecordingApi(ModelServiceServicer):
    """Keeps what every call came with."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def GetModel(self, request: object, context: grpc.ServicerContext) -> model_pb2.Model:  # noqa: N802 - the contract's name
        del request
        metadata = {name: str(value) for name, value in context.invocation_metadata()}
        self.seen.append(Seen(metadata, context.time_remaining()))
        return model_pb2.Model(model_id=MODEL_ID)


@pytest.fixture(scope="module")
def recorded() -> Iterator[tuple[Front, RecordingApi]]:
    api = RecordingApi()
    server = grpc.server(ThreadPoolExecutor(4))
    add_ModelServiceServicer_to_server(api, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with front_process(f"127.0.0.1:{port}", ORDERGEN_REST_TIMEOUT_SECONDS="1000") as front:
        yield front, api
    server.stop(None).wait()


def call(recorded: tuple[Front, RecordingApi], **headers: str) -> Seen:
    front, api = recorded
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    assert front.ask("GET", f"/api/v1/model/{MODEL_ID}", headers=named).status == 200
    return api.seen[-1]


def test_ids_credentials_and_trace_go_along_and_nothing_else(recorded: tuple[Front, RecordingApi]) -> None:
    seen = call(
        recorded,
        X_Correlation_Id="desk-10",
        X_Request_Id="r-1",
        traceparent=f"00-{TRACE}-{SPAN}-01",
        tracestate="vendor=1",
        Authorization="Bearer abc",
        Cookie="secret=1",
        X_Other="other",
    ).metadata
    assert seen.pop("user-agent").startswith("grpc-python")
    assert seen == {
        "x-correlation-id": "desk-10",
        "x-request-id": "r-1",
        "traceparent": f"00-{TRACE}-{SPAN}-01",
        "tracestate": "vendor=1",
        "authorization": "Bearer abc",
    }


def test_an_id_is_made_where_there_is_none(recorded: tuple[Front, RecordingApi]) -> None:
    front, api = recorded
    answer = front.ask("GET", f"/api/v1/model/{MODEL_ID}")
    assert api.seen[-1].metadata["x-correlation-id"] == answer.headers["x-correlation-id"]


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("Grpc_Timeout", "700S", 700),
        ("Grpc_Timeout", "10M", 600),
        ("Grpc_Timeout", "1H", 3600),
        ("Grpc_Timeout", "99H", 3600),
        ("Grpc_Timeout", "800000m", 800),
        ("X_Envoy_Expected_Rq_Timeout_Ms", "900000", 900),
        ("Grpc_Timeout", "soon", 1000),
        ("X_Envoy_Expected_Rq_Timeout_Ms", "-1", 1000),
        ("X_Other", "1", 1000),
    ],
)
def test_the_callers_time_is_the_calls(
    recorded: tuple[Front, RecordingApi], name: str, value: str, seconds: float
) -> None:
    """gRPC writes it with three digits, rounded up."""
    began = time.monotonic()
    left = call(recorded, **{name: value}).seconds_left
    assert seconds - (time.monotonic() - began) - 0.1 <= left <= 1.02 * seconds
