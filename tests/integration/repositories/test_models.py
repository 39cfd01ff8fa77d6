"""Models in a real database: exact, unique, and each portfolio in one of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordergen_server.domain.changes import take_fields
from ordergen_server.domain.errors import AlreadyExists, NotFound, Resource
from ordergen_server.domain.models import Model, ModelContent, Position
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from tests.builders import (
    MODEL_ID,
    NOW,
    content,
    portfolio_id,
    position,
    security_id,
    without_portfolios,
)
from tests.integration.repositories.plans import Recorder

digits = st.integers(-(10**34) + 1, 10**34 - 1)
decimals_of_34_digits = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(0, 10**34 - 1),
    st.integers(-6176, 6100),
)
longer_decimals = st.builds(
    lambda digits, exponent: Decimal(f"{digits}E{exponent}"),
    st.integers(10**34, 10**60),
    st.integers(-80, 80),
)


def content_of(numbers: list[Decimal]) -> ModelContent:
    """A model whose targets are any numbers at all; the repository does not judge."""
    zero = Decimal(0)
    return content(
        positions=tuple(Position(security_id(place), one, zero, one) for place, one in enumerate(numbers))
    )


def forms(model: Model) -> list[object]:
    """Sign, digits and exponent of every number."""
    return [(one.target.as_tuple(), one.high_drift.as_tuple()) for one in model.positions]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(decimals_of_34_digits, longer_decimals), max_size=30))
def test_any_number_comes_back_digit_for_digit(
    models: Models, database: Database, numbers: list[Decimal]
) -> None:
    database.command({"collMod": "models", "validator": {}})  # which knows what a model's numbers must be
    database.collection("models").delete_many({})
    created = models.create(content_of(numbers), NOW)
    read = models.get(created.model_id)
    assert read == created
    assert forms(read) == [(one.as_tuple(), one.as_tuple()) for one in numbers]


def test_a_model_comes_back_as_it_was_stored(models: Models) -> None:
    one = content("Gr\u00f6\u00dfe \N{GRINNING FACE}", portfolio_ids=(portfolio_id(2), portfolio_id(1)))
    created = models.create(one, NOW)
    assert created == Model(created.model_id, one, 1, NOW, NOW, None)
    assert models.get(created.model_id) == created
    assert models.of_portfolio(portfolio_id(1)) == without_portfolios(created)


def test_a_model_knows_who_changed_it_last(models: Models, database: Database) -> None:
    created = models.create(content("One"), NOW, actor="ann")
    assert models.get(created.model_id) == replace(created, update_actor="ann")
    renamed = take_fields(content("Two"), ["name"])
    changed = models.change(created.model_id, 1, renamed, NOW, actor="bob")
    assert models.change(created.model_id, 0, renamed, NOW, actor="eve") == changed  # which changes nothing
    models.mark_rebalanced(created.model_id, NOW)
    assert models.get(created.model_id).update_actor == changed.update_actor == "bob"
    database.collection("models").update_one({}, {"$unset": {"update_actor": ""}})  # as before
    assert models.get(created.model_id).update_actor == ""


def test_models_that_are_not_there(models: Models) -> None:
    with pytest.raises(NotFound) as raised:
        models.get(MODEL_ID)
    assert raised.value == NotFound(
        f"There is no model {MODEL_ID}: ListModels names those that there are.",
        metadata={"model_id": MODEL_ID},
        resource=Resource("Model", MODEL_ID),
    )
    with pytest.raises(NotFound, match="belongs to no model") as raised:
        models.of_portfolio(portfolio_id(1))
    assert raised.value.resource == Resource("Portfolio", portfolio_id(1))


def test_a_name_is_of_one_model(models: Models) -> None:
    first = models.create(content(), NOW)
    with pytest.raises(AlreadyExists) as raised:
        models.create(content(positions=()), NOW)
    assert raised.value.metadata == {"model_id": first.model_id}
    assert raised.value.resource == Resource("Model", "Growth", f"models/{first.model_id}")
    models.create(content("growth"), NOW)


def test_a_portfolio_is_in_one_model(models: Models) -> None:
    """The error names the portfolio that is taken, among those that are not."""
    first = models.create(content("A", portfolio_ids=(portfolio_id(1), portfolio_id(2))), NOW)
    with pytest.raises(AlreadyExists) as raised:
        models.create(content("B", portfolio_ids=(portfolio_id(3), portfolio_id(2))), NOW)
    assert raised.value.resource == Resource("Portfolio", portfolio_id(2), f"models/{first.model_id}")
    expected = f"Portfolio {portfolio_id(2)} belongs to model {first.model_id}: remove it there first."
    assert raised.value.message == expected


def test_models_without_portfolios_do_not_collide(models: Models) -> None:
    created = [models.create(content(name), NOW) for name in ("A", "B", "C")]
    assert len({one.model_id for one in created}) == 3


@pytest.mark.parametrize("same", ["name", "portfolio"])
def test_of_creators_that_race_exactly_one_wins(models: Models, same: str) -> None:
    def create(number: int) -> Model | AlreadyExists:
        name = "Growth" if same == "name" else f"Model {number}"
        portfolios = (portfolio_id(number), portfolio_id(99)) if same == "portfolio" else ()
        try:
            return models.create(content(name, portfolio_ids=portfolios), NOW)
        except AlreadyExists as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(create, range(8)))
    (winner,) = (one for one in results if isinstance(one, Model))
    losers = [one for one in results if isinstance(one, AlreadyExists)]
    assert len(losers) == 7
    assert {one.metadata["model_id"] for one in losers} == {winner.model_id}


def test_a_rebalance_changes_the_time_and_not_the_version(models: Models) -> None:
    """A run that ends late does not turn the time back."""
    created = models.create(content(), NOW)
    for time in (NOW + timedelta(hours=2), NOW + timedelta(hours=1)):
        models.mark_rebalanced(created.model_id, time)
    expected = replace(created, last_rebalance_time=NOW + timedelta(hours=2))
    assert models.get(created.model_id) == expected


def test_positions_without_a_model_of_ours_are_read(models: Models, database: Database) -> None:
    """Fields that a newer server wrote do not hurt an older one."""
    created = models.create(content(positions=(position(1),)), NOW)
    database.collection("models").update_one({}, {"$set": {"novelty": 1}})
    assert models.get(created.model_id) == created


def test_a_change_stores_what_changes_and_nothing_else(recorder: tuple[Recorder, Database]) -> None:
    """A model may have very many portfolios; and numbers that are equal keep the digits they have."""
    sent, database = recorder
    migrate(database)
    models = Models(database, PageTokens(b"key"))
    created = models.create(content(positions=(position(1, "0.10"),), portfolio_ids=(portfolio_id(1),)), NOW)
    sent.sent.clear()
    given = content("Renamed", (position(1, "0.1"),), (portfolio_id(2),))
    changed = models.change(created.model_id, 1, take_fields(given, ["name", "positions"]), NOW)
    assert changed == replace(created, content=replace(created.content, name="Renamed"), version=2)
    assert forms(changed) == forms(models.get(created.model_id)) == forms(created)
    (update,) = [command["updates"][0]["u"] for command in sent.sent if "update" in command]
    assert set(update["$set"]) == {"name", "update_time", "update_actor"}
