"""Rebalances over REST: every number is that of the gRPC API, in the form that pages read."""

from datetime import datetime
from typing import Any

import pytest
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api
from tests.e2e.rest.conftest import FOLLOWED, Rebalanced
from tests.e2e.rest.forms import (
    NOWHERE,
    check_lines,
    check_orders,
    check_portfolio,
    check_run,
    created,
    fields,
    model_of,
    new_id,
    position,
)
from tests.fronts import Front
from tests.limits import PATIENCE

pb = rebalance_pb2
RUNS = "/api/v1/rebalances"


def rebalance(front: Front, model: Any) -> Any:  # noqa: ANN401 - JSON
    answer = front.ask("POST", f"/api/v1/model/{model['model_id']}/rebalance")
    assert answer.status == 200, answer.body
    return answer.json


def test_the_orders_of_a_model_are_one_object_by_its_id(rebalanced: Rebalanced) -> None:
    given = rebalanced.answer
    assert (given["portfolio_id"], given["rebalance_id"]) == (
        rebalanced.model["model_id"],
        rebalanced.run.rebalance_id,
    )
    assert (given["number_of_portfolios"], given["portfolios_done"]) == (FOLLOWED, FOLLOWED)
    assert given["state"] == pb.RebalanceState.Name(rebalanced.run.state).removeprefix("REBALANCE_STATE_")
    assert len(given["transactions"]) > FOLLOWED
    check_orders(rebalanced.portfolios, given)


