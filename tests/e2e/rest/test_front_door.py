"""What every request passes: ids, headers of safety, bounds, one count."""

import re
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.e2e.api import Api
from tests.fronts import Front, front_process
from tests.limits import PATIENCE

NOWHERE = "/api/v1/model/000000000000000000000000"


@pytest.fixture(scope="module")
def narrow(rest_api: Api) -> Iterator[Front]:
    """A front with little room and little time."""
    with front_process(
        f"127.0.0.1:{rest_api.port}",
        ORDERGEN_REST_MAXIMUM_BODY_BYTES="1000",
        ORDERGEN_REST_MESSAGE_SECONDS="0.5",
        ORDERGEN_REST_ROOT_PATH="/order-gen",
        ORDERGEN_REST_CORS_ORIGINS='["https://portal.example"]',
    ) as running:
        yield running


def connection(front: Front) -> socket.socket:
    return socket.create_connection(("127.0.0.1", front.port), PATIENCE)


def whole(one: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    parts = []
    while part := one.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_every_answer_has_the_headers_of_safety_and_the_callers_id(front: Front) -> None:
    for path in (NOWHERE, "/nothing", "/health/live"):
        answer = front.ask("GET", path, headers={"X-Correlation-ID": "desk-7"})
        assert answer.headers["x-correlation-id"] == "desk-7"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers
    assert re.fullmatch(r"[0-9a-f]{32}", front.ask("GET", NOWHERE).headers["x-correlation-id"])
    unfit = front.ask("GET", NOWHERE, headers={"X-Correlation-ID": "a b"})
    assert unfit.headers["x-correlation-id"] != "a b"


def test_both_forms_of_a_path_answer(narrow: Front) -> None:
    assert narrow.ask("GET", "/api/v1/models").status == 200
    assert narrow.ask("GET", "/order-gen/api/v1/models").status == 200
    assert narrow.ask("GET", "/order-gen/health/ready").status == 200
    assert narrow.ask("GET", "/order-genapi/v1/models").status == 404


def test_a_trailing_slash_is_redirected_with_the_prefix(narrow: Front) -> None:
    answer = narrow.ask("GET", "/order-gen/api/v1/models/")
    assert (answer.status, answer.headers["location"]) == (307, f"{narrow.url}/order-gen/api/v1/models")


def test_a_body_has_a_bound_whether_it_is_announced_or_not(narrow: Front) -> None:
    announced = narrow.ask("POST", "/api/v1/models", raw=b"[" * 1001)
    assert (announced.status, announced.json) == (413, {"detail": "the body has more than 1000 bytes"})
    with connection(narrow) as one:
        one.sendall(
            b"POST /api/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
            b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n400\r\n"
            + b"[" * 1024
            + b"\r\n0\r\n\r\n"
        )
        assert whole(one).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_is_announced_as_too_large_need_not_come(narrow: Front) -> None:
    with connection(narrow) as one:
        one.sendall(
            b"POST /api/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
            b"content-type: application/json\r\ncontent-length: 1001\r\n\r\n"
        )
        assert whole(one).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[", "Expecting value"),
        (b'{"name": NaN}', "NaN is no number"),
        (b'{"name": ' + b"9" * 6000 + b"}", "Exceeds the limit"),
        (b'{"name": "\xff"}', "can't decode byte 0xff"),
        (b"[" * 100_000, "recursion"),
    ],
    ids=["cut", "NaN", "digits", "UTF-8", "deep"],
)
def test_what_is_no_json_is_told(front: Front, body: bytes, why: str) -> None:
    answer = front.ask("POST", "/api/v1/models", raw=body)
    (problem,) = answer.json["detail"]
    assert (answer.status, problem["type"]) == (422, "json_invalid")
    assert why in problem["msg"]


def test_half_a_character_is_no_text(front: Front) -> None:
    answer = front.ask("POST", "/api/v1/models", raw=b'{"name": "\\ud800", "portfolios": []}')
    (problem,) = answer.json["detail"]
    assert (answer.status, problem["loc"]) == (422, ["body", "name"])


def test_a_body_that_does_not_come_is_not_waited_for(narrow: Front) -> None:
    with connection(narrow) as one:
        one.sendall(
            b"POST /api/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
            b"content-type: application/json\r\ncontent-length: 10\r\n\r\n["
        )
        assert whole(one).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n"], ids=["silent", "half a head"])
