"""Every query of the models is served by an index."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pymongo
import pytest
from pymongo import MongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from ordergen_server.domain.errors import AlreadyExists
from ordergen_server.domain.pages import PageRequest
from ordergen_server.repositories import database as module
from ordergen_server.repositories.database import Database
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.models import Models
from ordergen_server.repositories.tokens import PageTokens
from ordergen_server.services.models import ModelKeeper
from tests.builders import NOW, content, portfolio_id, position

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


class Recorder(CommandListener):
    """Keeps the commands that a client sends."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to keep."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to keep."""


@pytest.fixture
def recorder(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database_name: str
) -> Iterator[tuple[Recorder, Database]]:
    """A database, and what is sent to it."""
    recorder = Recorder()
    monkeypatch.setattr(module, "MongoClient", partial(MongoClient, event_listeners=[recorder]))
    opened = Database(mongodb_uri, database_name, pool_size=4, timeout_seconds=10)
    yield recorder, opened
    opened.close()


def use_everything(database: Database) -> None:
    """Send every query that models need."""
    migrate(database)
    migrate(database)
    models = Models(database, PageTokens.of(database))
    keeper = ModelKeeper(models, lambda: NOW)
    made = [keeper.create(content(f"Model {n}", portfolio_ids=(portfolio_id(n),))) for n in range(5)]
    request_id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    for _ in range(2):
        keeper.create(content("Repeated"), request_id)
    for taken in (content("Model 1"), content("Other", portfolio_ids=(portfolio_id(1),))):
        with pytest.raises(AlreadyExists):
            keeper.create(taken)
    models.get(made[0].model_id)
    models.of_portfolio(portfolio_id(2))
    models.mark_rebalanced(made[0].model_id, NOW)
    keeper.add_position(made[0].model_id, position(3), 0)
    keeper.delete(made[4].model_id, 1)
    for order in ORDERS:
        first = models.find(PageRequest(size=2, skip=1), order, "")
        assert models.find(PageRequest(size=2, token=first.next_token), order, "").items
        assert models.find(PageRequest(), order, portfolio_id(3)).total_size == 1


def stages(plan: object) -> Iterator[str]:
    """The stages that the chosen plans have, at any depth; plans that were rejected do not count."""
    if isinstance(plan, Mapping):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for key, value in plan.items():
            if key != "rejectedPlans":
                yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


def planned(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What finds the documents of a command; none of one that only inserts, or is no query."""
    kept = (
        "find",
        "aggregate",
        "filter",
        "sort",
        "projection",
        "skip",
        "limit",
        "pipeline",
        "hint",
        "cursor",
    )
    if "find" in command or "aggregate" in command:
        yield {key: command[key] for key in command if key in kept}
    elif "findAndModify" in command:
        yield {"find": command["findAndModify"], "filter": command["query"]}
    for name in ("update", "delete"):
        for one in command.get(f"{name}s", ()):
            yield {"find": command[name], "filter": one["q"]}


def by_id(query: dict[str, Any]) -> bool:
    """Whether at most one document is looked at: the one of an id, whatever else is asked of it."""
    found = query.get("filter", {}).get("_id")
    return found is not None and not isinstance(found, dict)


def test_no_query_of_the_models_walks_through_a_collection(
    recorder: tuple[Recorder, Database], mongodb_uri: str, database_name: str
) -> None:
    sent, database = recorder
    use_everything(database)
    queries = [query for command in sent.sent for query in planned(command)]
    assert {query.get("find") for query in queries} >= {"models", "requests", "model_listings"}
    assert {name for command in sent.sent for name in command} >= {"update", "delete", "aggregate"}
    explained = [query for query in queries if not by_id(query)]
    assert len(explained) >= 2 * len(ORDERS)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        for query in explained:
            plan = client[database_name].command({"explain": query, "verbosity": "queryPlanner"})
            found = set(stages(plan))
            assert found, query
            assert "COLLSCAN" not in found, query


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
