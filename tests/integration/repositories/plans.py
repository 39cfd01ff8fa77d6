"""The commands that a repository sends, and the plans of its queries."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pymongo
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)


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


def check_plans(mongodb_uri: str, database_name: str, queries: Sequence[dict[str, Any]]) -> int:
    """Fail where a query walks through a collection; how many were explained."""
    explained = [query for query in queries if not by_id(query)]
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        for query in explained:
            plan = client[database_name].command({"explain": query, "verbosity": "queryPlanner"})
            found = set(stages(plan))
            assert found, query
            assert "COLLSCAN" not in found, query
    return len(explained)
