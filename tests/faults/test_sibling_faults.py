"""Each sibling failing in each way: the contract's outcome, in time, and never a zero or a guess."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from grpc import StatusCode

from ordergen_server.sandbox.services.faults import Fault, ServiceName
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, failure, message_of, served, stored_failure
from tests.e2e.outcomes import as_streamed
from tests.e2e.runs import check_answers, check_told, counts

pb = rebalance_pb2
PORTFOLIOS = 6
#: An attempt takes a second and there are two of each call; anything beyond this hangs.
BOUND_SECONDS = 60.0
NUMBERS = {"market_value", "cash_before", "cash_after", "drift_before", "drift_after", "solution"}
Told = list[rebalance_service_pb2.RebalanceModelResponse]
NEEDED: tuple[ServiceName, ...] = ("accounting", "pricing", "security")
NAMES = {"accounting": "portfolio-accounting", "pricing": "pricing", "security": "security"}
DOWN = {
    "hanging": Fault(kind="hang"),
    "too slow": Fault(kind="delay", delay_seconds=5),
    "resetting": Fault(kind="reset"),
    "stalling": Fault(kind="stall"),
    "cut off": Fault(kind="truncate"),
    "failing": Fault(kind="status", status=500),
}


@pytest.fixture(scope="module")
def playing() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=5, securities=30) as running:
        yield running


@dataclass(frozen=True)
class World:
    """A server with a model over siblings that can be told to fail."""

    api: Api
    siblings: SimulatedSiblings
    model: model_pb2.Model

    @property
    def ids(self) -> list[str]:
        return list(self.model.portfolio_ids)

    def run(self) -> Told:
        """A run that ends of itself."""
        told = list(self.api.rebalance_all(self.model.model_id))
        check_told(told, self.ids)
        return told

    def stopped(self) -> tuple[Told, str]:
        """A run that a sibling stops, and the service that is named."""
        told: Told = []

        def call() -> None:
            for one in self.api.rebalance_all(self.model.model_id):
                told.append(one)

        found = failure(call)
        assert (found.code, found.info.reason) == (StatusCode.UNAVAILABLE, "SIBLING_UNAVAILABLE")
        ended = check_told(told, self.ids)
        assert ended.state == pb.REBALANCE_STATE_FAILED
        assert stored_failure(ended.error).info.reason == "SIBLING_UNAVAILABLE"
        return told, found.info.metadata["service"]

    def check_nothing_guessed(self, told: Told) -> None:
        """What has no answer has no numbers, in the stream and in the store; the rest is right."""
        portfolios = [one.portfolio for one in told[1:-1]]
        failed = [one for one in portfolios if one.state in UNDONE]
        for one in failed:
            stored = self.api.portfolio(told[0].started.rebalance_id, one.portfolio_id)
            assert as_streamed(stored) == one
            assert one.error.message
            assert (len(one.transactions), len(one.positions)) == (0, 0)
            told_numbers = {field.name for field, _ in one.ListFields()} & NUMBERS
            assert told_numbers == set()
        check_answers(self.siblings, [one for one in portfolios if one not in failed])


UNDONE = (pb.PORTFOLIO_REBALANCE_STATE_FAILED, pb.PORTFOLIO_REBALANCE_STATE_SKIPPED)


@pytest.fixture
def world(mongodb_uri: str, database_name: str, playing: SimulatedSiblings) -> Iterator[World]:
    with served(mongodb_uri, database_name, playing, sibling_timeout_seconds=1, portfolio_workers=2) as api:
        yield World(api, playing, api.create(message_of(playing.model)))
    playing.clear()


@pytest.mark.parametrize("how", DOWN)
@pytest.mark.parametrize("service", NEEDED)
def test_a_sibling_that_is_down_stops_the_run_in_time(world: World, service: ServiceName, how: str) -> None:
    world.siblings.set_faults(service, [DOWN[how]])
    started = time.monotonic()
    told, named = world.stopped()
    assert time.monotonic() - started < BOUND_SECONDS
    assert named == NAMES[service]
    world.check_nothing_guessed(told)
    assert not world.api.get(world.model.model_id).HasField("last_rebalance_time")


@pytest.mark.parametrize("service", NEEDED)
def test_a_sibling_that_fails_once_is_asked_again(world: World, service: ServiceName) -> None:
    world.siblings.set_faults(service, [Fault(kind="status", status=500, times=1)])
    told = world.run()
    assert "FAILED" not in counts(told[-1].finished)
    world.check_nothing_guessed(told)


@pytest.mark.parametrize("service", NEEDED)
def test_a_sibling_that_is_slow_is_waited_for(world: World, service: ServiceName) -> None:
    world.siblings.set_faults(service, [Fault(kind="delay", delay_seconds=0.1)])
    told = world.run()
    assert "FAILED" not in counts(told[-1].finished)
    world.check_nothing_guessed(told)


@pytest.mark.parametrize("how", [*DOWN, "garbage", "not found"])
def test_names_are_not_worth_a_failure(world: World, how: str) -> None:
    others = {"garbage": Fault(kind="garbage"), "not found": Fault(kind="status", status=404)}
    world.siblings.set_faults("portfolio", [{**DOWN, **others}[how]])
    started = time.monotonic()
    told = world.run()
    assert time.monotonic() - started < BOUND_SECONDS
    assert {one.portfolio.portfolio_name for one in told[1:-1]} == {""}
    world.check_nothing_guessed(told)


@pytest.mark.parametrize("service", ["pricing", "security"])
@pytest.mark.parametrize("kind", ["garbage", "not found"])
def test_a_market_that_cannot_be_read_has_no_price_for_anyone(
    world: World, service: ServiceName, kind: str
) -> None:
    fault = Fault(kind="garbage") if kind == "garbage" else Fault(kind="status", status=404)
    world.siblings.set_faults(service, [fault])
    found = failure(lambda: list(world.api.rebalance_all(world.model.model_id)))
    assert found.info.metadata["service"] == NAMES[service]
    run = world.api.run(found.info.metadata["rebalance_id"])
    assert (run.state, run.rebalanced_count) == (pb.REBALANCE_STATE_FAILED, 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="garbage"),
        Fault(kind="body", body="[]"),
        Fault(kind="body", body="null"),
        Fault(kind="body", body='{"portfolioId": "x"}'),
        Fault(kind="status", status=400),
    ],
    ids=["garbage", "list", "null", "another's", "refused"],
)
def test_a_summary_that_cannot_be_fails_its_portfolio_and_no_other(world: World, fault: Fault) -> None:
    poor = world.ids[1]
    world.siblings.set_faults(
        "accounting",
        [Fault(**{**_fields(fault), "match": poor})],  # type: ignore[arg-type]
    )
    told = world.run()
    failed = {one.portfolio.portfolio_id for one in told[1:-1] if one.portfolio.state in UNDONE}
    assert failed == {poor}
    world.check_nothing_guessed(told)


def _fields(fault: Fault) -> dict[str, object]:
    return {name: getattr(fault, name) for name in fault.__struct_fields__}


def test_a_portfolio_without_a_balance_record_needs_nothing(world: World) -> None:
    """404 says that it is new: a market value of 0, and no trades."""
    new = world.ids[0]
    world.siblings.override_summary(new, None)
    told = {one.portfolio.portfolio_id: one.portfolio for one in world.run()[1:-1]}
    assert told[new].state == pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION
    assert (float(told[new].market_value.value), len(told[new].transactions)) == (0, 0)


def summary(portfolio_id: str, securities: str, cash: str = "1000") -> str:
    return (
        f'{{"portfolioId": "{portfolio_id}", "cashBalance": {cash}, "securityCount": 1, '
        f'"lastUpdated": "2025-06-06T12:17:03Z", "securities": [{securities}]}}'
    )


def line(security_id: str, long: str) -> str:
    return (
        f'{{"securityId": "{security_id}", "netQuantity": {long}, "longQuantity": {long}, '
        '"shortQuantity": 0, "lastUpdated": "2025-06-06T12:17:03Z"}'
    )


@pytest.mark.parametrize("cash", ["NaN", "Infinity", '"much"', "null", "true"])
def test_cash_that_is_no_number_is_no_cash(world: World, cash: str) -> None:
    """It was once taken for zero, and positions were sold for it."""
    poor = world.ids[0]
    world.siblings.override_summary(poor, summary(poor, "", cash))
    told = world.run()
    failed = [one.portfolio for one in told[1:-1] if one.portfolio.state in UNDONE]
    assert [one.portfolio_id for one in failed] == [poor]
    assert stored_failure(failed[0].error).info.reason == "BAD_DATA"
    world.check_nothing_guessed(told)


@pytest.mark.parametrize("quantity", ["NaN", "null", '"some"'])
def test_a_quantity_that_is_no_number_is_no_quantity(world: World, quantity: str) -> None:
    poor = world.ids[0]
    held = line(world.model.positions[0].security_id, quantity)
    world.siblings.override_summary(poor, summary(poor, held))
    told = world.run()
    failed = [one.portfolio for one in told[1:-1] if one.portfolio.state in UNDONE]
    assert [one.portfolio_id for one in failed] == [poor]
    world.check_nothing_guessed(told)


def test_an_empty_summary_is_cash_alone(world: World) -> None:
    rich = world.ids[0]
    world.siblings.override_summary(rich, summary(rich, "", "1000000"))
    told = {one.portfolio.portfolio_id: one.portfolio for one in world.run()[1:-1]}
    assert float(told[rich].market_value.value) == 1_000_000
    assert {float(one.original_quantity.value) for one in told[rich].positions} == {0.0}


def test_a_huge_summary_is_that_portfolios_problem_alone(world: World) -> None:
    """Of 9 MB; what is needed to refuse it is bounded."""
    poor = world.ids[0]
    world.siblings.override_summary(poor, summary(poor, "", "1000" + " " * 9_000_000))
    started = time.monotonic()
    told = world.run()
    assert time.monotonic() - started < BOUND_SECONDS
    failed = [one.portfolio.portfolio_id for one in told[1:-1] if one.portfolio.state in UNDONE]
    assert failed == [poor]
    world.check_nothing_guessed(told)


@pytest.mark.parametrize("price", ["NaN", "-1", "0", '"12"x', "null", None])
def test_a_price_that_is_none_fails_who_needs_it(world: World, price: str | None) -> None:
    """Every portfolio of the model needs it: none has an answer, and the run is not stopped."""
    security = world.model.positions[0].security_id
    world.siblings.override_price(security, price)
    told: Told = []
    try_it = world.api.rebalance_all(world.model.model_id)
    if price == '"12"x':  # no JSON: then nothing of the list can be read
        found = failure(lambda: told.extend(try_it))
        assert found.info.metadata["service"] == "pricing"
        return
    told.extend(try_it)
    ended = check_told(told, world.ids)
    assert (ended.state, ended.rebalanced_count) == (pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS, 0)
    world.check_nothing_guessed(
        [one for one in told if one.portfolio.state != pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION]
    )
    reasons = {
        stored_failure(one.portfolio.error).info.reason for one in told[1:-1] if one.portfolio.error.code
    }
    assert reasons == {"MISSING_DATA" if price is None else "BAD_DATA"}


def test_a_caller_with_little_time_has_an_answer_in_time(world: World) -> None:
    world.siblings.set_faults("accounting", [Fault(kind="hang")])
    request = rebalance_service_pb2.RebalanceModelRequest(model_id=world.model.model_id)
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as raised:
        list(world.api.rebalances.RebalanceModel(request, timeout=0.2))
    assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < BOUND_SECONDS
