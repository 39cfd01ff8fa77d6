"""Positions and portfolios of a model over the wire."""

from collections.abc import Callable
from functools import partial

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub

from tests.builders import security_id
from tests.integration.api.model_calls import (
    Failure,
    create,
    failure,
    get,
    line,
    lines,
    model,
    new_portfolios,
    no_model,
    outdated,
    pb,
    refused,
    taken,
)

NO_MODEL = "0123456789abcdef01234567"
FIRST = (security_id(1), "0.1", "0.05", "0.05")
SECOND = (security_id(2), "0.2", "0.05", "0.05")

PositionCall = Callable[..., model_pb2.Model]


def add(
    service: ModelServiceStub, model_id: str, one: model_pb2.Position, version: int = 0
) -> model_pb2.Model:
    return service.AddPosition(pb.AddPositionRequest(model_id=model_id, position=one, version=version))


def replace(
    service: ModelServiceStub, model_id: str, one: model_pb2.Position, version: int = 0
) -> model_pb2.Model:
    return service.UpdatePosition(pb.UpdatePositionRequest(model_id=model_id, position=one, version=version))


def remove(
    service: ModelServiceStub, model_id: str, one: model_pb2.Position, version: int = 0
) -> model_pb2.Model:
    return service.RemovePosition(pb.RemovePositionRequest(model_id=model_id, position=one, version=version))


def link(service: ModelServiceStub, model_id: str, ids: list[str], version: int = 0) -> model_pb2.Model:
    return service.AddPortfolios(
        pb.AddPortfoliosRequest(model_id=model_id, portfolio_ids=ids, version=version)
    )


def unlink(service: ModelServiceStub, model_id: str, ids: list[str], version: int = 0) -> model_pb2.Model:
    return service.RemovePortfolios(
        pb.RemovePortfoliosRequest(model_id=model_id, portfolio_ids=ids, version=version)
    )


def no_position(number: int) -> Failure:
    security = security_id(number)
    return Failure(
        grpc.StatusCode.NOT_FOUND,
        "NOT_FOUND",
        "ordergen.globeco",
        {"security_id": security},
        resource=("Position", security, ""),
    )


def test_a_position_is_added_last(service: ModelServiceStub) -> None:
    before = create(service)
    after = add(service, before.model_id, line(0, "0.005", "", ""))
    assert lines(after) == [FIRST, SECOND, (security_id(0), "0.005", "0", "0")]
    assert after.version == 2
    assert get(service, before.model_id) == after


def test_a_security_is_added_once(service: ModelServiceStub) -> None:
    before = create(service)
    told = failure(lambda: add(service, before.model_id, line(2, "0.3")))
    assert told == Failure(
        grpc.StatusCode.ALREADY_EXISTS,
        "ALREADY_EXISTS",
        "ordergen.globeco",
        {},
        resource=("Position", security_id(2), ""),
    )
    assert get(service, before.model_id) == before


def test_adding_a_position_of_target_zero_changes_nothing(service: ModelServiceStub) -> None:
    before = create(service)
    assert add(service, before.model_id, line(3, "0")) == before


@pytest.mark.parametrize("call", [add, replace])
def test_what_positions_are_together_is_checked(service: ModelServiceStub, call: PositionCall) -> None:
    before = create(service, model(positions=[line(1, "0.9"), line(2, "0.05")]))
    security = {add: 3, replace: 2}[call]
    told = failure(lambda: call(service, before.model_id, line(security, "0.055")))
    sum_of_targets = {add: "1.005", replace: "0.955"}[call]
    rule = f"must have targets that add up to at most 0.95, not {sum_of_targets}"
    assert told == refused([("position", rule)])
    assert get(service, before.model_id) == before


def test_a_hundred_positions_are_the_limit(service: ModelServiceStub) -> None:
    full = create(service, model(positions=[line(n, "0.005") for n in range(100)]))
    told = failure(lambda: add(service, full.model_id, line(100, "0.005")))
    assert told == refused([("position", "must have at most 100 positions with a target above 0, not 101")])
    assert add(service, full.model_id, line(100, "0")) == full


def test_a_position_is_replaced_where_it_stands(service: ModelServiceStub) -> None:
    before = create(service)
    after = replace(service, before.model_id, line(1, "0.75", "0", "1"))
    assert lines(after) == [(security_id(1), "0.75", "0", "1"), SECOND]
    assert after.version == 2
    assert get(service, before.model_id) == after


def test_replacing_by_target_zero_removes_and_by_the_same_changes_nothing(service: ModelServiceStub) -> None:
    before = create(service)
    assert replace(service, before.model_id, line(1, "0.10", "0.050", "5e-2")) == before
    after = replace(service, before.model_id, line(1, "0"))
    assert (lines(after), after.version) == ([SECOND], 2)


def test_a_position_that_is_not_there_is_not_found(service: ModelServiceStub) -> None:
    before = create(service)
    assert failure(lambda: replace(service, before.model_id, line(3))) == no_position(3)
    assert failure(lambda: remove(service, before.model_id, line(3))) == no_position(3)


