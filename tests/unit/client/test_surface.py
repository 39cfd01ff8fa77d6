"""Both clients have the same methods; the names of old work; names and reasons are those of the contract."""

import inspect
import json
import pickle
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, get_args, get_origin

import pytest
from globeco.ordergen.v1 import diagnostics_service_pb2 as diagnostics
from globeco.ordergen.v1 import drift_pb2
from globeco.ordergen.v1 import rebalance_pb2 as pb
from globeco.ordergen.v1.model_service_pb2 import DESCRIPTOR as MODEL_SERVICE
from globeco.ordergen.v1.rebalance_service_pb2 import DESCRIPTOR as REBALANCE_SERVICE
from globeco.ordergen.v1.reference_service_pb2 import DESCRIPTOR as REFERENCE_SERVICE

from ordergen_client import (
    AsyncClient,
    AsyncRun,
    Client,
    CredentialType,
    DependencyState,
    DriftState,
    PortfolioState,
    PositionReason,
    PriceProblem,
    RebalanceState,
    Restriction,
    RuleKind,
    RuleSource,
    Run,
    Side,
    SolutionStatus,
    Strategy,
    Unpriced,
    View,
    errors,
)
from ordergen_client.asynchronous.nouns import (
    AsyncModels,
    AsyncPortfolios,
    AsyncRuns,
    AsyncSecurities,
    AsyncServer,
    AsyncSettings,
)
from ordergen_client.blocking.nouns import Models, Portfolios, Runs, Securities, Server, Settings
from ordergen_client.flat import FlatNames
from ordergen_server.api.messages.errors import TABLE

NOUNS = [
    (Models, AsyncModels),
    (Portfolios, AsyncPortfolios),
    (Runs, AsyncRuns),
    (Securities, AsyncSecurities),
    (Server, AsyncServer),
    (Settings, AsyncSettings),
]
PAIRS = [*NOUNS, (Run, AsyncRun)]


def public(kind: type, *, but: type = object) -> dict[str, Any]:
    """Methods by name; not those of a class that it inherits from."""
    return {
        name: method
        for name, method in inspect.getmembers(kind, callable)
        if not name.startswith("_") and not hasattr(but, name)
    }


def parameters(method: Any) -> list[inspect.Parameter]:  # noqa: ANN401 - any method
    return list(inspect.signature(method).parameters.values())


@pytest.mark.parametrize(("blocking", "awaited"), PAIRS)
def test_both_clients_have_the_same_methods(blocking: type, awaited: type) -> None:
    ours, theirs = public(blocking), public(awaited)
    assert list(ours) == list(theirs)
    for name, method in ours.items():
        assert [one.name for one in parameters(method)] == [one.name for one in parameters(theirs[name])]
        assert parameters(method)[1:] == parameters(theirs[name])[1:], name
        assert inspect.getdoc(method) == inspect.getdoc(theirs[name]), name
        assert inspect.getdoc(method), name


@pytest.mark.parametrize(("blocking", "awaited"), NOUNS)
def test_what_one_answers_the_other_answers_in_time(blocking: type, awaited: type) -> None:
    for name, method in public(blocking).items():
        answered = inspect.signature(method).return_annotation
        told = inspect.signature(public(awaited)[name]).return_annotation
        if get_origin(answered) is Iterator:
            assert (get_origin(told), get_args(told)) == (AsyncIterator, get_args(answered)), name
        elif name == "attach":
            assert (answered, told) == (Run, AsyncRun)
        else:
            expected = AsyncRun if answered is Run else answered
            assert (get_origin(told), get_args(told)) == (Awaitable, (expected,)), name


def test_both_clients_are_made_and_closed_alike() -> None:
    """Channels and interceptors alone are of their own kinds."""
    assert list(public(Client, but=FlatNames)) == list(public(AsyncClient))
    differing = [
        (one.name, other.name)
        for one, other in zip(parameters(Client), parameters(AsyncClient), strict=True)
        if one != other
    ]
    assert differing == [("interceptors", "interceptors"), ("channel", "channel")]
    with Client("localhost:1") as client:
        nouns = {name for name in vars(client) if not name.startswith("_")}
    assert nouns == {"models", "portfolios", "runs", "securities", "server"}


