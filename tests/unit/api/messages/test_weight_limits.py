"""Limits of weights off the wire and back, and what breaks their rules."""

from dataclasses import replace
from decimal import Decimal

import pytest
from globeco.ordergen.v1 import rebalance_pb2
from google.type import decimal_pb2

from ordergen_server.api.messages import encoding
from ordergen_server.api.messages.options import rebalance_options
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.weight_limits import (
    GroupLimit,
    LimitBreach,
    SecurityLimit,
)
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.repositories.mongodb.full_pages import PAGE_BYTES
from tests.builders import rebalance, result, security_id

Options = rebalance_pb2.RebalanceOptions
A, B = security_id(1), security_id(2)


def decoded(message: Options) -> tuple[RebalanceOptions, list[str]]:
    violations = Violations()
    value = rebalance_options(message, violations)
    return value, [one.subject for one in violations.found]


def security(least: str = "", most: str = "", *, one: str = A) -> Options:
    limit = rebalance_pb2.SecurityLimit(
        security_id=one,
        minimum_weight=decimal_pb2.Decimal(value=least),
        maximum_weight=decimal_pb2.Decimal(value=most),
    )
    return Options(security_limits=[limit])


def group(*ids: str, name: str = "Technology", least: str = "", most: str = "0.3") -> Options:
    limit = rebalance_pb2.GroupLimit(
        name=name,
        security_ids=ids,
        minimum_weight=decimal_pb2.Decimal(value=least),
        maximum_weight=decimal_pb2.Decimal(value=most),
    )
    return Options(group_limits=[limit])


def merged(*messages: Options) -> Options:
    found = Options()
    for one in messages:
        found.MergeFrom(one)
    return found


#: As many groups as there may be, each with as many securities; they may be the same.
MOST = merged(*(group(*map(security_id, range(1000)), name=f"Group {place}") for place in range(100)))


def test_the_largest_groups_fit_into_a_row_of_a_list() -> None:
    value, broken = decoded(MOST)
    assert broken == []
    assert {len(one.security_ids) for one in value.group_limits} == {1000}
    row = encoding.rebalance(replace(rebalance(), options=value))
    assert row.ByteSize() < PAGE_BYTES


def test_limits_go_there_and_back_digit_for_digit() -> None:
    message = merged(
        security("0.010", "0.10"),
        security("0", one=B),
        group(A, B),
        group(B, name="Energy", least="0.05", most=""),
    )
    value, broken = decoded(message)
    assert broken == []
    assert value.security_limits == (
        SecurityLimit(A, Decimal("0.010"), Decimal("0.10")),
        SecurityLimit(B, Decimal(0), None),
    )
    assert value.group_limits == (
        GroupLimit("Technology", (A, B), None, Decimal("0.3")),
        GroupLimit("Energy", (B,), Decimal("0.05"), None),
    )
    told, broken = decoded(encoding.rebalance(replace(rebalance(), options=value)).options)
    assert (told, broken) == (value, [])
    assert str(told.security_limits[0].minimum_weight) == "0.010"


@pytest.mark.parametrize(
    ("message", "paths"),
    [
        (security(), ["options.security_limits[0]"]),
        (security("x"), ["options.security_limits[0].minimum_weight"]),
        (security("-0.1"), ["options.security_limits[0].minimum_weight"]),
        (security("0", "1.1"), ["options.security_limits[0].maximum_weight"]),
        (security("0.2", "0.1"), ["options.security_limits[0].minimum_weight"]),
        (security("0.1", one="x"), ["options.security_limits[0].security_id"]),
        (merged(security("0"), security("0.1")), ["options.security_limits[1].security_id"]),
        (group(A, most=""), ["options.group_limits[0]"]),
        (group(A, least="0.4"), ["options.group_limits[0].minimum_weight"]),
        (group(), ["options.group_limits[0].security_ids"]),
        (group(A, "x"), ["options.group_limits[0].security_ids[1]"]),
        (group(A, B, A), ["options.group_limits[0].security_ids[2]"]),
        (group(A, name=" "), ["options.group_limits[0].name"]),
        (group(A, name="x" * 256), ["options.group_limits[0].name"]),
        (merged(group(A), group(B)), ["options.group_limits[1].name"]),
    ],
)
def test_what_breaks_a_rule_is_told_by_its_path(message: Options, paths: list[str]) -> None:
    _, broken = decoded(message)
    assert broken == paths


def test_limits_that_stay_broken_are_told() -> None:
    breaches = LimitBreach(A, "", Decimal("10.50")), LimitBreach("", "Technology", Decimal(7))
    told = encoding.portfolio_rebalance(replace(result(), limit_breaches=breaches)).limit_breaches
    assert [(one.security_id, one.group, one.value.value) for one in told] == [
        (A, "", "10.50"),
        ("", "Technology", "7"),
    ]
