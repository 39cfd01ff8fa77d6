"""UpdateModel over the wire: masks, versions, what is taken, what is refused."""

from collections.abc import Sequence

import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from google.protobuf import field_mask_pb2

from tests.builders import security_id
from tests.integration.api.model_calls import (
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


def update(
    service: ModelServiceStub, given: model_pb2.Model, mask: Sequence[str] | None = None
) -> model_pb2.Model:
    message = None if mask is None else field_mask_pb2.FieldMask(paths=mask)
    return service.UpdateModel(pb.UpdateModelRequest(model=given, update_mask=message))


def changed(of: model_pb2.Model) -> model_pb2.Model:
    """Other values in every field, for the version given."""
    return model(
        positions=[line(3, "0.3")],
        portfolios=new_portfolios(1),
        model_id=of.model_id,
        version=of.version,
    )


@pytest.mark.parametrize("mask", [None, [], ["*"], ["portfolio_ids", "name", "positions"]])
def test_a_whole_model_is_replaced(service: ModelServiceStub, mask: list[str] | None) -> None:
    before = create(service, model(portfolios=new_portfolios(2)))
    given = changed(before)
    after = update(service, given, mask)
    assert get(service, before.model_id) == after
    assert after.version == 2
    assert after.name == given.name
    assert after.portfolio_ids == given.portfolio_ids
    assert lines(after) == [(security_id(3), "0.3", "0.05", "0.05")]
    assert after.create_time == before.create_time
    assert after.update_time.ToNanoseconds() >= before.update_time.ToNanoseconds()


@pytest.mark.parametrize("field", ["name", "positions", "portfolio_ids"])
def test_only_the_fields_of_the_mask_change(service: ModelServiceStub, field: str) -> None:
    before = create(service, model(portfolios=new_portfolios(1)))
    given = changed(before)
    after = update(service, given, [field, field])
    for name in ("name", "positions", "portfolio_ids"):
        source = given if name == field else before
        assert getattr(after, name) == getattr(source, name)
    assert get(service, before.model_id) == after


def test_fields_outside_of_the_mask_may_be_anything(service: ModelServiceStub) -> None:
    before = create(service)
    given = model("Renamed", [line("x", "not a number", "2", "1")], ["y"])
    given.model_id, given.version = before.model_id, 1
    after = update(service, given, ["name"])
    assert (after.name, lines(after), after.version) == ("Renamed", lines(before), 2)


def test_what_the_server_gives_does_not_change(service: ModelServiceStub) -> None:
    before = create(service)
    given = changed(before)
    given.create_time.FromJsonString("2020-01-01T00:00:00Z")
    given.last_rebalance_time.FromJsonString("2020-01-01T00:00:00Z")
    after = update(service, given)
    assert after.create_time == before.create_time
    assert not after.HasField("last_rebalance_time")


def test_positions_of_target_zero_are_dropped(service: ModelServiceStub) -> None:
    before = create(service)
    after = update(
        service,
        model(positions=[line(1, "0"), line(2, "0.2")], model_id=before.model_id, version=1),
        ["positions"],
    )
    assert lines(after) == [(security_id(2), "0.2", "0.05", "0.05")]


def test_an_update_that_changes_nothing_keeps_the_version(service: ModelServiceStub) -> None:
    before = create(service, model(portfolios=new_portfolios(1)))
    assert update(service, before) == before
    same = model_pb2.Model()
    same.CopyFrom(before)
    same.positions[0].target.value = "0.100"
    same.positions.append(line(9, "0"))
    assert update(service, same) == before


def test_a_name_may_return_to_its_model_and_portfolios_stay_linked(service: ModelServiceStub) -> None:
    portfolios = new_portfolios(3)
    first = create(service, model(portfolios=portfolios[:2]))
    given = model(first.name, portfolios=portfolios[1:], model_id=first.model_id, version=1)
    second = update(service, given)
    assert list(second.portfolio_ids) == portfolios[1:]
    other = create(service, model(portfolios=portfolios[:1]))
    assert other.version == 1


def test_the_version_is_required_and_must_be_current(service: ModelServiceStub) -> None:
    before = create(service)
    given = changed(before)
    update(service, given)
    assert failure(lambda: update(service, given)) == outdated(before.model_id, 2)
    given.version = 3
    assert failure(lambda: update(service, given)) == outdated(before.model_id, 2)
    for version in (0, -1):
        given.version = version
        rule = f"must be the version that was read, not {version}"
        assert failure(lambda: update(service, given)) == refused([("model.version", rule)])


def test_an_outdated_update_is_aborted_even_where_it_would_change_nothing(service: ModelServiceStub) -> None:
    before = create(service)
    before.version = 9
    assert failure(lambda: update(service, before)) == outdated(before.model_id, 1)


def test_what_is_not_there_is_not_found(service: ModelServiceStub) -> None:
    told = failure(lambda: update(service, model(model_id=NO_MODEL, version=1)))
    assert told == no_model(NO_MODEL)


def test_a_taken_name_or_portfolio_is_told_and_nothing_changes(service: ModelServiceStub) -> None:
    portfolios = new_portfolios(2)
    other = create(service, model(portfolios=portfolios[:1]))
    before = create(service)
    given = changed(before)
    given.name = other.name
    assert failure(lambda: update(service, given)) == taken("Model", other.name, other.model_id)
    given = changed(before)
    given.portfolio_ids[:] = portfolios[::-1]
    assert failure(lambda: update(service, given)) == taken("Portfolio", portfolios[0], other.model_id)
    assert get(service, before.model_id) == before
    assert get(service, other.model_id) == other


def test_all_broken_rules_are_told_at_once(service: ModelServiceStub) -> None:
    given = model(" ", [line("x", "0.001"), line(1, "0.96")], ["y"], model_id="z", version=-1)
    told = failure(lambda: update(service, given))
    assert told.paths == [
        "model.model_id",
        "model.version",
        "model.name",
        "model.positions[0].security_id",
        "model.positions[0].target",
        "model.positions[1].target",
        "model.positions",
        "model.portfolio_ids[0]",
    ]


@pytest.mark.parametrize(
    ("mask", "paths"),
    [
        (["version"], ["version"]),
        (["*", "name"], ["*"]),
        (["name", "positions.target", "Name"], ["positions.target", "Name"]),
        (["model.name", "create_time"], ["model.name", "create_time"]),
    ],
)
def test_a_mask_names_fields_that_callers_change(
    service: ModelServiceStub, mask: list[str], paths: list[str]
) -> None:
    before = create(service)
    told = failure(lambda: update(service, changed(before), mask))
    rule = "must be one of name, positions, portfolio_ids"
    assert told == refused(
        [(f"update_mask.paths[{mask.index(path)}]", f"{rule}, not {path!r}") for path in paths]
    )
    assert get(service, before.model_id) == before


def test_rules_of_the_mask_are_checked_with_those_of_the_fields_it_names(service: ModelServiceStub) -> None:
    given = model("", [line(1, "x")], ["y"], model_id=NO_MODEL, version=1)
    told = failure(lambda: update(service, given, ["positions", "wrong"]))
    assert told.paths == ["update_mask.paths[1]", "model.positions[0].target"]
