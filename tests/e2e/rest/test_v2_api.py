"""Version 2 over the API itself: what it answers is what the RPC answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from globeco.ordergen.v1 import model_service_pb2 as models
from globeco.ordergen.v1 import rebalance_service_pb2 as rebalances
from globeco.ordergen.v1 import reference_service_pb2 as references
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from ordergen_server import __version__
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, message_of, served
from tests.events import events
from tests.fronts import Answer, Front, front_process
from tests.limits import PATIENCE
from tests.waiting import eventually

KEY = "0b8a5f2c-7e1d-4c3b-9f6a-2d4e6f8a0b1c"
SECURITY = "ABCDEFGHIJKLMNOPQRSTUVWX"


def told(message: Message) -> Any:  # noqa: ANN401 - anything of JSON
    return MessageToDict(message, preserving_proto_field_name=True)


def answered(answer: Answer) -> Any:  # noqa: ANN401 - anything of JSON
    assert answer.status == 200, answer.body
    return answer.json


@pytest.fixture(scope="module")
def rest_api(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    """A server of our own: others have the portfolios in models of theirs."""
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as api:
        yield api


@pytest.fixture(scope="module")
def front(rest_api: Api) -> Iterator[Front]:
    with front_process(f"127.0.0.1:{rest_api.port}") as running:
        yield running


@pytest.fixture(scope="module")
def model(rest_api: Api, clean_siblings: SimulatedSiblings) -> model_pb2.Model:
    """A model that three portfolios follow."""
    message = message_of(clean_siblings.model)
    message.name = "version 2"
    message.portfolio_ids[:] = message.portfolio_ids[10:13]
    return rest_api.create(message)


@pytest.fixture(scope="module")
def run(front: Front, rest_api: Api, model: model_pb2.Model) -> rebalance_pb2.Rebalance:
    """A run of it that has ended, which was begun by HTTP."""
    sent = front.ask("POST", f"/api/v2/model/{model.model_id}/rebalance", headers={"Idempotency-Key": KEY})
    begun = answered(sent)
    watch = rebalances.WatchRebalanceRequest(rebalance_id=begun["rebalance_id"])
    *_, last = rest_api.rebalances.WatchRebalance(watch, timeout=PATIENCE)
    again = front.ask("POST", f"/api/v2/model/{model.model_id}/rebalance", {"request_id": KEY})
    assert answered(again) == told(rest_api.run(begun["rebalance_id"])) == told(last.finished)
    return last.finished


def test_a_model_from_its_first_to_its_last(front: Front, rest_api: Api) -> None:
    position = {"security_id": SECURITY, "target": {"value": "0.095"}, "high_drift": {"value": "0.1"}}
    made = answered(front.ask("POST", "/api/v2/models", {"model": {"name": "a", "positions": [position]}}))
    path = f"/api/v2/model/{made['model_id']}"

    def stored() -> Any:  # noqa: ANN401 - anything of JSON
        return told(rest_api.get(made["model_id"]))

    assert made == stored() == answered(front.ask("GET", path))
    assert made["version"] == "1"
    assert made["positions"][0]["target"] == {"value": "0.095"}

    other = {"security_id": SECURITY[::-1], "target": {"value": "0.05"}}
    for verb in ("POST", "PUT", "DELETE"):
        assert answered(front.ask(verb, f"{path}/position", {"position": other})) == stored()
    linked = {"portfolio_ids": ["q" * 24, "r" * 24], "version": stored()["version"]}
    assert answered(front.ask("POST", f"{path}/portfolio", linked)) == stored()
    found = front.ask("GET", f"/api/v2/models?portfolio_id={'q' * 24}")
    assert answered(found) == {"models": [stored()], "total_size": 1}
    assert answered(front.ask("DELETE", f"{path}/portfolio", {"portfolio_ids": ["r" * 24]})) == stored()

    renamed = front.ask("PUT", f"{path}?update_mask=name", {"name": "b", "version": stored()["version"]})
    assert answered(renamed) == stored()
    assert stored()["positions"] == made["positions"]
    stale = front.ask("DELETE", f"{path}?version=1")
    assert (stale.status, stale.json["error"]["details"][0]["metadata"]["current_version"]) == (
        409,
        stored()["version"],
    )
    assert answered(front.ask("DELETE", f"{path}?version={stored()['version']}")) == {}
    gone = front.ask("GET", path)
    assert (gone.status, gone.json["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.usefixtures("run")
def test_lists_come_in_pages(front: Front, rest_api: Api) -> None:
    request = models.ListModelsRequest(page_size=1, order_by="name desc")
    first = answered(front.ask("GET", "/api/v2/models?page_size=1&order_by=name+desc"))
    request.page_token = first.pop(
        "next_page_token", ""
    )  # which names its moment, so that no two are the same
    expected = rest_api.models.ListModels(models.ListModelsRequest(page_size=1, order_by="name desc"))
    expected.next_page_token = ""
    assert first == told(expected)
    second = front.ask(
        "GET", f"/api/v2/models?page_size=1&order_by=name+desc&page_token={request.page_token}"
    )
    assert answered(second)["models"] == told(rest_api.models.ListModels(request, timeout=PATIENCE))["models"]
    wrong = front.ask("GET", "/api/v2/models?page_token=x")
    assert (wrong.status, wrong.json["error"]["details"][1]["field_violations"][0]["field"]) == (
        400,
        "page_token",
    )


def test_a_run_is_what_the_rpcs_say(front: Front, rest_api: Api, run: rebalance_pb2.Rebalance) -> None:
    api, path = rest_api.rebalances, f"/api/v2/rebalance/{run.rebalance_id}"
    assert answered(front.ask("GET", path)) == told(run)
    assert answered(front.ask("POST", f"{path}:cancel")) == told(run)

    parts = rebalances.ListPortfolioRebalancesRequest(rebalance_id=run.rebalance_id, page_size=2)
    page = answered(front.ask("GET", f"{path}/portfolios?page_size=2"))
    assert page == told(api.ListPortfolioRebalances(parts, timeout=PATIENCE))
    portfolio = page["portfolio_rebalances"][0]["portfolio_id"]
    whole = told(rest_api.portfolio(run.rebalance_id, portfolio))
    assert answered(front.ask("GET", f"{path}/portfolio/{portfolio}")) == whole
    basic = front.ask("GET", f"{path}/portfolio/{portfolio}?view=PORTFOLIO_REBALANCE_VIEW_BASIC")
    assert answered(basic) == {name: value for name, value in whole.items() if name != "positions"}

    listed = rebalances.ListRebalancesRequest(portfolio_ids=[portfolio, "x" * 24])
    found = front.ask("GET", f"/api/v2/rebalances?portfolio_ids={portfolio}&portfolio_ids={'x' * 24}")
    assert answered(found) == told(api.ListRebalances(listed, timeout=PATIENCE))
    assert found.json["total_size"] == 1


def test_a_part_and_a_draft_are_asked_for_as_by_rpc(
    front: Front, rest_api: Api, model: model_pb2.Model
) -> None:
    some = list(model.portfolio_ids[:2])
    path = f"/api/v2/model/{model.model_id}"
    begun = answered(front.ask("POST", f"{path}/rebalance", {"portfolio_ids": some}))
    watch = rebalances.WatchRebalanceRequest(rebalance_id=begun["rebalance_id"])
    *parts, _ = rest_api.rebalances.WatchRebalance(watch, timeout=PATIENCE)
    assert sorted(one.portfolio.portfolio_id for one in parts[1:]) == sorted(some)
    assert answered(front.ask("GET", f"/api/v2/rebalance/{begun['rebalance_id']}"))["partial"] is True
    foreign = front.ask("POST", f"{path}/rebalance", {"portfolio_ids": [*some, SECURITY]})
    violations = foreign.json["error"]["details"][1]["field_violations"]
    assert (foreign.status, [one["field"] for one in violations]) == (400, ["portfolio_ids[2]"])

    draft = [{"security_id": model.positions[0].security_id, "target": {"value": "0.5"}}]
    asked = {"portfolio_ids": some, "draft_positions": draft, "validate_only": True}
    body = json.dumps(asked).encode()
    with events(front, f"{path}:rebalance", None, "POST", body) as stream:
        found = [one for one in stream if one.kind]
    assert {one.kind for one in found[1:-1]} <= {"portfolio"}
    run = found[0].data["started"]
    assert (run["partial"], run["draft"], run["portfolio_count"]) == (True, True, 2)
    refused = front.ask("POST", f"{path}:rebalance", {"draft_positions": draft})
    violations = refused.json["error"]["details"][1]["field_violations"]
    assert (refused.status, [one["field"] for one in violations]) == (400, ["draft_positions"])


def test_one_portfolio_is_rebalanced(front: Front, rest_api: Api, model: model_pb2.Model) -> None:
    portfolio = model.portfolio_ids[0]
    options = {"options": {"strategy": "STRATEGY_TO_BAND", "solver_timeout": "60s"}}
    done = answered(front.ask("POST", f"/api/v2/portfolio/{portfolio}/rebalance", options))
    assert done == told(rest_api.portfolio(done["rebalance_id"], portfolio))
    path = f"/api/v2/rebalance/{done['rebalance_id']}"
    version = answered(front.ask("GET", path))["version"]
    assert answered(front.ask("DELETE", f"{path}?version={version}")) == {}
    assert front.ask("GET", path).status == 404


def test_what_people_write_is_resolved(
    front: Front, rest_api: Api, clean_siblings: SimulatedSiblings
) -> None:
    security = clean_siblings.portfolios.market.securities[0]
    texts = [security.ticker.lower(), "no such"]
    asked = references.ResolveSecuritiesRequest(securities=texts)
    got = answered(front.ask("POST", "/api/v2/securities:resolve", {"securities": texts}))
    assert got == told(rest_api.references.ResolveSecurities(asked, timeout=PATIENCE))
    [line] = got["matches"][0]["securities"]
    price = {"value": str(security.price)}
    assert line == {"security_id": security.security_id, "ticker": security.ticker, "price": price}
    assert got["matches"][1] == {"asked": "no such"}
    names = [clean_siblings.portfolios.name(0)]
    also = references.ResolvePortfoliosRequest(portfolios=names)
    got = answered(front.ask("POST", "/api/v2/portfolios:resolve", {"portfolios": names}))
    assert got == told(rest_api.references.ResolvePortfolios(also, timeout=PATIENCE))
    refused = front.ask("POST", "/api/v2/securities:resolve", {})
    assert (refused.status, refused.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_rule_that_is_broken_is_told_with_its_path(front: Front) -> None:
    refused = front.ask("POST", "/api/v2/models", {"model": {"positions": [{"security_id": "short"}]}})
    assert refused.status == 400
    fields = [one["field"] for one in refused.json["error"]["details"][1]["field_violations"]]
    assert "model.name" in fields
    assert "model.positions[0].security_id" in fields


def test_a_stream_that_breaks_off_goes_on_where_it_was(
    front: Front, rest_api: Api, run: rebalance_pb2.Rebalance
) -> None:
    path = f"/api/v2/rebalance/{run.rebalance_id}:watch"
    request = rebalances.WatchRebalanceRequest(rebalance_id=run.rebalance_id)
    whole = [told(one) for one in rest_api.rebalances.WatchRebalance(request, timeout=PATIENCE)]
    assert len(whole) == 5
    got: list[Any] = []
    for _ in whole:  # a reader that leaves after every event
        last = {"Last-Event-ID": got[-1]["sequence"]} if got else {}
        with events(front, path, last) as stream:
            got.append(next(iter(stream)).data)
    assert got == whole
    assert front.ask("GET", path, headers={"Last-Event-ID": "5"}).status == 204
    refused = front.ask("GET", path, headers={"Last-Event-ID": "6"})
    assert (refused.status, refused.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_run_may_be_streamed_without_being_stored(front: Front, model: model_pb2.Model) -> None:
    body = json.dumps({"validate_only": True, "view": "PORTFOLIO_REBALANCE_VIEW_BASIC"}).encode()
    with events(front, f"/api/v2/model/{model.model_id}:rebalance", method="POST", body=body) as stream:
        got = list(stream)
    assert [one.kind for one in got] == ["started", *["portfolio"] * 3, "finished"]
    assert got[-1].data["finished"]["state"] == "REBALANCE_STATE_COMPLETED"
    assert "rebalance_id" not in got[-1].data["finished"]


def test_who_leaves_the_stream_that_watches_ends_no_run(
    front: Front, rest_api: Api, clean_siblings: SimulatedSiblings
) -> None:
    message = message_of(clean_siblings.model)
    message.name = "left alone"
    message.portfolio_ids[:] = message.portfolio_ids[13:]
    model = rest_api.create(message)
    begun = answered(front.ask("POST", f"/api/v2/model/{model.model_id}/rebalance"))["rebalance_id"]
    with events(front, f"/api/v2/rebalance/{begun}:watch") as stream:
        assert next(iter(stream)).kind == "started"
    watch = rebalances.WatchRebalanceRequest(rebalance_id=begun)
    *_, last = rest_api.rebalances.WatchRebalance(watch, timeout=PATIENCE)
    assert last.finished.state == rebalance_pb2.REBALANCE_STATE_COMPLETED


@pytest.fixture
def failing(mongodb_uri: str, siblings: SimulatedSiblings) -> Iterator[tuple[Api, Front]]:
    """A service whose prices cannot be had."""
    siblings.set_faults("pricing", [Fault(kind="status", status=503)])
    with (
        temporary_database(mongodb_uri) as name,
        served(mongodb_uri, name, siblings) as api,
        front_process(f"127.0.0.1:{api.port}") as front,
    ):
        yield api, front


def test_a_run_that_fails_ends_with_its_error(
    failing: tuple[Api, Front], siblings: SimulatedSiblings
) -> None:
    api, front = failing
    model = api.create(message_of(siblings.model, portfolios=2))
    begun = answered(front.ask("POST", f"/api/v2/model/{model.model_id}/rebalance"))
    with events(front, f"/api/v2/rebalance/{begun['rebalance_id']}:watch") as stream:
        *_, finished, last = (one for one in stream if one.kind)
    assert (finished.kind, finished.data["finished"]["state"]) == ("finished", "REBALANCE_STATE_FAILED")
    assert (last.kind, last.last_id, last.data["error"]["status"]) == ("error", "", "UNAVAILABLE")
    with events(front, f"/api/v2/model/{model.model_id}:rebalance", method="POST", body=b"{}") as stream:
        *_, finished, last = (one for one in stream if one.kind)
    assert (finished.kind, last.kind, last.data["error"]["code"]) == ("finished", "error", 503)


def test_the_server_says_how_it_does(front: Front) -> None:
    def are_well() -> Any:  # noqa: ANN401 - anything of JSON
        found = answered(front.ask("GET", "/api/v2/diagnostics"))
        states = {one["state"] for one in found["dependencies"]}
        return found if states == {"DEPENDENCY_STATE_AVAILABLE"} else None

    found = eventually(are_well)
    names = ["database", "portfolio-accounting", "pricing", "security", "portfolio"]
    assert [one["name"] for one in found["dependencies"]] == names
    assert (found["server_version"], found["caller"]) == (__version__, {"credential": "CREDENTIAL_TYPE_NONE"})
    refused = front.ask("GET", "/api/v2/diagnostics?name=database")
    assert (refused.status, refused.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
