"""The comments of the contract promise statuses: each is met by a call here, and none meets another."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymongo
import pymongo.database
import pytest
from globeco.ordergen.v1 import (
    model_pb2,
    model_service_pb2,
    order_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
)
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode

from ordergen_server.api.messages.errors import TABLE
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID, RUN_ID, portfolio_id, security_id
from tests.e2e.api import Api, Failure, failure, message_of, served
from tests.e2e.reviews import APPROVED, Person, listed
from tests.e2e.runs import start
from tests.limits import PATIENCE

orders = order_pb2
ms, rs, refs, pb = model_service_pb2, rebalance_service_pb2, reference_service_pb2, rebalance_pb2
PROTOS = Path(__file__).parents[2] / "protos" / "globeco" / "ordergen" / "v1"
_RPC = re.compile(r"((?:^ *//.*\n)+) *rpc (\w+)\(", re.MULTILINE)
STATUSES = {code.name for code, _ in TABLE.values()}
REASONS = {reason for _, reason in TABLE.values()} - STATUSES
Call = tuple[str, Callable[[], object]]
Documents = pymongo.database.Database[dict[str, object]]


def promised(*services: str) -> dict[str, set[str]]:
    """The statuses, and the reasons of errors, that the comment of each RPC of these services names."""
    found = {}
    for service in services:
        for comment, rpc in _RPC.findall((PROTOS / f"{service}.proto").read_text()):
            words = set(re.findall(r"[A-Z][A-Z_]+", comment.partition("rpc ")[0].rpartition("\n\n")[2]))
            found[rpc] = words & (STATUSES | REASONS)
    return found


@pytest.fixture
def api(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    """A server that reads one portfolio after another, so that a run takes its time."""
    with served(mongodb_uri, database_name, siblings, portfolio_workers=1) as running:
        yield running


def reset(siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    """No faults, and a security of one price whenever prices are read."""
    siblings.clear()
    siblings.override_price(model.positions[0].security_id, Decimal("81221.1804"))
    siblings.override_price_date(model.positions[0].security_id, date(2000, 1, 1))  # minded where it is asked


def of_models(api: Api, model: model_pb2.Model) -> list[Call]:
    """Calls of ModelService, each of which fails in one way."""
    there, gone, other = model.model_id, MODEL_ID, "Another"
    taken, free = [portfolio_id(1)], [portfolio_id(2)]
    api.create(model_pb2.Model(name=other, portfolio_ids=taken))
    new = model_pb2.Position(security_id=security_id(1))
    new.target.value = "0.005"
    old = model.positions[0]
    bad = model_pb2.Position(security_id=old.security_id)
    bad.target.value = "0.0001"
    changed = model_pb2.Model(model_id=there, version=model.version, name=other)
    calls: list[tuple[str, Any]] = [
        ("CreateModel", ms.CreateModelRequest()),
        ("CreateModel", ms.CreateModelRequest(model=model_pb2.Model(name=other))),
        ("GetModel", ms.GetModelRequest(model_id="x")),
        ("GetModel", ms.GetModelRequest(model_id=gone)),
        ("ListModels", ms.ListModelsRequest(skip=-1)),
        ("UpdateModel", ms.UpdateModelRequest()),
        ("UpdateModel", ms.UpdateModelRequest(model=model_pb2.Model(model_id=gone, version=1, name="Gone"))),
        ("UpdateModel", ms.UpdateModelRequest(model=model_pb2.Model(model_id=there, version=9, name="Late"))),
        ("UpdateModel", ms.UpdateModelRequest(model=changed, update_mask=FieldMask(paths=["name"]))),
        ("DeleteModel", ms.DeleteModelRequest(model_id=gone, version=1)),
        ("DeleteModel", ms.DeleteModelRequest(model_id=there, version=9)),
        ("AddPosition", ms.AddPositionRequest(model_id=gone, position=new)),
        ("AddPosition", ms.AddPositionRequest(model_id=there, position=old)),
        ("AddPosition", ms.AddPositionRequest(model_id=there, position=bad)),
        ("AddPosition", ms.AddPositionRequest(model_id=there, position=new, version=9)),
        ("UpdatePosition", ms.UpdatePositionRequest(model_id=there, position=new)),
        ("UpdatePosition", ms.UpdatePositionRequest(model_id=there, position=bad)),
        ("UpdatePosition", ms.UpdatePositionRequest(model_id=there, position=old, version=9)),
        ("RemovePosition", ms.RemovePositionRequest(model_id=there, position=new)),
        ("RemovePosition", ms.RemovePositionRequest(model_id=there, position=bad)),
        ("RemovePosition", ms.RemovePositionRequest(model_id=there, position=old, version=9)),
        ("AddPortfolios", ms.AddPortfoliosRequest(model_id=gone, portfolio_ids=free)),
        ("AddPortfolios", ms.AddPortfoliosRequest(model_id=there, portfolio_ids=taken)),
        (
            "AddPortfolios",
            ms.AddPortfoliosRequest(model_id=there, portfolio_ids=free, version=9),
        ),
        ("RemovePortfolios", ms.RemovePortfoliosRequest(model_id=gone, portfolio_ids=free)),
        ("RemovePortfolios", ms.RemovePortfoliosRequest(model_id=there, portfolio_ids=free, version=9)),
    ]
    return [(rpc, _call(api.models, rpc, request)) for rpc, request in calls]


def of_runs(api: Api, model: model_pb2.Model) -> list[Call]:
    """Calls of RebalanceService on runs, each of which fails in one way."""
    run = list(api.rebalance_all(model.model_id))[-1].finished.rebalance_id
    calls: list[tuple[str, Any]] = [
        ("RebalancePortfolio", rs.RebalancePortfolioRequest(portfolio_id=portfolio_id(3))),
        ("RebalanceModel", rs.RebalanceModelRequest(model_id=MODEL_ID)),
        ("StartRebalance", rs.StartRebalanceRequest(model_id=MODEL_ID)),
        ("WatchRebalance", rs.WatchRebalanceRequest(rebalance_id=RUN_ID)),
        (
            "WatchRebalance",
            rs.WatchRebalanceRequest(rebalance_id=run, after_sequence=2**63 - 1),
        ),
        ("CancelRebalance", rs.CancelRebalanceRequest(rebalance_id=RUN_ID)),
        ("GetRebalance", rs.GetRebalanceRequest(rebalance_id=RUN_ID)),
        ("ListRebalances", rs.ListRebalancesRequest(skip=-1)),
        ("ListPortfolioRebalances", rs.ListPortfolioRebalancesRequest(rebalance_id=RUN_ID)),
        ("ListPortfolioRebalances", rs.ListPortfolioRebalancesRequest(rebalance_id="x")),
        (
            "GetPortfolioRebalance",
            rs.GetPortfolioRebalanceRequest(rebalance_id=run, portfolio_id=portfolio_id(3)),
        ),
        ("DeleteRebalance", rs.DeleteRebalanceRequest(rebalance_id=RUN_ID, version=1)),
        ("DeleteRebalance", rs.DeleteRebalanceRequest(rebalance_id=run, version=99)),
    ]
    newer = bytes([0x98, 0x06, 0x01])  # field 99
    starting = ("RebalancePortfolio", "RebalanceModel", "StartRebalance")
    calls += [(name, getattr(rs, f"{name}Request").FromString(newer)) for name in starting]
    return [(rpc, _call(api.rebalances, rpc, request)) for rpc, request in calls]


def of_orders(api: Api, model: model_pb2.Model, kept: Documents) -> list[tuple[str, Failure]]:
    """Calls on what becomes of a run's proposals, each of which fails in one way."""
    ann = Person(api, "ann")
    run = ann.run(model.model_id)
    one = min(listed(api, run.rebalance_id))
    sent: dict[str, object] = {"rebalance_id": run.rebalance_id, "portfolio_id": one, "state": "SENT"}
    kept["submitted_portfolios"].insert_one(sent)
    delete = rs.DeleteRebalanceRequest(rebalance_id=run.rebalance_id, version=run.version)
    calls: list[tuple[str, Callable[[], object]]] = [
        ("ReviewRebalance", lambda: ann.review(run.rebalance_id, APPROVED, [one])),
        ("ReviewRebalance", lambda: ann.review(RUN_ID)),
        ("DeleteRebalance", _call(api.rebalances, "DeleteRebalance", delete)),
    ]
    requests: list[tuple[str, Any]] = [
        ("ListRebalanceEvents", orders.ListRebalanceEventsRequest(rebalance_id=RUN_ID)),
        ("AggregateOrders", orders.AggregateOrdersRequest(rebalance_id=RUN_ID)),
        ("AllocateFill", allocation_of(RUN_ID)),
    ]
    calls += [(rpc, _call(api.rebalances, rpc, request)) for rpc, request in requests]
    return [(rpc, failure(call)) for rpc, call in calls]


