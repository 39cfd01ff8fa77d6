"""Every error of the domain as the status a caller meets."""

from collections.abc import Iterator
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.api.messages.errors import DOMAIN, TABLE, to_status
from ordergen_server.domain import errors
from ordergen_server.domain.errors import OrderGenerationError, Resource, Violation, error_types
from ordergen_server.domain.requests.violations import MAXIMUM_VIOLATIONS

Detail = TypeVar("Detail", bound=Message)
#: What every client takes: above 8 KiB of headers some fail, at random.
SAFE_BYTES = 8 * 1024


def details(status: status_pb2.Status, kind: type[Detail]) -> Iterator[Detail]:
    for packed in status.details:
        detail = kind()
        if packed.Unpack(detail):
            yield detail


def only(status: status_pb2.Status, kind: type[Detail]) -> Detail:
    (found,) = details(status, kind)
    return found


def header_bytes(status: status_pb2.Status) -> int:
    """How long the status is in the trailers of a call: its text, percent-encoded, and all of it again."""
    text = sum(1 if 32 <= byte < 127 and byte != ord("%") else 3 for byte in status.message.encode())
    return text + len(status.SerializeToString())


def told_and_counted(status: status_pb2.Status) -> tuple[int, int]:
    """How many violations a status tells, and how many more it says there are."""
    fields = sum(len(one.field_violations) for one in details(status, error_details_pb2.BadRequest))
    causes = sum(len(one.violations) for one in details(status, error_details_pb2.PreconditionFailure))
    more = only(status, error_details_pb2.ErrorInfo).metadata.get("more_violations", "0")
    return fields + causes, int(more)


def test_every_error_has_a_row() -> None:
    assert set(error_types().values()) - {OrderGenerationError} == set(TABLE)


def test_every_reason_is_of_one_error() -> None:
    assert len({reason for _, reason in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_every_error_says_its_status_and_reason(kind: type[OrderGenerationError]) -> None:
    code, reason = TABLE[kind]
    status = to_status(kind("what went wrong", metadata={"name": "value"}))
    assert (status.code, status.message) == (code.value[0], "what went wrong")
    expected = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata={"name": "value"})
    assert only(status, error_details_pb2.ErrorInfo) == expected
    assert len(status.details) == 1


def test_broken_fields_are_a_bad_request() -> None:
    error = errors.InvalidArgument("bad", violations=[Violation("a[0].b", "must be"), Violation("c", "must")])
    found = only(to_status(error), error_details_pb2.BadRequest).field_violations
    assert [(one.field, one.description, one.reason) for one in found] == [
        ("a[0].b", "must be", "RULE"),
        ("c", "must", "RULE"),
    ]


def test_causes_are_a_precondition_failure() -> None:
    error = errors.Infeasible("bad", violations=[Violation("SECURITY", "no share fits", "BAND")])
    (found,) = only(to_status(error), error_details_pb2.PreconditionFailure).violations
    assert (found.type, found.subject, found.description) == ("BAND", "SECURITY", "no share fits")


def test_what_an_error_is_about() -> None:
    status = to_status(errors.AlreadyExists("taken", resource=Resource("Model", "Growth", "models/1")))
    found = only(status, error_details_pb2.ResourceInfo)
    assert (found.resource_type, found.resource_name, found.owner, found.description) == (
        "Model",
        "Growth",
        "models/1",
        "taken",
    )


def test_when_to_try_again() -> None:
    found = only(to_status(errors.Unavailable("down", retry_after_seconds=1.5)), error_details_pb2.RetryInfo)
    assert found.retry_delay.ToNanoseconds() == 1_500_000_000


@pytest.mark.parametrize("kind", [errors.InvalidArgument, errors.Infeasible])
@pytest.mark.parametrize("count", [MAXIMUM_VIOLATIONS, MAXIMUM_VIOLATIONS + 1, 150])
def test_violations_are_at_most_so_many_and_the_rest_is_counted(
    kind: type[OrderGenerationError], count: int
) -> None:
    status = to_status(kind("bad", violations=[Violation(f"field[{n}]", "rule") for n in range(count)]))
    assert told_and_counted(status) == (MAXIMUM_VIOLATIONS, count - MAXIMUM_VIOLATIONS)


texts = st.one_of(st.text(max_size=2000), st.text("\N{GRINNING FACE}", min_size=200, max_size=2000))


@given(
    texts,
    st.lists(st.builds(Violation, st.text(max_size=100), texts), max_size=200),
    st.one_of(st.none(), st.builds(Resource, st.just("Model"), st.text(max_size=255))),
)
def test_a_status_is_never_too_long(
    message: str, violations: list[Violation], resource: Resource | None
) -> None:
    status = to_status(errors.InvalidArgument(message, violations=violations, resource=resource))
    assert header_bytes(status) < SAFE_BYTES
    told = [
        one for detail in details(status, error_details_pb2.BadRequest) for one in detail.field_violations
    ]
    more = only(status, error_details_pb2.ErrorInfo).metadata.get("more_violations", "0")
    assert len(told) + int(more) == len(violations)


def test_a_name_of_many_bytes_that_is_taken() -> None:
    name = "\N{GRINNING FACE}" * 255
    error = errors.AlreadyExists(
        f"The name {name!r} belongs to model {'0' * 24}.",
        metadata={"model_id": "0" * 24},
        resource=Resource("Model", name, f"models/{'0' * 24}"),
    )
    status = to_status(error)
    assert header_bytes(status) < SAFE_BYTES
    assert only(status, error_details_pb2.ResourceInfo).resource_name == name


def test_thirty_two_ordinary_violations_fit() -> None:
    rule = f"must be a decimal number of at most 34 digits, not '{'x' * 75}...'"
    violations = [Violation(f"model.positions[{n}].high_drift", rule, "FIELD") for n in range(40)]
    error = errors.InvalidArgument(f"{rule} (and 39 more)", violations=violations)
    assert told_and_counted(to_status(error)) == (32, 8)


def test_long_texts_are_shortened() -> None:
    assert to_status(errors.Aborted("x" * 1201)).message == "x" * 1197 + "..."
    assert to_status(errors.Aborted("x" * 1200)).message == "x" * 1200
