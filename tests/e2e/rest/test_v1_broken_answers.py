"""Answers that do not come to their end, over an API that a test lets break: nobody takes them for whole."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc
import pytest
import urllib3
from globeco.ordergen.v1 import (
    model_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
)
from globeco.ordergen.v1.model_service_pb2_grpc import (
    ModelServiceServicer,
    add_ModelServiceServicer_to_server,
)
from globeco.ordergen.v1.rebalance_service_pb2_grpc import (
    RebalanceServiceServicer,
    add_RebalanceServiceServicer_to_server,
)

from ordergen_server.rest.answering.statuses import OF_THE_WAY
from tests.builders import MODEL_ID, RUN_ID, portfolio_id, security_id
from tests.fronts import Front, front_process

pb, calls = rebalance_pb2, rebalance_service_pb2
Context = grpc.ServicerContext
#: So many portfolios of a hundred lines are more than is read before the answer begins.
MANY, FEW = 60, 3
PATHS = [
    f"/api/v1/rebalance/{RUN_ID}",
    f"/api/v1/rebalance/{RUN_ID}/portfolios",
    "/api/v1/rebalances",
]


class BreakingApi(RebalanceServiceServicer, ModelServiceServicer):
    """One run of which it tells so many portfolios before it breaks, and whatever else a test sets."""

    def __init__(self) -> None:
        self.told = 0
        self.listed = [_run()]
        self.model = model_pb2.Model(model_id=MODEL_ID)
        self.fails: Callable[[Context], object] = _unavailable

    def GetRebalance(self, request: object, context: Context) -> pb.Rebalance:  # noqa: N802 - the contract's name
        del request, context
        return _run()

    def StartRebalance(self, request: object, context: Context) -> pb.Rebalance:  # noqa: N802 - the contract's name
        del request, context
        return _run()

    def ListRebalances(self, request: object, context: Context) -> calls.ListRebalancesResponse:  # noqa: N802 - the contract's name
        del request, context
        return calls.ListRebalancesResponse(rebalances=self.listed)

    def WatchRebalance(  # noqa: N802 - the contract's name
        self,
        request: calls.WatchRebalanceRequest,
        context: Context,
    ) -> Iterator[calls.RebalanceModelResponse]:
        if request.rebalance_id != RUN_ID:
            context.abort(grpc.StatusCode.NOT_FOUND, "it was deleted")
        for number in range(self.told):
            yield calls.RebalanceModelResponse(sequence=number + 2, portfolio=_portfolio(number))
        self.fails(context)

    def GetModel(self, request: object, context: Context) -> model_pb2.Model:  # noqa: N802 - the contract's name
        del request, context
        return self.model

    def ListModels(self, request: object, context: Context) -> NoReturn:  # noqa: N802 - the contract's name
        del request
        self.fails(context)
        raise AssertionError


def _run() -> pb.Rebalance:
    return pb.Rebalance(
        rebalance_id=RUN_ID,
        state=pb.REBALANCE_STATE_COMPLETED,
        portfolio_count=2 * MANY,
        rebalanced_count=2 * MANY,
    )


def _portfolio(number: int) -> pb.PortfolioRebalance:
    one = pb.PortfolioRebalance(
        portfolio_id=portfolio_id(number), state=pb.PORTFOLIO_REBALANCE_STATE_REBALANCED
    )
    for line in range(100):
        one.positions.add(security_id=security_id(line)).price.value = "1.5"
    return one


def _unavailable(context: Context) -> NoReturn:
    context.abort(grpc.StatusCode.UNAVAILABLE, "the server goes away")
    raise AssertionError


@pytest.fixture(scope="module")
def breaking() -> Iterator[tuple[Front, BreakingApi]]:
    api = BreakingApi()
    server = grpc.server(ThreadPoolExecutor(4))
    add_RebalanceServiceServicer_to_server(api, server)
    add_ModelServiceServicer_to_server(api, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with front_process(f"127.0.0.1:{port}") as front:
        yield front, api
    server.stop(None).wait()


ENDS = pytest.mark.parametrize("ends", [_unavailable, id], ids=["with an error", "as if it were whole"])


@ENDS
@pytest.mark.parametrize("path", PATHS)
def test_what_breaks_off_early_is_an_error_with_its_status(
    breaking: tuple[Front, BreakingApi], path: str, ends: Callable[[object], object]
) -> None:
    front, api = breaking
    api.told, api.fails = FEW, ends
    answer = front.ask("GET", path)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


@ENDS
def test_a_report_that_breaks_off_is_an_error_however_late(
    breaking: tuple[Front, BreakingApi], ends: Callable[[object], object]
) -> None:
    """It is in a file by then, and nothing of it was sent."""
    front, api = breaking
    api.told, api.fails = MANY, ends
    answer = front.ask("GET", f"/api/v1/rebalance/{RUN_ID}/report")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/json"


@ENDS
@pytest.mark.parametrize("path", PATHS)
def test_what_breaks_off_late_ends_the_connection(
    breaking: tuple[Front, BreakingApi], path: str, ends: Callable[[object], object]
) -> None:
    """What came is no JSON, and its client says that it is not whole."""
    front, api = breaking
    api.told, api.fails = MANY, ends
    with pytest.raises(urllib3.exceptions.ProtocolError):
        front.ask("GET", path)
    assert front.ask("GET", "/health/live").status == 200


def test_what_comes_whole_is_told_whole(breaking: tuple[Front, BreakingApi]) -> None:
    front, api = breaking
    api.told = 2 * MANY
    given = front.ask("GET", PATHS[0])
    assert given.headers["transfer-encoding"] == "chunked"
    assert [one["portfolio_id"] for one in given.json["portfolios"]] == [
        portfolio_id(number) for number in range(2 * MANY)
    ]


@pytest.mark.parametrize(("limit", "shown"), [(1, 1), (2, 2), (10, 2)])
def test_a_run_that_is_deleted_while_runs_are_listed_is_passed_over(
    breaking: tuple[Front, BreakingApi], monkeypatch: pytest.MonkeyPatch, limit: int, shown: int
) -> None:
    """The list is no shorter for it where there are more, for callers take a short one for the last."""
    front, api = breaking
    gone = _run()
    gone.rebalance_id = "f" * 24
    monkeypatch.setattr(api, "listed", [gone, _run(), gone, _run()])
    api.told, api.fails = 2 * MANY, id
    answer = front.ask("GET", f"/api/v1/rebalances?limit={limit}")
    assert (answer.status, [one["rebalance_id"] for one in answer.json]) == (200, [RUN_ID] * shown)


def test_many_orders_are_sent_as_they_are_written(breaking: tuple[Front, BreakingApi]) -> None:
    """All of them at once, and copied, would be more memory than a front has."""
    front, api = breaking
    api.told, api.fails = 2 * MANY, id
    given = front.ask("POST", f"/api/v1/model/{MODEL_ID}/rebalance")
    assert given.headers["transfer-encoding"] == "chunked"
    (orders,) = given.json
    assert (orders["portfolios_done"], orders["transactions"]) == (2 * MANY, [])
    assert [(one["portfolio_id"], one["security_id"]) for one in orders["drifts"]] == [
        (portfolio_id(number), security_id(line)) for number in range(2 * MANY) for line in range(100)
    ]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("CANCELLED", 504), ("UNKNOWN", 500), ("INVALID_ARGUMENT", 422), ("DEADLINE_EXCEEDED", 504),
        ("NOT_FOUND", 404), ("ALREADY_EXISTS", 409), ("PERMISSION_DENIED", 403), ("RESOURCE_EXHAUSTED", 429),
        ("FAILED_PRECONDITION", 422), ("ABORTED", 409), ("OUT_OF_RANGE", 422), ("UNIMPLEMENTED", 501),
        ("INTERNAL", 500), ("UNAVAILABLE", 503), ("DATA_LOSS", 500), ("UNAUTHENTICATED", 401),
    ],
)  # fmt: skip
def test_every_status_has_one_of_http(breaking: tuple[Front, BreakingApi], code: str, status: int) -> None:
    front, api = breaking

    def fails(context: Context) -> NoReturn:
        context.abort(grpc.StatusCode[code], "for a reason")
        raise AssertionError

    api.fails = fails
    answer = front.ask("GET", "/api/v1/models")
    assert (answer.status, answer.json) == (status, {"detail": OF_THE_WAY.get(code, "for a reason")})
    assert ("retry-after" in answer.headers) is (status in (429, 503))
    assert ("www-authenticate" in answer.headers) is (status == 401)


def test_an_answer_of_the_api_that_is_no_number_is_not_passed_on(
    breaking: tuple[Front, BreakingApi],
) -> None:
    """What we cannot write down is our fault: 500, with an id to look it up by, and the front goes on."""
    front, api = breaking
    api.model = model_pb2.Model(model_id=MODEL_ID)
    api.model.last_rebalance_time.seconds = 2**60  # no time that there is
    answer = front.ask("GET", f"/api/v1/model/{MODEL_ID}", headers={"X-Correlation-ID": "desk-8"})
    assert (answer.status, answer.json) == (500, {"detail": "internal error; its correlation id is desk-8"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert front.ask("GET", "/health/live").status == 200
