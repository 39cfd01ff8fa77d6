"""Models through the API."""

import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from tests.builders import MODEL_ID, portfolio_id, security_id
from tests.e2e.api import Api, failure
from tests.limits import PATIENCE

EMOJI = "\N{GRINNING FACE}" * 255


def named(name: str, **fields: list[str]) -> model_pb2.Model:
    return model_pb2.Model(name=name, **fields)  # type: ignore[arg-type] # portfolio_ids alone


def listed(api: Api, **arguments: object) -> model_service_pb2.ListModelsResponse:
    request = model_service_pb2.ListModelsRequest(**arguments)  # type: ignore[arg-type]
    return api.models.ListModels(request, timeout=PATIENCE)


def test_a_model_goes_in_and_comes_out_digit_for_digit(api: Api) -> None:
    """Zeros at the end stay; a position of target 0 is dropped; what the server gives is ignored."""
    numbers = [
        ("0.050", "0.10", "1.000000000000000000000000000000000"),
        ("0.5", "0.0123456789012345678901234567890123", "0.9876543210987654321098765432109876"),
        ("0.395", "0", "0.0"),
        ("0.00", "0", "0"),
    ]
    sent = named(EMOJI, portfolio_ids=[portfolio_id(2), portfolio_id(1)])
    sent.model_id, sent.version = "ignored", 17
    for number, (target, low, high) in enumerate(numbers):
        line = sent.positions.add(security_id=security_id(number))
        line.target.value, line.low_drift.value, line.high_drift.value = target, low, high
    created = api.create(sent)
    assert [
        (line.target.value, line.low_drift.value, line.high_drift.value) for line in created.positions
    ] == numbers[:3]
    assert (created.name, list(created.portfolio_ids)) == (EMOJI, list(sent.portfolio_ids))
    assert (len(created.model_id), created.version) == (24, 1)
    assert created.create_time == created.update_time
    assert not created.HasField("last_rebalance_time")
    assert api.get(created.model_id) == created
    assert list(listed(api).models) == [created]


def test_numbers_in_other_notations_are_the_same_numbers(api: Api) -> None:
    sent = named("A")
    line = sent.positions.add(security_id=security_id(1))
    line.target.value, line.low_drift.value, line.high_drift.value = "5e-1", "+.1", "1."
    (line,) = api.create(sent).positions
    assert (line.target.value, line.low_drift.value, line.high_drift.value) == ("0.5", "0.1", "1")


def test_models_page_by_page(api: Api) -> None:
    names = ["Delta", "Alpha", "Echo", "Bravo", "Charlie"]
    for name in names:
        api.create(named(name))
    found: list[str] = []
    token = ""
    while True:
        page = listed(api, page_size=2, page_token=token, order_by="name desc")
        found += [model.name for model in page.models]
        assert page.total_size == 5
        token = page.next_page_token
        if not token:
            break
    assert found == sorted(names, reverse=True)


def test_the_model_of_a_portfolio(api: Api) -> None:
    api.create(named("A", portfolio_ids=[portfolio_id(1)]))
    expected = api.create(named("B", portfolio_ids=[portfolio_id(2)]))
    assert list(listed(api, portfolio_id=portfolio_id(2)).models) == [expected]


@pytest.mark.parametrize("name", ["Growth", EMOJI])
def test_a_name_is_taken_once(api: Api, name: str) -> None:
    first = api.create(named(name))
    found = failure(lambda: api.create(named(name)))
    assert (found.code, found.info.reason) == (StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    resource = found.detail(error_details_pb2.ResourceInfo)
    assert (resource.resource_type, resource.resource_name, resource.owner) == (
        "Model",
        name,
        f"models/{first.model_id}",
    )


def test_a_portfolio_is_taken_once(api: Api) -> None:
    first = api.create(named("A", portfolio_ids=[portfolio_id(1)]))
    found = failure(lambda: api.create(named("B", portfolio_ids=[portfolio_id(1)])))
    assert (found.code, dict(found.info.metadata)) == (
        StatusCode.ALREADY_EXISTS,
        {"model_id": first.model_id},
    )
    assert found.detail(error_details_pb2.ResourceInfo).resource_name == portfolio_id(1)


def test_a_model_that_is_not_there(api: Api) -> None:
    found = failure(lambda: api.get(MODEL_ID))
    assert (found.code, found.info.reason) == (StatusCode.NOT_FOUND, "NOT_FOUND")
    assert found.detail(error_details_pb2.ResourceInfo).resource_name == MODEL_ID
