"""What a rule of a field is, and those that many fields have."""

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.e2e.request_values import (
    entity_ids,
    negative_int32,
    negative_int64,
    no_uuids,
    object_ids,
    too_many,
)

GENERATED = "e2e/test_request_fields.py::test_no_request_that_breaks_one_rule_is_taken"
IGNORED = "e2e/test_request_fields.py::test_what_the_server_gives_is_not_taken_from_a_caller"
EDGES = "e2e/test_request_edges.py::test_what_lies_on_the_edge_of_a_rule_is_taken"
ABSENT = "e2e/test_request_fields.py::test_what_must_be_there_is_told_by_its_own_required_fields"


@dataclass(frozen=True)
class Rule:
    """The rule of a field.

    Attributes:
        text: the rule, as documentation has it.
        broken: values that break it; None where every value keeps it.
        test: the test that holds it.
    """

    text: str
    broken: "st.SearchStrategy[object] | None"
    test: str = GENERATED


WEIGHT = "from 0 to 1"
NUMBER_FORM = "a decimal number of at most 34 digits, and 40 places on each side of the point"
GIVEN_BY_SERVER = Rule("given by the server; what a caller says of it is ignored", None, IGNORED)
ANY = Rule("true or false", None, EDGES)
VERSION = Rule("the version that was read, or 0: not negative", negative_int64)
REQUIRED_VERSION = Rule("the version that was read: 1 or more", st.just(0) | negative_int64)
OBJECT_ID = Rule("24 lower-case hexadecimal characters", st.just("") | object_ids)
ENTITY_ID = Rule("exactly 24 alphanumeric characters", entity_ids)
ENTITY_IDS = Rule("exactly 24 alphanumeric characters each, at most 100,000", entity_ids | too_many(100_000))
REQUEST_ID = Rule("a UUID of version 4, or empty", no_uuids.filter(bool))
SIZE = Rule("0 or more; 0 is 50, more than 1,000 is 1,000", negative_int32)
SKIP = Rule("0 or more", negative_int32)
TOKEN = Rule("the next_page_token of a call with the same arguments, or empty", no_uuids.filter(bool))
