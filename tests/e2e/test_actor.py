"""Whoever begins a run, or changes a model, is known by name for as long as these are kept."""

import uuid
from collections.abc import Iterator

import pytest

from ordergen_client import Client, Position
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.doors import Door, door, published, token_settings
from tests.issuers import Issuer

SCOPE = "ordergen:read ordergen:models ordergen:rebalance"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer({"first": "EdDSA"})


@pytest.fixture(scope="module")
def opened(
    mongodb_uri: str,
    clean_siblings: SimulatedSiblings,
    issuer: Issuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("keys")
    urls = {
        "portfolio_accounting_url": clean_siblings.accounting_url,
        "pricing_url": clean_siblings.pricing_url,
        "security_url": clean_siblings.security_url,
        "portfolio_url": clean_siblings.portfolio_url,
    }
    given = {**token_settings(published(issuer, folder)), **urls}
    with temporary_database(mongodb_uri) as name, door(mongodb_uri, name, **given) as running:
        yield running


@pytest.fixture(scope="module")
def ann(opened: Door, issuer: Issuer) -> Iterator[Client]:
    with opened.client(token=issuer.token(subject="ann", scope=SCOPE)) as client:
        yield client


@pytest.fixture(scope="module")
def bob(opened: Door, issuer: Issuer) -> Iterator[Client]:
    with opened.client(token=issuer.token(subject="bob", scope=SCOPE)) as client:
        yield client


@pytest.fixture(scope="module")
def model_id(ann: Client, clean_siblings: SimulatedSiblings) -> str:
    suggested = clean_siblings.model
    positions = [
        Position(one.security_id, one.target, one.low_drift, one.high_drift) for one in suggested.positions
    ]
    return ann.models.create("Of Ann", positions, suggested.portfolio_ids[:3]).model_id


def test_every_kind_of_run_has_its_actor(ann: Client, bob: Client, model_id: str) -> None:
    portfolio = ann.models.get(model_id).portfolio_ids[0]
    single = bob.portfolios.rebalance(portfolio).rebalance_id
    streamed = list(ann.runs.stream(model_id))
    begun = bob.runs.start(model_id)
    watched = list(ann.runs.watch(begun.rebalance_id))
    assert ann.runs.get(single).actor == "bob"
    assert [one.actor for event in streamed for one in (event.started, event.finished) if one] == ["ann"] * 2
    assert begun.started
    assert begun.started.actor == "bob"
    assert [one.actor for event in watched for one in (event.started, event.finished) if one] == ["bob"] * 2
    assert [one.actor for one in ann.runs.list(model_id=model_id)] == ["bob", "ann", "bob"]
    assert ann.models.get(model_id).update_actor == "ann"  # a run does not change a model


def test_a_preview_has_its_actor(ann: Client, model_id: str) -> None:
    (started, *_) = ann.runs.stream(model_id, validate_only=True)
    assert started.started
    assert (started.started.rebalance_id, started.started.actor) == ("", "ann")


def test_a_repetition_is_answered_with_the_first_ones_actor(ann: Client, bob: Client, model_id: str) -> None:
    request_id = str(uuid.uuid4())
    first = ann.runs.start(model_id, request_id=request_id)
    again = bob.runs.start(model_id, request_id=request_id)
    list(bob.runs.watch(first.rebalance_id))
    assert again.started
    assert (again.started, again.started.actor) == (first.started, "ann")
    request_id = str(uuid.uuid4())
    created = ann.models.create("Repeated", request_id=request_id)
    assert bob.models.create("Repeated", request_id=request_id) == created
    assert created.update_actor == "ann"