def test_a_run_is_read_with_every_number(front: Front, rebalanced: Rebalanced) -> None:
    answer = front.ask("GET", rebalanced.path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    check_run(rebalanced.run, rebalanced.portfolios, answer.json)
    lines = [one for each in answer.json["portfolios"] for one in each["positions"]]
    assert {one["transaction_type"] for one in lines} == {"BUY", "SELL", None}
    assert any(one["original_quantity"] < 0 for one in lines)
    assert any(one["target"] == 0 for one in lines)


def test_the_portfolios_of_a_run_are_those_in_it(front: Front, rebalanced: Rebalanced) -> None:
    given = front.ask("GET", f"{rebalanced.path}/portfolios").json
    assert given == front.ask("GET", rebalanced.path).json["portfolios"]


def test_the_lines_of_a_portfolio(front: Front, rebalanced: Rebalanced) -> None:
    for one in rebalanced.portfolios[:5]:
        answer = front.ask("GET", f"{rebalanced.path}/portfolio/{one.portfolio_id}/positions")
        assert answer.status == 200
        check_lines(one, answer.json)


def test_ids_of_runs_may_be_written_in_capitals(front: Front, rebalanced: Rebalanced) -> None:
    assert front.ask("GET", f"/api/v1/rebalance/{rebalanced.run.rebalance_id.upper()}").status == 200


def test_the_model_has_the_time_of_its_rebalance(front: Front, rest_api: Api, rebalanced: Rebalanced) -> None:
    """Without a zone; its form sends it back as it came."""
    model = front.ask("GET", f"/api/v1/model/{rebalanced.model['model_id']}").json
    assert model == model_of(rest_api.get(rebalanced.model["model_id"]))
    assert datetime.fromisoformat(model["last_rebalance_date"]).tzinfo is None
    kept = front.ask("PUT", f"/api/v1/model/{model['model_id']}", model)
    assert kept.status == 200, kept.body
    assert kept.json["last_rebalance_date"] == model["last_rebalance_date"]


def test_one_portfolio_is_rebalanced(
    front: Front, rest_api: Api, clean_siblings: SimulatedSiblings, portfolio_id: str
) -> None:
    """Its orders, with strings in its drifts, and a run of its own that is found again."""
    created(front, [position(clean_siblings.model.positions[0].security_id, 0.9)], [portfolio_id])
    answer = front.ask("POST", f"/api/v1/portfolio/{portfolio_id}/rebalance")
    assert answer.status == 200, answer.body
    message = rest_api.portfolio(answer.json["rebalance_id"], portfolio_id)
    assert answer.json["portfolio_id"] == portfolio_id
    assert answer.json["transactions"]
    check_orders([message], answer.json)
    run = rest_api.run(answer.json["rebalance_id"])
    check_run(run, [message], front.ask("GET", f"/api/v1/rebalance/{run.rebalance_id}").json)


def test_the_same_key_answers_the_first_run(
    front: Front, clean_siblings: SimulatedSiblings, portfolio_id: str
) -> None:
    model = created(front, [position(clean_siblings.model.positions[0].security_id, 0.9)], [portfolio_id])
    for path in (f"/api/v1/portfolio/{portfolio_id}", f"/api/v1/model/{model['model_id']}"):
        key = {"Idempotency-Key": "5f3a4b0e-3b1e-4b7e-9d55-0d3a4b0e3b1e"}
        first, second = (front.ask("POST", f"{path}/rebalance", headers=key).json for _ in range(2))
        assert first == second


def test_a_model_without_portfolios_has_nothing_to_rebalance(front: Front) -> None:
    assert rebalance(front, created(front, [position(new_id())])) == []


def test_a_model_without_positions_cannot_be_rebalanced(front: Front) -> None:
    model = created(front, [], [new_id()])
    answer = front.ask("POST", f"/api/v1/model/{model['model_id']}/rebalance")
    assert (answer.status, "retry-after" in answer.headers) == (422, False)


def test_a_portfolio_that_failed_is_in_the_list_with_numbers(
    front: Front, rest_api: Api, portfolio_id: str
) -> None:
    """Its security is unknown, so that it has no price; its callers still read numbers, and the reason."""
    model = created(front, [position(new_id())], [portfolio_id])
    (orders,) = rebalance(front, model)
    assert (orders["transactions"], orders["drifts"]) == ([], [])
    given = front.ask("GET", f"/api/v1/rebalance/{orders['rebalance_id']}").json
    (one,) = given["portfolios"]
    assert (one["portfolio_id"], one["state"], given["state"]) == (
        portfolio_id,
        "FAILED",
        "COMPLETED_WITH_ERRORS",
    )
    assert one["error"]
    check_portfolio(rest_api.portfolio(orders["rebalance_id"], portfolio_id), one)
    alone = front.ask("POST", f"/api/v1/portfolio/{portfolio_id}/rebalance")
    assert alone.status == 422
    assert alone.json["rebalance_id"]


def test_a_portfolio_without_a_solution_is_in_the_list_with_numbers(
    front: Front, rest_api: Api, clean_siblings: SimulatedSiblings, portfolio_id: str
) -> None:
    """A tenth in each of three securities to the last digit cannot be had in whole shares."""
    lines = [position(one.security_id, 0.1, 0, 0) for one in clean_siblings.model.positions[:3]]
    (orders,) = rebalance(front, created(front, lines, [portfolio_id]))
    message = rest_api.portfolio(orders["rebalance_id"], portfolio_id)
    assert message.state == pb.PORTFOLIO_REBALANCE_STATE_INFEASIBLE
    (one,) = front.ask("GET", f"/api/v1/rebalance/{orders['rebalance_id']}/portfolios").json
    check_portfolio(message, one)
    assert one["cash_after_rebalance"] == one["cash_before_rebalance"]
    assert all(line["transaction_type"] is None for line in one["positions"])
    refused = front.ask("POST", f"/api/v1/portfolio/{portfolio_id}/rebalance")
    assert refused.status == 422
    assert len(refused.json["detail"]) >= 1


def newest(rest_api: Api, **asked: Any) -> list[str]:  # noqa: ANN401 - fields of a request
    request = rebalance_service_pb2.ListRebalancesRequest(page_size=1000, **asked)
    found = rest_api.rebalances.ListRebalances(request, timeout=PATIENCE).rebalances
    return [one.rebalance_id for one in found]


def listed(front: Front, query: str = "") -> list[str]:
    answer = front.ask("GET", RUNS + query)
    assert answer.status == 200, answer.body
    return [one["rebalance_id"] for one in answer.json]


def test_runs_are_listed_newest_first_with_all_they_did(
    front: Front, rest_api: Api, rebalanced: Rebalanced
) -> None:
    everything = newest(rest_api)
    answer = front.ask("GET", f"{RUNS}?limit=100")
    assert [one["rebalance_id"] for one in answer.json] == everything[:100]
    (given,) = [one for one in answer.json if one["rebalance_id"] == rebalanced.run.rebalance_id]
    check_run(rebalanced.run, rebalanced.portfolios, given)
    assert given == front.ask("GET", rebalanced.path).json


def test_pages_of_runs(
    front: Front, rest_api: Api, clean_siblings: SimulatedSiblings, portfolio_id: str
) -> None:
    """Ten where nobody says how many; an order that is asked for is taken and ignored."""
    created(front, [position(clean_siblings.model.positions[0].security_id, 0.9)], [portfolio_id])
    for _ in range(12):
        assert front.ask("POST", f"/api/v1/portfolio/{portfolio_id}/rebalance").status == 200
    ids = newest(rest_api)
    assert listed(front) == ids[:10]
    assert listed(front, "?offset=0&limit=20&sort_by=-rebalance_date") == ids[:20]
    assert listed(front, "?offset=2&limit=3&sort_by=model_name") == ids[2:5]
    assert listed(front, f"?offset={len(ids)}&limit=3") == []
    assert listed(front, f"?offset={2**31 - 1}") == []
    for portfolios in ([portfolio_id], [portfolio_id, portfolio_id, new_id()]):
        answer = front.ask("POST", f"{RUNS}/portfolios?limit=11", {"portfolios": portfolios})
        assert [one["rebalance_id"] for one in answer.json] == newest(rest_api, portfolio_ids=[portfolio_id])[
            :11
        ]
    assert front.ask("POST", f"{RUNS}/portfolios", {"portfolios": [new_id()]}).json == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=-1", "offset=-1", "limit=ten", f"offset={2**31}"]
)
def test_a_page_that_cannot_be(front: Front, query: str) -> None:
    name = query.partition("=")[0]
    assert fields(front.ask("GET", f"{RUNS}?{query}")) == [["query", name]]
    assert fields(front.ask("POST", f"{RUNS}/portfolios?{query}", {"portfolios": [new_id()]})) == [
        ["query", name]
    ]


