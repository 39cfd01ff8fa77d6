"""Every query of the models is served by an index."""

import pytest

from ordergen_server.domain.errors import AlreadyExists
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.services.models import ModelEditor
from tests.builders import NOW, content, portfolio_id, position
from tests.integration.repositories.plans import Recorder, check_plans, planned, stages

ORDERS = [
    "",
    "model_id desc",
    "name",
    "-name",
    "last_rebalance_time",
    "-last_rebalance_time",
    "last_rebalance_time,-model_id",
    "last_rebalance_time,name",
    "-last_rebalance_time,name",
    "-last_rebalance_time,-name",
]


def use_everything(database: Database) -> None:
    """Send every query that models need."""
    migrate(database)
    migrate(database)
    models = Models(database, PageTokens.of(database))
    editor = ModelEditor(models, lambda: NOW)
    made = [editor.create(content(f"Model {n}", portfolio_ids=(portfolio_id(n),))) for n in range(5)]
    request_id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    for _ in range(2):
        editor.create(content("Repeated"), request_id)
    for taken in (content("Model 1"), content("Other", portfolio_ids=(portfolio_id(1),))):
        with pytest.raises(AlreadyExists):
            editor.create(taken)
    models.get(made[0].model_id)
    models.of_portfolio(portfolio_id(2))
    models.mark_rebalanced(made[0].model_id, NOW)
    editor.add_position(made[0].model_id, position(3), 0)
    editor.delete(made[4].model_id, 1)
    for order in ORDERS:
        first = models.find(PageRequest(size=2, skip=1), order, "")
        assert models.find(PageRequest(size=2, token=first.next_token), order, "").items
        assert models.find(PageRequest(), order, portfolio_id(3)).total_size == 1


def test_no_query_of_the_models_walks_through_a_collection(
    recorder: tuple[Recorder, Database], mongodb_uri: str, database_name: str
) -> None:
    sent, database = recorder
    use_everything(database)
    queries = [query for command in sent.sent for query in planned(command)]
    assert {query.get("find") for query in queries} >= {"models", "requests", "model_listings"}
    assert {name for command in sent.sent for name in command} >= {"update", "delete", "aggregate"}
    assert check_plans(mongodb_uri, database_name, queries) >= 2 * len(ORDERS)


def test_a_walk_through_a_collection_would_be_seen(database: Database) -> None:
    migrate(database)
    database.collection("models").insert_one(
        {
            "name": "One",
            "positions": [],
            "portfolio_ids": [],
            "version": 1,
            "create_time": NOW,
            "update_time": NOW,
        }
    )
    plan = database.collection("models").find({"version": 1}).explain()
    assert "COLLSCAN" in set(stages(plan))