def of_submissions(api: Api, model: model_pb2.Model, other: Api) -> list[tuple[str, Failure]]:
    """Calls on submissions of a server without an order service, and of one that has one."""
    ann = Person(api, "ann")
    run = ann.run(model.model_id)
    one = min(listed(api, run.rebalance_id))
    submit = orders.SubmitOrdersRequest(rebalance_id=run.rebalance_id, portfolio_ids=[one])
    reconcile = orders.ReconcileOrdersRequest(rebalance_id=run.rebalance_id)
    found = [
        ("SubmitOrders", failure(_call(api.rebalances, "SubmitOrders", submit))),
        ("SubmitOrders", failure(_call(other.rebalances, "SubmitOrders", submit))),
        ("ReconcileOrders", failure(_call(api.rebalances, "ReconcileOrders", reconcile))),
    ]
    ann.review(run.rebalance_id, APPROVED, [one])
    _call(other.rebalances, "SubmitOrders", submit)()
    found.append(("SubmitOrders", failure(_call(other.rebalances, "SubmitOrders", submit))))
    requests: list[tuple[str, Any]] = [
        ("SubmitOrders", orders.SubmitOrdersRequest(rebalance_id=RUN_ID)),
        ("GetOrderSubmission", orders.GetOrderSubmissionRequest(submission_id=RUN_ID)),
        ("WatchOrderSubmission", orders.WatchOrderSubmissionRequest(submission_id=RUN_ID)),
        ("CancelOrderSubmission", orders.CancelOrderSubmissionRequest(submission_id=RUN_ID)),
        ("ListOrders", orders.ListOrdersRequest(rebalance_id=RUN_ID)),
        ("ReconcileOrders", orders.ReconcileOrdersRequest(rebalance_id=RUN_ID)),
    ]
    return found + [(rpc, failure(_call(api.rebalances, rpc, request))) for rpc, request in requests]


