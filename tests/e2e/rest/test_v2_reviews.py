"""Reviews, events, blocks and fills over HTTP: what the API answers, by whom X-Actor names."""

from typing import Any

from globeco.ordergen.v1 import order_pb2
from google.protobuf.json_format import MessageToDict

from tests.e2e.api import Api
from tests.e2e.rest.conftest import Rebalanced
from tests.fronts import Front
from tests.limits import PATIENCE

ANN = {"X-Actor": "ann"}


def answered(front: Front, method: str, path: str, body: object = None, **given: Any) -> Any:  # noqa: ANN401 - JSON
    answer = front.ask(method, path, body, **given)
    assert answer.status == 200, answer.body
    return answer.json


def test_from_review_to_fill(front: Front, rest_api: Api, rebalanced: Rebalanced) -> None:
    path = f"/api/v2/rebalance/{rebalanced.run.rebalance_id}"
    named = {"portfolio_ids": rebalanced.trading, "comment": "Over HTTP"}
    decision = {"decision": "REVIEW_DECISION_APPROVED", **named}
    run = answered(front, "POST", f"{path}:review", decision, headers=ANN)
    assert run["review_counts"] == {"approved_count": rebalanced.run.rebalanced_count}
    assert run == answered(front, "GET", path)
    request = order_pb2.ListRebalanceEventsRequest(rebalance_id=rebalanced.run.rebalance_id)
    events = rest_api.rebalances.ListRebalanceEvents(request, timeout=PATIENCE)
    told = answered(front, "GET", f"{path}/events")
    assert told == MessageToDict(events, preserving_proto_field_name=True)
    first, last = told["events"][0], told["events"][-1]
    assert [(one["type"], one.get("actor", "")) for one in (first, last)] == [
        ("REBALANCE_EVENT_TYPE_STARTED", ""),
        ("REBALANCE_EVENT_TYPE_APPROVED", "ann"),
    ]
    block, *_ = answered(front, "GET", f"{path}/blocks")["blocks"]
    fill = {
        "security_id": block["security_id"],
        "transaction_type": block["transaction_type"],
        "filled_quantity": block["quantity"],
    }
    shares = answered(front, "POST", f"{path}:allocate", fill)["allocations"]
    assert sum(int(one["allocated_quantity"]) for one in shares) == int(block["quantity"]["value"])
    assert len(shares) == block["portfolio_count"]


def test_somebody_must_decide(front: Front, rebalanced: Rebalanced) -> None:
    path = f"/api/v2/rebalance/{rebalanced.run.rebalance_id}:review"
    for headers in ({}, {"X-Actor": ""}):
        answer = front.ask("POST", path, {"decision": "REVIEW_DECISION_REJECTED"}, headers=headers)
        assert answer.status == 400
        assert "x-actor" in answer.json["error"]["message"]