def test_every_call_of_the_contract_can_be_made() -> None:
    contract = [
        method.name
        for file in (MODEL_SERVICE, REBALANCE_SERVICE, REFERENCE_SERVICE, diagnostics.DESCRIPTOR)
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    made = [name for noun, _ in NOUNS for name in public(noun)]
    ours_alone = {"attach", "watch_messages"}
    assert len(contract) == len(set(contract)) == len(made) - len(ours_alone)


OLD = {
    "create_model": "models.create", "get_model": "models.get", "list_models": "models.list",
    "update_model": "models.update", "delete_model": "models.delete",
    "add_position": "models.add_position", "update_position": "models.update_position",
    "remove_position": "models.remove_position", "add_portfolios": "models.add_portfolios",
    "remove_portfolios": "models.remove_portfolios", "rebalance_portfolio": "portfolios.rebalance",
    "rebalance_model": "runs.stream", "start_rebalance": "runs.start", "watch_rebalance": "runs.watch",
    "watch_messages": "runs.watch_messages", "cancel_rebalance": "runs.cancel",
    "delete_rebalance": "runs.delete", "get_rebalance": "runs.get", "list_rebalances": "runs.list",
    "list_portfolio_rebalances": "runs.portfolios", "get_portfolio_rebalance": "runs.portfolio",
}  # fmt: skip


def test_the_names_of_old_are_all_there() -> None:
    assert sorted(public(FlatNames)) == sorted(OLD)


@pytest.mark.parametrize("name", list(OLD))
def test_a_name_of_old_takes_what_it_took_and_names_the_new_one(name: str) -> None:
    noun, new = OLD[name].split(".")
    with Client("localhost:1", timeout_seconds=0) as client:
        old, moved = getattr(client, name), getattr(getattr(client, noun), new)
        assert parameters(old) == parameters(moved)
        assert f"client.{OLD[name]}" in (inspect.getdoc(old) or "")
        with (
            pytest.warns(DeprecationWarning, match=rf"^use client\.{OLD[name]}: ") as told,
            pytest.raises(TypeError),
        ):
            old(wrong=True)
        assert [one.filename for one in told] == [__file__]


@pytest.mark.parametrize(
    ("enum", "prefix", "names"),
    [
        (pb.RebalanceState, "REBALANCE_STATE_", RebalanceState),
        (pb.PortfolioRebalanceState, "PORTFOLIO_REBALANCE_STATE_", PortfolioState),
        (pb.PortfolioRebalanceView, "PORTFOLIO_REBALANCE_VIEW_", View),
        (pb.TransactionType, "TRANSACTION_TYPE_", Side),
        (pb.Strategy, "STRATEGY_", Strategy),
        (pb.RestrictionType, "RESTRICTION_TYPE_", Restriction),
        (pb.SolutionStatus, "SOLUTION_STATUS_", SolutionStatus),
        (pb.PositionReason, "POSITION_REASON_", PositionReason),
        (pb.RuleSource, "RULE_SOURCE_", RuleSource),
        (pb.Unpriced, "UNPRICED_", Unpriced),
        (pb.PriceProblem, "PRICE_PROBLEM_", PriceProblem),
        (drift_pb2.DriftState, "DRIFT_STATE_", DriftState),
        (pb.RuleKind, "RULE_KIND_", RuleKind),
        (diagnostics.CredentialType, "CREDENTIAL_TYPE_", CredentialType),
        (diagnostics.DependencyState, "DEPENDENCY_STATE_", DependencyState),
    ],
)
def test_named_values_are_those_of_the_contract(enum: Any, prefix: str, names: Any) -> None:  # noqa: ANN401 - wrappers
    expected = {name.removeprefix(prefix) for name in enum.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - it is no dict
    assert expected == set(names) - {"UNSPECIFIED"}
    assert [one.name for one in names] == [one.value for one in names]


def test_a_named_value_is_a_string() -> None:
    state = PortfolioState.NO_ACTION
    assert (f"{state}", str(state), json.dumps(state)) == ("NO_ACTION", "NO_ACTION", '"NO_ACTION"')
    by_text: dict[str, int] = {state: 1}
    assert by_text["NO_ACTION"] == 1


def test_what_a_newer_server_names_is_its_number() -> None:
    unknown = PositionReason("99")
    assert (unknown, unknown.name, pickle.loads(pickle.dumps(unknown))) == ("99", "99", "99")  # noqa: S301 - ours
    assert "99" not in list(PositionReason)
    with pytest.raises(ValueError, match="SOLD_OUT"):
        PositionReason("SOLD_OUT")


def test_every_error_of_the_service_is_raised_as_one_of_its_name() -> None:
    for kind, (code, reason) in TABLE.items():
        told = errors._kind(code.name, reason)  # noqa: SLF001 - the table that is checked
        assert told.__name__ == kind.__name__
        parents = [one.__name__ for one in kind.__mro__ if one.__module__ == kind.__module__]
        ours = [one.__name__ for one in told.__mro__ if one.__module__ == errors.__name__]
        assert parents == ours or (kind.__name__, ours[1]) == ("SolverUndecided", "DeadlineExceeded")
