"""What portal and load generator do, replayed: their requests, and what they do with the answers.

Both read JSON as JavaScript does, so numbers are floats here; both send floats.
"""

import json
import math
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api
from tests.e2e.rest.conftest import Rebalanced
from tests.e2e.rest.forms import SIDES, new_id
from tests.fronts import Answer, Front

pb = rebalance_pb2
#: As axios sends them from Node.
AXIOS = {
    "Accept": "application/json, text/plain, */*",
    "Accept-Encoding": "gzip, compress, deflate, br",
    "User-Agent": "axios/1.10.0",
    "Connection": "keep-alive",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
RETRIES, FIRST_PAUSE_SECONDS = 3, 0.5
LINE_NUMBERS = (
    "price", "original_quantity", "adjusted_quantity", "original_position_market_value",
    "adjusted_position_market_value", "target", "high_drift", "low_drift", "actual", "actual_drift",
)  # fmt: skip


@dataclass(frozen=True)
class Portal:
    """The client of a page's server: every call but a rebalance is tried again on 5xx."""

    front: Front

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """What is answered; fails as they do, on anything that is no success."""
        answer = self._tried(lambda: self.once(method, path, body))
        assert 200 <= answer.status < 300, answer.body
        return json.loads(answer.body) if answer.body else None

    def once(self, method: str, path: str, body: object = None) -> Answer:
        kind = {} if body is None else {"Content-Type": "application/json"}
        raw = None if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        return self.front.ask(method, path, raw=raw, headers={**AXIOS, **kind})

    def rebalance(self, model_id: str) -> list[str]:
        """The ids that the page goes on with."""
        answer = self.once("POST", f"/api/v1/model/{model_id}/rebalance")
        assert answer.status == 200, answer.body
        found = json.loads(answer.body)
        assert isinstance(found, list)
        return [one["rebalance_id"] for one in found if one["rebalance_id"]]

    def _tried(self, call: Callable[[], Answer]) -> Answer:
        for attempt in range(RETRIES):
            answer = call()
            if answer.status < 500:
                return answer
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
        return call()


@pytest.fixture
def portal(front: Front) -> Portal:
    return Portal(front)


def weights(security_ids: list[str], seed: int) -> Mapping[str, float]:
    """Steps of 0.005 spread over securities, added as floats and rounded, as the load generator does."""
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    found = dict.fromkeys(security_ids, 0.005)
    for _ in range(180):
        found[chance.choice(security_ids)] += 0.005
    return {security_id: round(one, 3) for security_id, one in found.items()}


def order_of(line: Mapping[str, Any], portfolio_id: str) -> dict[str, Any] | None:
    """The order that a line becomes, for the order service; none where it does not trade."""
    if line["transaction_type"] not in ("BUY", "SELL") or line["trade_quantity"] == 0:
        return None
    return {
        "portfolioId": portfolio_id,
        "orderTypeId": {"BUY": 1, "SELL": 2}[line["transaction_type"]],
        "securityId": line["security_id"],
        "quantity": abs(line["trade_quantity"]),
    }


def transactions(api: Api, rebalance_id: str, portfolio_id: str) -> list[tuple[str, str, int]]:
    message = api.portfolio(rebalance_id, portfolio_id)
    return [(one.security_id, SIDES[one.transaction_type], one.quantity) for one in message.transactions]


def test_the_load_generators_round(
    portal: Portal, rest_api: Api, clean_siblings: SimulatedSiblings, portfolio_id: str
) -> None:
    """A model of ten securities, read, rebalanced, and its orders sent on: the API's to the last share."""
    securities = [one.security_id for one in clean_siblings.model.positions[:10]]
    targets = weights(securities, 7)
    positions = [
        {"security_id": key, "target": target, "high_drift": 0.005, "low_drift": 0.005}
        for key, target in targets.items()
    ]
    sent = {"name": f"Model {uuid.uuid4()}", "positions": positions, "portfolios": [portfolio_id]}
    model_id = portal.call("POST", "/api/v1/models", sent)["model_id"]
    read = portal.call("GET", f"/api/v1/model/{model_id}")
    assert {one["security_id"]: float(one["target"]) for one in read["positions"]} == targets
    rebalance_id, *others = portal.rebalance(model_id)
    assert others == []
    run = portal.call("GET", f"/api/v1/rebalance/{rebalance_id}")
    (portfolio,) = run["portfolios"]
    lines = [
        {name: one[name] for name in ("security_id", "transaction_type", "trade_quantity", "target")}
        for one in portfolio["positions"]
    ]
    orders = [one for one in (order_of(line, portfolio["portfolio_id"]) for line in lines) if one]
    assert orders
    assert all(one["quantity"] >= 1 and type(one["quantity"]) is int for one in orders)
    sides = {1: "BUY", 2: "SELL"}
    assert [
        (one["securityId"], sides[one["orderTypeId"]], one["quantity"]) for one in orders
    ] == transactions(rest_api, rebalance_id, portfolio_id)


def test_a_queue_without_a_portfolio_is_refused_for_good(portal: Portal) -> None:
    """The load generator sends null for one that it did not get; 4xx is not tried again."""
    sent = {"name": f"Model {uuid.uuid4()}", "positions": [], "portfolios": [new_id(), None]}
    assert portal.once("POST", "/api/v1/models", sent).status == 422


def test_the_table_of_models(portal: Portal) -> None:
    """A page after the other until one is short; names, versions and times are shown as they come."""
    for _ in range(3):
        portal.call(
            "POST", "/api/v1/models", {"name": str(uuid.uuid4()), "positions": [], "portfolios": [new_id()]}
        )
    found: list[str] = []
    while True:
        page = portal.call("GET", f"/api/v1/models?offset={len(found)}&limit=2&sort_by=-name")
        found += [one["name"] for one in page]
        for one in page:
            assert one["model_id"][:8]
            assert all(isinstance(portfolio, str) for portfolio in one["portfolios"])
            assert len(one["positions"]) >= 0
            if one["last_rebalance_date"] is not None:
                datetime.fromisoformat(one["last_rebalance_date"])
        if len(page) < 2:
            break
    assert found == sorted(found, reverse=True)
    assert len(found) == len(portal.call("GET", "/api/v1/models"))


def test_the_form_of_a_model(portal: Portal, clean_siblings: SimulatedSiblings) -> None:
    """It reads strings as floats, sends floats back with all else as it was, and deletes by version."""
    lines = [
        {"security_id": one.security_id, "target": float(one.target), "high_drift": 0.05, "low_drift": 0.05}
        for one in clean_siblings.model.positions[:5]
    ]
    made = portal.call(
        "POST", "/api/v1/models", {"name": str(uuid.uuid4()), "positions": lines, "portfolios": [new_id()]}
    )
    model = portal.call("GET", f"/api/v1/model/{made['model_id']}")
    edited = [
        {
            "security_id": one["security_id"],
            **{name: float(one[name]) for name in ("target", "high_drift", "low_drift")},
        }
        for one in model["positions"]
    ]
    assert edited == lines
    body = {
        "name": model["name"],
        "positions": edited[1:],
        "portfolios": model["portfolios"],
        "version": model["version"],
        "last_rebalance_date": model["last_rebalance_date"],
    }
    saved = portal.call("PUT", f"/api/v1/model/{made['model_id']}", body)
    assert (saved["version"], len(saved["positions"])) == (2, 4)
    conflict = portal.once("PUT", f"/api/v1/model/{made['model_id']}", body)
    assert conflict.status == 409
    assert portal.call("DELETE", f"/api/v1/model/{made['model_id']}?version=2") is None


def fixed(number: object, places: int) -> str:
    """`toFixed`, which only numbers have."""
    assert type(number) in (int, float), number
    assert math.isfinite(number)  # type: ignore[arg-type] # one of the two
    return f"{number:.{places}f}"


def test_the_tables_of_rebalances(portal: Portal, rebalanced: Rebalanced) -> None:
    """Every number is formatted, changes are differences, and orders are found from quantities."""
    found = portal.call("GET", "/api/v1/rebalances?offset=0&limit=100&sort_by=-rebalance_date")
    (run,) = [one for one in found if one["rebalance_id"] == rebalanced.run.rebalance_id]
    assert isinstance(run["number_of_portfolios"], int)
    assert isinstance(run["version"], int)
    for name in ("rebalance_date", "created_at"):
        assert datetime.fromisoformat(run[name]).tzinfo is None
    for portfolio in run["portfolios"]:
        for name in ("market_value", "cash_before_rebalance", "cash_after_rebalance"):
            fixed(portfolio[name], 2)
        for line in portfolio["positions"]:
            for name in LINE_NUMBERS:
                fixed(line[name], 3)
            change = line["adjusted_quantity"] - line["original_quantity"]
            expected = {"BUY": 1, "SELL": -1, None: 0}[line["transaction_type"]] * (
                line["trade_quantity"] or 0
            )
            assert change == pytest.approx(expected, abs=1e-6)
            assert "trade_date" in line


def test_the_lists_below_a_rebalance(portal: Portal, rebalanced: Rebalanced) -> None:
    """The page looks for its portfolio in the run that it reads whole."""
    run = portal.call("GET", f"/api/v1/rebalance/{rebalanced.run.rebalance_id}")
    wanted = rebalanced.model["portfolios"][0]
    (portfolio,) = [one for one in run["portfolios"] if one["portfolio_id"] == wanted]
    path = f"/api/v1/rebalance/{rebalanced.run.rebalance_id}/portfolio/{wanted}/positions"
    assert portal.call("GET", path) == portfolio["positions"]


def test_a_rebalance_is_deleted_from_its_table(portal: Portal) -> None:
    body = {
        "name": str(uuid.uuid4()),
        "positions": [{"security_id": new_id(), "target": 0.5, "high_drift": 0.05, "low_drift": 0.05}],
        "portfolios": [new_id()],
    }
    (rebalance_id,) = portal.rebalance(portal.call("POST", "/api/v1/models", body)["model_id"])
    version = portal.call("GET", f"/api/v1/rebalance/{rebalance_id}")["version"]
    portal.call("DELETE", f"/api/v1/rebalance/{rebalance_id}?version={version}")
    assert portal.once("GET", f"/api/v1/rebalance/{rebalance_id}").status == 404


def test_what_cannot_be_is_passed_on_with_its_reason(portal: Portal) -> None:
    """A page shows the status and the body of a rebalance that it cannot read."""
    answer = portal.once("GET", f"/api/v1/rebalance/{'f' * 24}")
    assert answer.status == 404
    assert isinstance(json.loads(answer.body)["detail"], str)