@pytest.mark.parametrize(
    "given", [line(1, "", "", ""), line(1), line(1, "0.100", "", ""), line(1, "", "5e-2", "0.050")]
)
def test_a_position_is_removed_where_what_is_given_is_what_is_stored(
    service: ModelServiceStub, given: model_pb2.Position
) -> None:
    before = create(service)
    after = remove(service, before.model_id, given)
    assert (lines(after), after.version) == ([SECOND], 2)
    assert get(service, before.model_id) == after


def test_a_position_that_is_not_as_given_is_not_removed(service: ModelServiceStub) -> None:
    before = create(service)
    told = failure(lambda: remove(service, before.model_id, line(1, "0.2", "0", "0.05")))
    assert told == refused(
        [
            ("position.target", "must be empty, or equal what is stored (0.1), not 0.2"),
            ("position.low_drift", "must be empty, or equal what is stored (0.05), not 0"),
        ]
    )
    assert get(service, before.model_id) == before


@pytest.mark.parametrize("call", [add, replace])
def test_all_broken_rules_of_a_position_are_told(service: ModelServiceStub, call: PositionCall) -> None:
    told = failure(lambda: call(service, "x", line("y", "0.001", "0.3", "0.2"), -1))
    assert told.paths == [
        "model_id",
        "version",
        "position.security_id",
        "position.target",
        "position.low_drift",
    ]
    assert failure(lambda: call(service, NO_MODEL, line(1, ""))) == refused(
        [("position.target", "must be given")]
    )


def test_all_broken_rules_of_a_removal_are_told(service: ModelServiceStub) -> None:
    told = failure(lambda: remove(service, "x", line("y", "a", "b", "c"), -1))
    assert told.paths == [
        "model_id",
        "version",
        "position.security_id",
        "position.target",
        "position.low_drift",
        "position.high_drift",
    ]


def test_portfolios_are_linked_once_each(service: ModelServiceStub) -> None:
    ids = new_portfolios(3)
    before = create(service, model(portfolios=ids[:1]))
    after = link(service, before.model_id, [ids[2], ids[0], ids[1], ids[2]])
    assert list(after.portfolio_ids) == [ids[0], ids[2], ids[1]]
    assert after.version == 2
    assert link(service, before.model_id, ids) == after
    assert get(service, before.model_id) == after


def test_a_portfolio_of_another_model_is_not_linked(service: ModelServiceStub) -> None:
    ids = new_portfolios(2)
    other = create(service, model(portfolios=ids[1:]))
    before = create(service)
    told = failure(lambda: link(service, before.model_id, ids))
    assert told == taken("Portfolio", ids[1], other.model_id)
    assert get(service, before.model_id) == before


def test_portfolios_are_unlinked_and_missing_ones_ignored(service: ModelServiceStub) -> None:
    ids = new_portfolios(3)
    before = create(service, model(portfolios=ids[:2]))
    assert unlink(service, before.model_id, ids[2:]) == before
    after = unlink(service, before.model_id, [ids[2], ids[0], ids[0]])
    assert (list(after.portfolio_ids), after.version) == (ids[1:2], 2)
    assert list(create(service, model(portfolios=ids[:1])).portfolio_ids) == ids[:1]


@pytest.mark.parametrize("call", [link, unlink])
def test_all_broken_rules_of_portfolios_are_told(
    service: ModelServiceStub, call: Callable[..., model_pb2.Model]
) -> None:
    told = failure(lambda: call(service, "x", ["no", "P" * 24, "P" * 25], -2))
    rule = "must be exactly 24 alphanumeric characters"
    assert told == refused(
        [
            ("model_id", "must be 24 lower-case hexadecimal characters, not 'x'"),
            ("version", "must be the version that was read, or 0, not -2"),
            ("portfolio_ids[0]", f"{rule}, not 'no'"),
            ("portfolio_ids[2]", f"{rule}, not {'P' * 25!r}"),
        ]
    )
    told = failure(lambda: call(service, NO_MODEL, []))
    assert told == refused([("portfolio_ids", "must name at least one portfolio")])


PARTS: list[Callable[[ModelServiceStub, str, int], model_pb2.Model]] = [
    lambda service, model_id, version: add(service, model_id, line(3), version),
    lambda service, model_id, version: replace(service, model_id, line(1, "0.3"), version),
    lambda service, model_id, version: remove(service, model_id, line(1, "", "", ""), version),
    lambda service, model_id, version: link(service, model_id, new_portfolios(1), version),
    lambda service, model_id, version: unlink(service, model_id, new_portfolios(1), version),
]


@pytest.mark.parametrize("call", PARTS, ids=["add", "replace", "remove", "link", "unlink"])
def test_a_version_is_checked_where_it_is_given(
    service: ModelServiceStub, call: Callable[[ModelServiceStub, str, int], model_pb2.Model]
) -> None:
    before = create(service)
    for version in (2, 2**62):
        told = failure(partial(call, service, before.model_id, version))
        assert told == outdated(before.model_id, 1)
    assert get(service, before.model_id) == before
    assert call(service, before.model_id, 1).model_id == before.model_id
    assert failure(lambda: call(service, NO_MODEL, 0)) == no_model(NO_MODEL)