@pytest.mark.parametrize(
    ("portfolios", "loc"),
    [([], ["portfolios"]), ([None], ["portfolios", 0]), (["x"], ["portfolios", 0]), (None, ["portfolios"])],
)
def test_portfolios_that_cannot_be(front: Front, portfolios: object, loc: list[object]) -> None:
    answer = front.ask("POST", f"{RUNS}/portfolios", {"portfolios": portfolios})
    assert fields(answer) == [["body", *loc]]


@pytest.mark.parametrize("part", ["", "/portfolios", f"/portfolio/{NOWHERE}/positions"])
def test_a_run_that_is_not_there(front: Front, part: str) -> None:
    answer = front.ask("GET", f"/api/v1/rebalance/{NOWHERE}{part}")
    assert (answer.status, type(answer.json["detail"])) == (404, str)
    for name in ("x", "g" * 24):
        refused = front.ask("GET", f"/api/v1/rebalance/{name}{part}")
        assert (refused.status, type(refused.json["detail"])) == (400, str)


def test_a_portfolio_that_is_not_in_a_run(front: Front, rebalanced: Rebalanced) -> None:
    assert front.ask("GET", f"{rebalanced.path}/portfolio/{new_id()}/positions").status == 404
    assert front.ask("GET", f"{rebalanced.path}/portfolio/short/positions").status == 400
    assert front.ask("POST", f"/api/v1/portfolio/{new_id()}/rebalance").status == 404
    assert front.ask("POST", "/api/v1/portfolio/short/rebalance").status == 400


def test_a_run_is_deleted_once(front: Front, clean_siblings: SimulatedSiblings) -> None:
    model = created(front, [position(clean_siblings.model.positions[0].security_id, 0.9)], [new_id()])
    (orders,) = rebalance(front, model)
    path = f"/api/v1/rebalance/{orders['rebalance_id']}"
    version = front.ask("GET", path).json["version"]
    stale = front.ask("DELETE", f"{path}?version={version + 1}")
    assert (stale.status, stale.json["current_version"]) == (409, str(version))
    assert fields(front.ask("DELETE", path)) == [["query", "version"]]
    answer = front.ask("DELETE", f"{path}?version={version}")
    assert (answer.status, list(answer.json)) == (200, ["message"])
    assert front.ask("DELETE", f"{path}?version={version}").status == 404
    assert front.ask("GET", path).status == 404
