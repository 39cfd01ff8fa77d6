"""From what the API answers to what HTTP does."""

import grpc
import pytest

from ordergen_client.errors import OrderGenerationError, Violation
from ordergen_server.rest.answering.statuses import BROKEN, STATUSES, headers_of, status_of


def error(code: str, **given: object) -> OrderGenerationError:
    return OrderGenerationError(code, "why", **given)  # type: ignore[arg-type] # what each test names


def test_every_code_has_a_status_of_its_own_or_is_our_fault() -> None:
    broken = {"UNKNOWN", "INTERNAL", "DATA_LOSS"}
    codes = {code.name for code in grpc.StatusCode} - {"OK"}
    assert set(STATUSES) == codes - broken
    assert {status_of(error(code)) for code in broken} == {BROKEN}


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, "1"), (0.0, "1"), (0.2, "1"), (1.0, "1"), (1.001, "2"), (30.0, "30")]
)
def test_when_to_come_back_is_in_whole_seconds(seconds: float | None, told: str) -> None:
    for code, status in (("UNAVAILABLE", 503), ("RESOURCE_EXHAUSTED", 429)):
        assert headers_of(error(code, retry_after_seconds=seconds), status) == {"retry-after": told}


def test_who_is_not_known_is_told_what_to_show() -> None:
    assert headers_of(error("UNAUTHENTICATED"), 401) == {"www-authenticate": "Bearer"}
    assert headers_of(error("PERMISSION_DENIED"), 403) == {}


def test_a_run_in_progress_is_a_conflict() -> None:
    running, other = Violation("r", "must have ended", "RUNNING"), Violation("s", "has no price", "PRICE")
    assert status_of(error("FAILED_PRECONDITION", violations=(running,))) == 409
    assert status_of(error("FAILED_PRECONDITION", violations=(running, other))) == 422
    assert status_of(error("FAILED_PRECONDITION")) == 422
