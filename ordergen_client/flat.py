"""The methods that a `Client` had before it was split by noun: they work, and name those in their places."""

import warnings
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ordergen_client.blocking.nouns import Models, Portfolios, Runs
from ordergen_client.blocking.run import Run
from ordergen_client.records.values import Rebalance

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def moved(
    noun: str, name: str, method: Callable[Concatenate[Any, Given], Answer]
) -> Callable[Concatenate["FlatNames", Given], Answer]:
    """A method that warns, and does what another one does."""

    def old(self: "FlatNames", /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        warnings.warn(f"use client.{noun}.{name}: this name will go", DeprecationWarning, stacklevel=2)
        return method(getattr(self, noun), *args, **kwargs)

    old.__doc__ = f"Deprecated: use `client.{noun}.{name}`."
    cast("Any", old).__signature__ = cast("Any", method).__signature__
    return old


def recorded(
    method: Callable[Concatenate[Any, Given], Run],
) -> Callable[Concatenate[Any, Given], Rebalance]:
    """A method that answers a run as it was when it was started, in place of its handle."""

    def start(self: object, /, *args: Given.args, **kwargs: Given.kwargs) -> Rebalance:
        return cast("Rebalance", method(self, *args, **kwargs).started)

    cast("Any", start).__signature__ = cast("Any", method).__signature__
    return start


class FlatNames:
    """The methods of old, over what a client does with each noun."""

    models: Models
    portfolios: Portfolios
    runs: Runs

    create_model = moved("models", "create", Models.create)
    get_model = moved("models", "get", Models.get)
    list_models = moved("models", "list", Models.list)
    update_model = moved("models", "update", Models.update)
    delete_model = moved("models", "delete", Models.delete)
    add_position = moved("models", "add_position", Models.add_position)
    update_position = moved("models", "update_position", Models.update_position)
    remove_position = moved("models", "remove_position", Models.remove_position)
    add_portfolios = moved("models", "add_portfolios", Models.add_portfolios)
    remove_portfolios = moved("models", "remove_portfolios", Models.remove_portfolios)
    rebalance_portfolio = moved("portfolios", "rebalance", Portfolios.rebalance)
    rebalance_model = moved("runs", "stream", Runs.stream)
    watch_rebalance = moved("runs", "watch", Runs.watch)
    watch_messages = moved("runs", "watch_messages", Runs.watch_messages)
    cancel_rebalance = moved("runs", "cancel", Runs.cancel)
    delete_rebalance = moved("runs", "delete", Runs.delete)
    get_rebalance = moved("runs", "get", Runs.get)
    list_rebalances = moved("runs", "list", Runs.list)
    list_portfolio_rebalances = moved("runs", "portfolios", Runs.portfolios)
    get_portfolio_rebalance = moved("runs", "portfolio", Runs.portfolio)
    start_rebalance = moved("runs", "start", recorded(Runs.start))
