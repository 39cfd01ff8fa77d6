"""Runs that take longer than their callers wait, that fail, or are too many: siblings are slow or down."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import pytest
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.e2e.rest.forms import check_portfolio, created, position
from tests.e2e.runs import start, watched
from tests.fronts import Answer, Front, front_process
from tests.limits import PATIENCE
from tests.waiting import eventually

pb = rebalance_pb2
#: A run of so many portfolios is over soon but for those that are held back.
PORTFOLIOS, DONE = 16, 3
#: The answer comes two seconds before.
WAITS = {"X-Envoy-Expected-Rq-Timeout-Ms": "8000"}


@dataclass(frozen=True)
class Stack:
    """A server that works on two runs, and reads one portfolio, at a time."""

    front: Front
    api: Api
    siblings: SimulatedSiblings

    def hold_back(self, portfolio_ids: list[str]) -> None:
        slow = [Fault(kind="delay", delay_seconds=3, match=one) for one in portfolio_ids]
        self.siblings.set_faults("accounting", slow)

    def rebalance(self, model: Any) -> Answer:  # noqa: ANN401 - JSON
        return self.front.ask("POST", f"/api/v1/model/{model['model_id']}/rebalance", headers=WAITS)

    def runs(self, model: Any) -> list[pb.Rebalance]:  # noqa: ANN401 - JSON
        request = rebalance_service_pb2.ListRebalancesRequest(model_id=model["model_id"])
        return list(self.api.rebalances.ListRebalances(request, timeout=PATIENCE).rebalances)

    def ended(self, rebalance_id: str) -> pb.Rebalance:
        """A run that no sibling hinders any more, once it is over."""
        self.siblings.clear()
        return watched(self.api, rebalance_id)[-1].finished


@pytest.fixture(scope="module")
def behind(mongodb_uri: str, faulty_siblings: SimulatedSiblings) -> Iterator[Stack]:
    with (
        temporary_database(mongodb_uri) as name,
        served(mongodb_uri, name, faulty_siblings, portfolio_workers=1, maximum_runs=2) as api,
        front_process(f"127.0.0.1:{api.port}") as front,
    ):
        yield Stack(front, api, faulty_siblings)


Make = Callable[[int, int], Any]


@pytest.fixture
def make(behind: Stack) -> Iterator[Make]:
    """Makes a model that some portfolios follow; it is gone after the test, its runs over."""
    models: list[Any] = []

    def one(first: int, count: int) -> Any:  # noqa: ANN401 - JSON
        suggested = behind.siblings.model
        lines = [
            position(line.security_id, str(line.target), str(line.high_drift), str(line.low_drift))
            for line in suggested.positions
        ]
        models.append(created(behind.front, lines, suggested.portfolio_ids[first : first + count]))
        return models[-1]

    yield one
    behind.siblings.clear()
    for model in models:
        for run in behind.runs(model):
            behind.ended(run.rebalance_id)
        assert behind.front.ask("DELETE", f"/api/v1/model/{model['model_id']}?version=1").status == 204


def test_a_run_that_takes_longer_is_answered_as_far_as_it_is(behind: Stack, make: Make) -> None:
    """In time, with the same object; the run goes on, is read so far, not begun twice and not deleted."""
    model = make(0, PORTFOLIOS)
    behind.hold_back(model["portfolios"][DONE:])
    answer = behind.rebalance(model)
    assert answer.status == 200, answer.body
    (orders,) = answer.json
    assert (orders["portfolio_id"], orders["state"]) == (model["model_id"], "RUNNING")
    assert orders["number_of_portfolios"] == PORTFOLIOS
    assert orders["portfolios_done"] < PORTFOLIOS
    path = f"/api/v1/rebalance/{orders['rebalance_id']}"
    eventually(lambda: len(behind.front.ask("GET", path).json["portfolios"]) >= DONE)
    given = behind.front.ask("GET", path).json
    assert (given["state"], given["number_of_portfolios"]) == ("RUNNING", PORTFOLIOS)
    assert orders["portfolios_done"] <= len(given["portfolios"]) < PORTFOLIOS
    for one in given["portfolios"]:
        check_portfolio(behind.api.portfolio(orders["rebalance_id"], one["portfolio_id"]), one)
    assert len(behind.front.ask("GET", f"{path}/portfolios").json) < PORTFOLIOS
    (listed,) = behind.front.ask("GET", "/api/v1/rebalances?limit=1").json
    assert (listed["rebalance_id"], listed["state"]) == (orders["rebalance_id"], "RUNNING")
    again = behind.rebalance(model)
    assert (again.status, again.json["rebalance_id"]) == (409, orders["rebalance_id"])
    assert behind.front.ask("DELETE", f"{path}?version={given['version']}").status == 409
    ended = behind.ended(orders["rebalance_id"])
    assert ended.rebalanced_count + ended.no_action_count + ended.infeasible_count == PORTFOLIOS
    assert len(behind.front.ask("GET", path).json["portfolios"]) == PORTFOLIOS


def started(api: Api, model_id: str) -> rebalance_pb2.Rebalance | None:
    """A run, once those that have just ended have given their places back."""
    try:
        return start(api, model_id)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return None


def test_more_runs_than_there_is_room_for_come_back_later(behind: Stack, make: Make) -> None:
    first, second, third = make(0, 1), make(1, 1), make(2, 1)
    behind.hold_back([*first["portfolios"], *second["portfolios"]])
    runs = [eventually(partial(started, behind.api, one["model_id"])) for one in (first, second)]
    refused = behind.rebalance(third)
    assert (refused.status, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert isinstance(refused.json["detail"], str)
    for run in runs:
        behind.ended(run.rebalance_id)
    assert behind.rebalance(third).status == 200


@pytest.mark.parametrize("kind", ["status", "reset"])
def test_a_sibling_that_is_down_is_told_with_a_time_to_come_back(
    behind: Stack,
    make: Make,
    kind: Any,  # noqa: ANN401 - a literal
) -> None:
    model = make(0, 1)
    behind.siblings.set_faults("accounting", [Fault(kind=kind)])
    portfolio = behind.front.ask("POST", f"/api/v1/portfolio/{model['portfolios'][0]}/rebalance")
    whole = behind.rebalance(model)
    for answer in (portfolio, whole):
        assert (answer.status, int(answer.headers["retry-after"]) >= 1) == (503, True)
        assert isinstance(answer.json["detail"], str)


def test_a_time_that_ends_is_told_as_such(behind: Stack, make: Make) -> None:
    model = make(0, 1)
    behind.hold_back(model["portfolios"])
    path = f"/api/v1/portfolio/{model['portfolios'][0]}/rebalance"
    answer = behind.front.ask("POST", path, headers={"Grpc-Timeout": "1S"})
    assert (answer.status, type(answer.json["detail"])) == (504, str)


@contextmanager
def asked(front: Front, model: Any) -> Iterator[socket.socket]:  # noqa: ANN401 - JSON
    """A connection on which a rebalance was asked for, whose answer nobody has read yet."""
    with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as one:
        path = f"/api/v1/model/{model['model_id']}/rebalance"
        one.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        yield one


def test_a_run_goes_on_without_the_one_who_asked_for_it(behind: Stack, make: Make) -> None:
    model = make(0, PORTFOLIOS)
    behind.hold_back(model["portfolios"][DONE:])
    with asked(behind.front, model):
        (run,) = eventually(lambda: behind.runs(model))
    check_whole(behind.ended(run.rebalance_id))


def test_a_run_goes_on_without_the_front(behind: Stack, make: Make) -> None:
    """Killed while its caller waits."""
    model = make(0, PORTFOLIOS)
    behind.hold_back(model["portfolios"][DONE:])
    with front_process(f"127.0.0.1:{behind.api.port}") as front, asked(front, model) as one:
        (run,) = eventually(lambda: behind.runs(model))
        front.process.kill()
        front.process.wait(PATIENCE)
        with suppress(ConnectionResetError):
            assert one.recv(65536) == b""
    check_whole(behind.ended(run.rebalance_id))


def test_a_front_that_is_told_to_end_answers_first(behind: Stack, make: Make) -> None:
    model = make(0, PORTFOLIOS)
    behind.hold_back(model["portfolios"][DONE:])
    with (
        front_process(f"127.0.0.1:{behind.api.port}", ORDERGEN_REST_DRAIN_SECONDS=str(PATIENCE)) as front,
        asked(front, model) as one,
    ):
        (run,) = eventually(lambda: behind.runs(model))
        front.process.terminate()
        behind.siblings.clear()
        head, _, body = b"".join(iter(lambda: one.recv(65536), b"")).partition(b"\r\n\r\n")
        assert front.process.wait(PATIENCE) == 0
    assert head.startswith(b"HTTP/1.1 200 ")
    (orders,) = json.loads(body)
    assert (orders["rebalance_id"], orders["portfolios_done"]) == (run.rebalance_id, PORTFOLIOS)


def check_whole(run: pb.Rebalance) -> None:
    """Fail unless every portfolio was worked on."""
    assert (run.portfolio_count, run.skipped_count, run.failed_count) == (PORTFOLIOS, 0, 0)


def test_what_is_answered_is_json_even_where_nothing_is_done_yet(behind: Stack, make: Make) -> None:
    model = make(0, 2)
    behind.hold_back(model["portfolios"])
    path = f"/api/v1/model/{model['model_id']}/rebalance"
    answer = behind.front.ask("POST", path, headers={"Grpc-Timeout": "4S"})
    assert answer.status == 200, answer.body
    (orders,) = json.loads(answer.body)
    assert (orders["transactions"], orders["drifts"]) == ([], [])
