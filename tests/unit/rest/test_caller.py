"""What of a request goes along with its calls."""

import time

import pytest

from ordergen_server.api.telemetry.correlation import ids_of
from ordergen_server.rest.caller import Caller, caller_of

IDS = ids_of({"x-correlation-id": "desk-1", "x-request-id": "r-1"})


def metadata(**headers: str) -> dict[str, str]:
    return dict(caller_of(headers, IDS, 15).metadata)


def test_ids_and_credentials_go_along() -> None:
    assert metadata(authorization="Bearer abc", cookie="secret=1") == {
        "x-correlation-id": "desk-1",
        "x-request-id": "r-1",
        "authorization": "Bearer abc",
    }


def test_who_they_say_they_are_goes_along() -> None:
    found = dict(caller_of({"x-actor": "ann"}, IDS, 15).metadata)
    assert found["x-actor"] == "ann"
    assert not caller_of({"x-actor": "ann"}, IDS, 15).has_credentials
    assert "x-actor" not in dict(caller_of({"x-actor": "andr\xe9"}, IDS, 15).metadata)


@pytest.mark.parametrize("shown", ["", "Bearer caf\xe9", "Bearer a\nb", "Bearer \x00"])
def test_what_metadata_cannot_carry_is_no_credential(shown: str) -> None:
    assert "authorization" not in metadata(authorization=shown)
    assert not caller_of({"authorization": shown}, IDS, 15).has_credentials
    assert caller_of({"authorization": "Bearer abc"}, IDS, 15).has_credentials


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 15),
        ({"grpc-timeout": "2S"}, 2),
        ({"grpc-timeout": "2M"}, 120),
        ({"grpc-timeout": "1H"}, 3600),
        ({"grpc-timeout": "99999999H"}, 3600),
        ({"grpc-timeout": "1500m"}, 1.5),
        ({"grpc-timeout": "1500000u"}, 1.5),
        ({"grpc-timeout": "15000000n"}, 0.015),
        ({"grpc-timeout": "123456789S"}, 15),
        ({"grpc-timeout": "-1S"}, 15),
        ({"grpc-timeout": "1s"}, 15),
        ({"x-envoy-expected-rq-timeout-ms": "2500"}, 2.5),
        ({"x-envoy-expected-rq-timeout-ms": "9999999999"}, 3600),
        ({"x-envoy-expected-rq-timeout-ms": "2.5"}, 15),
        ({"x-envoy-expected-rq-timeout-ms": "12345678901"}, 15),
        ({"grpc-timeout": "3S", "x-envoy-expected-rq-timeout-ms": "2500"}, 3),
    ],
)
def test_the_time_that_a_caller_gives(headers: dict[str, str], seconds: float) -> None:
    before = time.monotonic()
    until = caller_of(headers, IDS, 15).until
    assert before + seconds <= until <= time.monotonic() + seconds


def test_no_time_is_left_where_it_has_ended() -> None:
    assert Caller((), time.monotonic() - 1).seconds_left == 0
    assert 0 < Caller((), time.monotonic() + 100).seconds_left <= 100
