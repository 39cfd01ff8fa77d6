"""The forms of ids, and of pages."""

import uuid
from collections.abc import Callable

import pytest

from ordergen_server.domain.requests.ids import check_entity_id, check_object_id, check_request_id
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.requests.violations import Violations

Check = Callable[[str, str, Violations], None]


def broken(check: Check, value: str) -> list[tuple[str, str]]:
    violations = Violations()
    check(value, "path", violations)
    return [(one.subject, one.rule) for one in violations.found]


@pytest.mark.parametrize("value", ["0" * 24, "0123456789abcdef01234567"])
def test_ids_of_ours(value: str) -> None:
    assert broken(check_object_id, value) == []


@pytest.mark.parametrize(
    "value", ["", "0" * 23, "0" * 25, "A" * 24, "g" * 24, "0" * 24 + "\n", "\u0660" * 24]
)
def test_ids_that_are_not_ours(value: str) -> None:
    expected = f"must be 24 lower-case hexadecimal characters, not {value!r}"
    assert broken(check_object_id, value) == [("path", expected)]


@pytest.mark.parametrize("value", ["0" * 24, "ABCxyz0123456789ABCxyz01"])
def test_ids_of_siblings(value: str) -> None:
    assert broken(check_entity_id, value) == []


@pytest.mark.parametrize(
    "value", ["", str(uuid.UUID(int=5, version=4)), "16fd2706-8baf-433b-82eb-8c7fada847da"]
)
def test_request_ids(value: str) -> None:
    """None is no mistake; version 4 in the usual form is right, in capitals too."""
    assert broken(check_request_id, value) == []
    assert broken(check_request_id, value.upper()) == []


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        str(uuid.UUID(int=5, version=1)),
        "16fd27068baf433b82eb8c7fada847da",
        "{16fd2706-8baf-433b-82eb-8c7fada847da}",
    ],
)
def test_what_is_no_request_id(value: str) -> None:
    assert broken(check_request_id, value) == [("path", f"must be a UUID of version 4, not {value!r}")]


@pytest.mark.parametrize(("size", "limit"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
def test_the_size_of_a_page(size: int, limit: int) -> None:
    assert PageRequest(size).limit == limit


def test_a_page_has_no_negative_numbers() -> None:
    violations = Violations()
    PageRequest(-1, "", -2).check(violations)
    assert [(one.subject, one.rule) for one in violations.found] == [
        ("page_size", "must not be negative, not -1"),
        ("skip", "must not be negative, not -2"),
    ]