def test_a_head_that_does_not_come_ends_the_connection(narrow: Front, begun: bytes) -> None:
    with connection(narrow) as one:
        one.sendall(begun)
        assert whole(one) == b""


def test_a_second_head_that_does_not_come_ends_the_connection_too(narrow: Front) -> None:
    with connection(narrow) as one:
        one.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):  # head and body may come one after the other
            answer += one.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        one.sendall(b"GET /health/live HTTP/1.1\r\n")
        assert whole(one) == b""


def test_a_head_has_a_bound(front: Front) -> None:
    with connection(front) as one:
        one.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: " + b"a" * 40_000)
        assert one.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_bytes_that_are_no_http_are_refused(front: Front) -> None:
    with connection(front) as one:
        one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert whole(one).startswith(b"HTTP/1.1 400 ")


def test_pages_of_other_origins_may_call_where_they_are_named(narrow: Front, front: Front) -> None:
    asked = {"Origin": "https://portal.example", "Access-Control-Request-Method": "DELETE"}
    allowed = narrow.ask("OPTIONS", "/api/v1/models", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == "https://portal.example"
    other = narrow.ask("OPTIONS", "/api/v1/models", headers={**asked, "Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-origin" not in front.ask("GET", NOWHERE, headers=asked).headers


def test_requests_are_counted_by_the_path_as_it_is_routed(front: Front) -> None:
    front.ask("GET", NOWHERE)
    front.ask("GET", "/nothing/of/the/kind")
    told = front.ask("GET", "/metrics").body.decode()
    assert 'http_requests_total{method="GET",path="/api/v1/model/{model_id}",status="404"}' in told
    assert 'http_requests_total{method="GET",path="other",status="404"}' in told
    assert 'http_request_duration_milliseconds_bucket{le="1.0",method="GET"' in told
    assert "http_requests_in_flight 1.0" in told
    assert "/nothing" not in told


def test_who_stands_behind_a_full_front_is_told_when_to_come_back(rest_api: Api) -> None:
    settings = {"ORDERGEN_REST_MAXIMUM_REQUESTS": "1"}
    with front_process(f"127.0.0.1:{rest_api.port}", **settings) as small, connection(small) as one:
        # Its body does not come, so it stays.
        one.sendall(
            b"POST /api/v1/models HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: 10\r\n\r\n["
        )
        while b"http_requests_in_flight 2.0" not in small.ask("GET", "/metrics").body:
            time.sleep(0.01)
        refused = small.ask("GET", "/api/v1/models")
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert small.ask("GET", "/health/ready").status == 200


def test_requests_in_flight_are_ended_before_the_front_is(rest_api: Api) -> None:
    with front_process(f"127.0.0.1:{rest_api.port}") as leaving, connection(leaving) as one:
        one.sendall(
            b"POST /api/v1/models HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: 10\r\n\r\n["
        )
        while b"http_requests_in_flight 2.0" not in leaving.ask("GET", "/metrics").body:
            time.sleep(0.01)
        leaving.process.terminate()
        one.sendall(b"1,2,3,4]]")
        assert one.recv(65536).startswith(b"HTTP/1.1 422 ")
        assert leaving.process.wait(PATIENCE) == 0


def test_what_is_behind_is_no_reason_to_restart_the_front() -> None:
    with front_process("127.0.0.1:1") as alone:
        assert alone.ask("GET", "/health/live").status == 200
        ready = alone.ask("GET", "/health/ready")
        assert (ready.status, ready.json["checks"]) == (503, {"api": "UNAVAILABLE"})
        refused = alone.ask("GET", "/api/v1/models", headers={"Grpc-Timeout": "20S"})
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.json == {"detail": "the API cannot be reached: try again"}


def test_time_that_ends_is_told(front: Front) -> None:
    answers = [front.ask("GET", "/api/v1/models", headers={"Grpc-Timeout": "1n"}) for _ in range(20)]
    # Whoever sees it first says so: the front, or the server before or as the call has its turn. Once in a
    # hundred times the answer is there before anybody has looked.
    late = [one for one in answers if one.status != 200]
    assert {(one.status, "time" in one.json["detail"]) for one in late} == {(504, True)}
    assert front.ask("GET", "/api/v1/models", headers={"X-Envoy-Expected-Rq-Timeout-Ms": "0"}).status == 504


def test_plain_bytes_to_tls_and_the_other_way_round(front: Front) -> None:
    context = ssl.create_default_context()
    with connection(front) as one, pytest.raises(ssl.SSLError):
        context.wrap_socket(one, server_hostname="localhost")