def allocation_of(rebalance_id: str) -> orders.AllocateFillRequest:
    request = orders.AllocateFillRequest(
        rebalance_id=rebalance_id, security_id=security_id(1), transaction_type=pb.TRANSACTION_TYPE_BUY
    )
    request.filled_quantity.value = "1"
    return request


def of_references(api: Api, siblings: SimulatedSiblings) -> list[tuple[str, Failure]]:
    """Calls of ReferenceService on a server that has read nothing yet, each of which fails in one way."""
    securities = refs.ResolveSecuritiesRequest(securities=["AAA"])
    portfolios = refs.ResolvePortfoliosRequest(portfolios=["Growth"])
    found = []

    def note(rpc: str, request: Any) -> None:  # noqa: ANN401 - a request of whichever method
        found.append((rpc, failure(_call(api.references, rpc, request))))

    for service in ("security", "pricing", "portfolio"):
        siblings.set_faults(service, [Fault(kind="status", status=503)])
    note("ResolveSecurities", securities)
    note("ResolvePortfolios", portfolios)
    siblings.clear()
    siblings.orphan_security(siblings.model.positions[0].security_id)
    note("ResolveSecurities", securities)
    siblings.clear()
    return found


def while_it_runs(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> list[tuple[str, Failure]]:
    """What is refused while a run of the model is in progress."""
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.5)])
    running = start(api, model.model_id).rebalance_id
    requests: list[tuple[str, Any]] = [
        ("RebalanceModel", rs.RebalanceModelRequest(model_id=model.model_id)),
        ("StartRebalance", rs.StartRebalanceRequest(model_id=model.model_id)),
        (
            "DeleteRebalance",
            rs.DeleteRebalanceRequest(rebalance_id=running, version=1),
        ),
        ("AggregateOrders", orders.AggregateOrdersRequest(rebalance_id=running)),
        ("AllocateFill", allocation_of(running)),
    ]
    found = [(rpc, failure(_call(api.rebalances, rpc, request))) for rpc, request in requests]
    _call(api.rebalances, "CancelRebalance", rs.CancelRebalanceRequest(rebalance_id=running))()
    reset(siblings, model)
    return found


