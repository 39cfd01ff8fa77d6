"""Where callers are known by tokens: who may review, and that it is they who are told."""

from collections.abc import Iterator

import grpc
import pytest
from globeco.ordergen.v1 import order_pb2, rebalance_pb2, rebalance_service_pb2, rebalance_service_pb2_grpc

from ordergen_client import Position
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.doors import Door, door, published, token_settings
from tests.e2e.api import failure
from tests.issuers import Issuer
from tests.limits import PATIENCE

pb = order_pb2
BEGINS = "ordergen:read ordergen:models ordergen:rebalance"


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
    given = {
        **token_settings(published(issuer, tmp_path_factory.mktemp("keys"))),
        "portfolio_accounting_url": clean_siblings.accounting_url,
        "pricing_url": clean_siblings.pricing_url,
        "security_url": clean_siblings.security_url,
        "portfolio_url": clean_siblings.portfolio_url,
    }
    with temporary_database(mongodb_uri) as name, door(mongodb_uri, name, **given) as running:
        yield running


@pytest.fixture(scope="module")
def stub(opened: Door) -> Iterator[rebalance_service_pb2_grpc.RebalanceServiceStub]:
    with grpc.insecure_channel(opened.target) as channel:
        yield rebalance_service_pb2_grpc.RebalanceServiceStub(channel)


@pytest.fixture(scope="module")
def run(opened: Door, issuer: Issuer, clean_siblings: SimulatedSiblings) -> str:
    """A run that ann has begun."""
    suggested = clean_siblings.model
    positions = [
        Position(one.security_id, one.target, one.low_drift, one.high_drift) for one in suggested.positions
    ]
    with opened.client(token=issuer.token(subject="ann", scope=BEGINS)) as ann:
        model = ann.models.create("Reviewed", positions, suggested.portfolio_ids[:3])
        *_, last = ann.runs.stream(model.model_id)
    assert last.finished
    return last.finished.rebalance_id


def credentials(issuer: Issuer, subject: str, scope: str) -> tuple[tuple[str, str], ...]:
    """Those of somebody who says that they are eve."""
    token = issuer.token(subject=subject, scope=scope)
    return (("authorization", f"Bearer {token}"), ("x-actor", "eve"))


def review(
    stub: rebalance_service_pb2_grpc.RebalanceServiceStub, run: str, metadata: tuple[tuple[str, str], ...]
) -> rebalance_pb2.Rebalance:
    request = pb.ReviewRebalanceRequest(rebalance_id=run, decision=pb.REVIEW_DECISION_APPROVED)
    return stub.ReviewRebalance(request, timeout=PATIENCE, metadata=metadata)


def test_who_may_not_approve_is_told_what_is_missing(
    stub: rebalance_service_pb2_grpc.RebalanceServiceStub, issuer: Issuer, run: str
) -> None:
    for scope in (BEGINS, "ordergen:orders ordergen:admin"):
        refused = failure(lambda scope=scope: review(stub, run, credentials(issuer, "bob", scope)))  # type: ignore[misc]
        assert refused.code is grpc.StatusCode.PERMISSION_DENIED
        assert refused.info.metadata == {"scope": "ordergen:approve"}
    unknown = failure(lambda: review(stub, run, (("x-actor", "eve"),)))
    assert unknown.code is grpc.StatusCode.UNAUTHENTICATED


def test_it_is_who_credentials_say_that_is_told(
    stub: rebalance_service_pb2_grpc.RebalanceServiceStub, issuer: Issuer, run: str
) -> None:
    reviewed = review(stub, run, credentials(issuer, "bob", "ordergen:approve"))
    assert reviewed.review_counts.approved_count == reviewed.rebalanced_count > 0
    reading = credentials(issuer, "cid", "ordergen:read")
    request = pb.ListRebalanceEventsRequest(rebalance_id=run)
    events = stub.ListRebalanceEvents(request, timeout=PATIENCE, metadata=reading).events
    assert [(one.actor, one.authenticated) for one in events] == [("ann", True), ("bob", True)]
    listing = rebalance_service_pb2.ListPortfolioRebalancesRequest(rebalance_id=run)
    page = stub.ListPortfolioRebalances(listing, timeout=PATIENCE, metadata=reading)
    names = {name for one in page.portfolio_rebalances for name in one.review.approved_by}
    assert names == {"bob"}
