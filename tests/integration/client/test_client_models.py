"""Models through the client: every method against a real server."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_client import Aborted, AlreadyExists, Client, InvalidArgument, NotFound, Position
from tests.builders import portfolio_id, security_id
from tests.integration.api.model_calls import channel_to

HALF = Position(security_id(1), Decimal("0.500"), Decimal("0.01"), Decimal("0.02"))
TENTH = Position(security_id(2), Decimal("0.1"))


@pytest.fixture
def client(mongodb_uri: str, database_name: str) -> Iterator[Client]:
    with channel_to(mongodb_uri, database_name) as channel, Client(channel=channel) as client:
        yield client


def test_a_model_from_its_creation_to_its_end(client: Client) -> None:
    created = client.models.create("Growth", [HALF], [portfolio_id(1)])
    assert (created.name, created.version, created.last_rebalance_time) == ("Growth", 1, None)
    assert (created.positions, created.portfolio_ids) == ((HALF,), (portfolio_id(1),))
    assert client.models.get(created.model_id) == created
    model = client.models.add_position(created.model_id, TENTH)
    assert (model.positions, model.version) == ((HALF, TENTH), 2)
    larger = replace(TENTH, target=Decimal("0.2"))
    model = client.models.update_position(created.model_id, larger, version=2)
    assert (model.positions, model.version) == ((HALF, larger), 3)
    model = client.models.remove_position(created.model_id, HALF)
    assert (model.positions, model.version) == ((larger,), 4)
    model = client.models.remove_position(created.model_id, larger.security_id)
    assert (model.positions, model.version) == ((), 5)
    model = client.models.add_portfolios(created.model_id, [portfolio_id(2), portfolio_id(1)])
    assert (model.portfolio_ids, model.version) == ((portfolio_id(1), portfolio_id(2)), 6)
    model = client.models.remove_portfolios(created.model_id, [portfolio_id(1), portfolio_id(3)])
    assert (model.portfolio_ids, model.version) == ((portfolio_id(2),), 7)
    client.models.delete(created.model_id, 7)
    with pytest.raises(NotFound):
        client.models.get(created.model_id)


def test_only_the_fields_that_are_given_are_replaced(client: Client) -> None:
    created = client.models.create("Growth", [HALF], [portfolio_id(1)])
    renamed = client.models.update(created.model_id, 1, name="Income")
    assert renamed == replace(created, name="Income", version=2, update_time=renamed.update_time)
    emptied = client.models.update(created.model_id, 2, positions=[], portfolio_ids=[])
    assert (emptied.name, emptied.positions, emptied.portfolio_ids) == ("Income", (), ())


def test_an_update_of_nothing_is_refused_and_replaces_nothing(client: Client) -> None:
    """To the service a mask that names nothing is one that names everything."""
    created = client.models.create("Growth", [HALF])
    with pytest.raises(ValueError, match="name, positions or portfolio_ids must be given"):
        client.models.update(created.model_id, 1)
    assert client.models.get(created.model_id) == created


def test_what_goes_wrong_is_an_error_of_its_kind(client: Client) -> None:
    created = client.models.create("Growth")
    with pytest.raises(AlreadyExists):
        client.models.create("Growth")
    with pytest.raises(Aborted) as raised:
        client.models.update(created.model_id, 9, name="Income")
    assert raised.value.metadata["current_version"] == "1"
    with pytest.raises(InvalidArgument) as refused:
        client.models.add_position(created.model_id, replace(HALF, target=Decimal("0.001")))
    assert [one.subject for one in refused.value.violations] == ["position.target"]


def test_a_creation_with_a_request_id_can_be_repeated(client: Client) -> None:
    request_id = str(uuid.uuid4())
    created = [client.models.create("Growth", [HALF], request_id=request_id) for _ in range(2)]
    assert created[0] == created[1]


def test_models_are_listed_page_after_page(client: Client) -> None:
    names = [f"Model {number}" for number in range(5)]
    for number, name in enumerate(names):
        client.models.create(name, portfolio_ids=[portfolio_id(number)])
    assert [one.name for one in client.models.list(order_by="-name", page_size=2)] == names[::-1]
    assert [one.name for one in client.models.list(portfolio_id=portfolio_id(3))] == ["Model 3"]