def of_portfolios(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> list[tuple[str, Failure]]:
    """How a portfolio, and a model, can have no answer."""
    one, security = model.portfolio_ids[0], model.positions[0].security_id
    found = []

    def note(rpc: str, request: Any) -> None:  # noqa: ANN401 - a request of whichever method
        found.append((rpc, failure(_call(api.rebalances, rpc, request))))

    portfolio = rs.RebalancePortfolioRequest(portfolio_id=one, validate_only=True)
    summary = {"portfolioId": one, "cashBalance": "-1", "securities": []}
    siblings.override_summary(one, summary)
    note("RebalancePortfolio", portfolio)
    siblings.override_summary(one, {**summary, "cashBalance": "much"})
    note("RebalancePortfolio", portfolio)
    siblings.override_summary(one, {**summary, "cashBalance": "1"})
    note("RebalancePortfolio", portfolio)
    reset(siblings, model)
    empty = api.create(model_pb2.Model(name="Empty", portfolio_ids=[portfolio_id(9)]))
    note("RebalancePortfolio", rs.RebalancePortfolioRequest(portfolio_id=portfolio_id(9)))
    empty = api.models.ListModels(
        ms.ListModelsRequest(portfolio_id=portfolio_id(9)), timeout=PATIENCE
    ).models[0]
    note("RebalanceModel", rs.RebalanceModelRequest(model_id=empty.model_id))
    note("StartRebalance", rs.StartRebalanceRequest(model_id=empty.model_id))
    unknown = model_pb2.Model(name="Unknown", portfolio_ids=[portfolio_id(8)])
    unknown.positions.add(security_id=security_id(1)).target.value = "0.5"
    api.create(unknown)
    siblings.override_summary(
        portfolio_id(8), {**summary, "portfolioId": portfolio_id(8), "cashBalance": "100"}
    )
    note("RebalancePortfolio", rs.RebalancePortfolioRequest(portfolio_id=portfolio_id(8)))
    aged = pb.RebalanceOptions(maximum_price_age_days=3650)
    note("RebalancePortfolio", rs.RebalancePortfolioRequest(portfolio_id=one, options=aged))
    note("RebalancePortfolio", undecided(api, siblings, security))
    siblings.set_faults("accounting", [Fault(kind="status", status=503)])
    note("RebalanceModel", rs.RebalanceModelRequest(model_id=model.model_id))
    note("CheckDrift", rs.CheckDriftRequest(model_id=model.model_id))
    note("CheckDrift", rs.CheckDriftRequest(model_id=MODEL_ID))
    siblings.clear()
    return found


def undecided(api: Api, siblings: SimulatedSiblings, security: str) -> rs.RebalancePortfolioRequest:
    """A portfolio below its floor that may not trade: a proof that it has no answer needs time."""
    one = portfolio_id(7)
    model = model_pb2.Model(name="Undecided", portfolio_ids=[one])
    line = model.positions.add(security_id=security)
    for name, text in (("target", "0.95"), ("low_drift", "0.05"), ("high_drift", "0.1")):
        getattr(line, name).value = text
    api.create(model)
    held = {"securityId": security, "netQuantity": "3942"}
    summary = {"portfolioId": one, "cashBalance": "16826106.8632", "securities": [held]}
    siblings.override_summary(one, summary)
    options = pb.RebalanceOptions(solver_timeout=Duration(nanos=1))
    for owner, name, text in (
        (options.minimum_cash, "amount", "21869942.16604"),
        (options, "minimum_trade_value", "129953.89"),
        (options, "maximum_turnover_weight", "0"),
    ):
        getattr(owner, name).value = text
    return rs.RebalancePortfolioRequest(portfolio_id=one, options=options)


def _call(stub: Any, rpc: str, request: Any) -> Callable[[], object]:  # noqa: ANN401 - whichever service
    method = getattr(stub, rpc)
    if rpc in ("RebalanceModel", "WatchRebalance", "CheckDrift", "WatchOrderSubmission"):
        return lambda: list(method(request, timeout=PATIENCE))
    return lambda: method(request, timeout=PATIENCE)


def test_every_promised_status_is_met_and_says_what_to_do(
    api: Api, siblings: SimulatedSiblings, mongodb_uri: str, database_name: str
) -> None:
    model = api.create(message_of(siblings.model))
    reset(siblings, model)
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        told = of_orders(api, model, client[database_name])
    with served(mongodb_uri, database_name, siblings, with_orders=True) as other:
        told += of_submissions(api, model, other)
    told += [(rpc, failure(call)) for rpc, call in (*of_models(api, model), *of_runs(api, model))]
    told += while_it_runs(api, siblings, model)
    told += of_portfolios(api, siblings, model)
    check_met(told, promised("model_service", "rebalance_service"))


def test_every_status_promised_of_references_is_met_too(api: Api, siblings: SimulatedSiblings) -> None:
    check_met(of_references(api, siblings), promised("reference_service"))


def check_met(told: list[tuple[str, Failure]], expected: dict[str, set[str]]) -> None:
    """Failures are those that are expected of each RPC, and each says what to do."""
    met: defaultdict[str, set[str]] = defaultdict(set)
    for rpc, found in told:
        met[rpc] |= {found.code.name}
        if found.info.reason in REASONS and found.info.reason in expected[rpc]:
            met[rpc] |= {found.info.reason}
        assert re.search(r"(: |; |, not )\w", found.message), f"{rpc} says nothing to do: {found.message}"
    assert {rpc: words | {"INVALID_ARGUMENT"} for rpc, words in expected.items()} == {
        rpc: words | {"INVALID_ARGUMENT"} for rpc, words in met.items()
    }
    assert StatusCode.INTERNAL not in {found.code for _, found in told}
