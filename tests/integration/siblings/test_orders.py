"""The client of the order service against the simulated one, over HTTP and gRPC, with each of its faults."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.open_orders import OpenOrder
from ordergen_server.domain.orders.order_service import (
    FoundOrder,
    InDoubt,
    OrderService,
    OutgoingOrder,
    Refused,
    Taken,
)
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingConfig, SiblingsConfig, open_sources
from ordergen_server.siblings.calling.observer import CallOutcome
from ordergen_server.siblings.ordering.outcomes import Outcome
from ordergen_server.siblings.orders import SiblingOrderService
from tests.limits import PATIENCE
from tests.ports import free_port
from tests.waiting import eventually

MARK = datetime(2026, 3, 2, 9, 30, 0, 120, UTC)
TRANSPORTS = ("http", "grpc")


def at(url: str) -> SiblingConfig:
    """Impatient in reading: an attempt takes a second at most, and pauses are short."""
    return SiblingConfig(
        url, timeout_seconds=1.0, backoff_seconds=0.02, pool_size=4, breaker_failing_seconds=PATIENCE
    )


def opened(config: SiblingsConfig) -> Iterator[SiblingOrderService]:
    with open_sources(config) as sources:
        assert sources.orders is not None
        yield sources.orders


@pytest.fixture(params=TRANSPORTS)
def orders(request: pytest.FixtureRequest, siblings: SimulatedSiblings) -> Iterator[SiblingOrderService]:
    url = siblings.order_url if request.param == "http" else siblings.grpc_url
    yield from opened(SiblingsConfig(order=at(url), order_send_seconds=2.0))


@pytest.fixture
def over_http(siblings: SimulatedSiblings) -> Iterator[SiblingOrderService]:
    yield from opened(SiblingsConfig(order=at(siblings.order_url), order_send_seconds=2.0))


def outgoing(siblings: SimulatedSiblings, count: int) -> list[OutgoingOrder]:
    securities = siblings.portfolios.market.securities
    return [
        OutgoingOrder(
            portfolio_id=siblings.model.portfolio_ids[number // len(securities)],
            security_id=securities[number % len(securities)].security_id,
            side=Side.SELL if number % 3 else Side.BUY,
            quantity=number + 1,
        )
        for number in range(count)
    ]


def kinds(outcomes: tuple[Outcome, ...]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def found_as(order: OutgoingOrder, found: FoundOrder) -> bool:
    sent = (order.portfolio_id, order.security_id, order.side, Decimal(order.quantity))
    return sent == (found.portfolio_id, found.security_id, found.side, found.quantity)


def opened_by(orders: SiblingOrderService) -> list[OpenOrder]:
    """All open orders, by their ids."""
    found = orders.recent_open_orders(PATIENCE).values()
    return sorted((one for some in found for one in some), key=lambda one: one.external_order_id)


def test_orders_are_taken_and_found(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    service: OrderService = orders
    sent = outgoing(siblings, 50)
    outcomes = service.send(sent, MARK)
    assert kinds(outcomes) == [Taken] * 50
    found = {each.external_order_id: each for each in service.with_timestamp(MARK)}
    assert len(found) == 50
    for order, outcome in zip(sent, outcomes, strict=True):
        assert isinstance(outcome, Taken)
        here = found[outcome.external_order_id]
        assert found_as(order, here)
        assert here.order_timestamp == MARK
        assert here.ticker == siblings.portfolios.market.by_id[order.security_id].ticker
    assert siblings.calls("order") == {"orders": 1, "order_list": 1}


def test_what_is_sent_over_http(siblings: SimulatedSiblings, over_http: SiblingOrderService) -> None:
    """An order that has a trade order could not be submitted any more; one with a limit was not proposed."""
    over_http.send(outgoing(siblings, 1), MARK)
    (order,) = siblings.orders
    assert {key: order[key] for key in ("limitPrice", "tradeOrderId", "version", "orderTimestamp")} == {
        "limitPrice": None,
        "tradeOrderId": None,
        "version": 1,
        "orderTimestamp": "2026-03-02T09:30:00.00012Z",
    }
    assert [order[key]["id"] for key in ("blotter", "status", "orderType")] == [1, 1, 1]


def test_marks_a_microsecond_apart_are_two(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    first, second = outgoing(siblings, 2)
    (taken,) = orders.send([first], MARK)
    orders.send([second], MARK + timedelta(microseconds=1))
    assert [Taken(each.external_order_id) for each in orders.with_timestamp(MARK)] == [taken]
    assert orders.with_timestamp(MARK - timedelta(microseconds=1)) == ()


def test_chosen_orders_are_refused(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    siblings.set_faults("order", [Fault(kind="refuse", positions=(1,), body="Not this one")])
    outcomes = orders.send(outgoing(siblings, 3), MARK)
    assert kinds(outcomes) == [Taken, Refused, Taken]
    assert outcomes[1] == Refused("Not this one")
    siblings.set_faults("order", [Fault(kind="refuse", body="None of them")])
    assert orders.send(outgoing(siblings, 2), MARK) == (Refused("None of them"),) * 2
    assert len(orders.with_timestamp(MARK)) == 2


def test_answers_are_assigned_by_their_place(
    siblings: SimulatedSiblings, orders: SiblingOrderService
) -> None:
    siblings.set_faults("order", [Fault(kind="reorder")])
    sent = outgoing(siblings, 5)
    outcomes = orders.send(sent, MARK)
    found = {Taken(each.external_order_id): each for each in orders.with_timestamp(MARK)}
    assert all(
        isinstance(outcome, Taken) and found_as(order, found[outcome])
        for order, outcome in zip(sent, outcomes, strict=True)
    )


def test_an_order_that_is_not_placed_is_in_doubt(
    siblings: SimulatedSiblings, orders: SiblingOrderService
) -> None:
    siblings.set_faults("order", [Fault(kind="unplaced", positions=(0, 2), commit_seconds=0.3)])
    sent = outgoing(siblings, 4)
    assert kinds(orders.send(sent, MARK)) == [InDoubt, Taken, InDoubt, Taken]
    eventually(lambda: len(orders.with_timestamp(MARK)) == 4)
    assert all(any(found_as(order, each) for each in orders.with_timestamp(MARK)) for order in sent)


def test_an_order_that_is_not_placed_may_never_come(
    siblings: SimulatedSiblings, orders: SiblingOrderService
) -> None:
    siblings.set_faults("order", [Fault(kind="unplaced")])
    assert kinds(orders.send(outgoing(siblings, 2), MARK)) == [InDoubt] * 2
    assert orders.with_timestamp(MARK) == ()


@pytest.mark.parametrize(
    ("fault", "made"),
    [
        (Fault(kind="reset"), 0),
        (Fault(kind="overload"), 0),
        (Fault(kind="status", status=503), 0),
        (Fault(kind="status", status=500), 0),
        (Fault(kind="status", status=403), 0),
        (Fault(kind="hang"), 0),
        (Fault(kind="garbage"), 0),
        (Fault(kind="body", body='{"status": "SUCCESS"}'), 0),
        (Fault(kind="lose"), 3),
    ],
)
def test_whatever_else_comes_back_leaves_all_in_doubt_and_nothing_is_sent_again(
    siblings: SimulatedSiblings, orders: SiblingOrderService, fault: Fault, made: int
) -> None:
    siblings.set_faults("order", [fault])
    outcomes = orders.send(outgoing(siblings, 3), MARK)
    assert kinds(outcomes) == [InDoubt] * 3
    assert all(isinstance(each, InDoubt) and isinstance(each.cause, SiblingUnavailable) for each in outcomes)
    siblings.set_faults("order", [])
    assert len(orders.with_timestamp(MARK)) == made
    assert siblings.calls("order")["orders"] == 1


@pytest.mark.parametrize("kind", ["truncate", "stall"])
def test_half_an_answer_is_none(
    siblings: SimulatedSiblings, over_http: SiblingOrderService, kind: str
) -> None:
    siblings.set_faults(
        "order", [Fault(kind="truncate" if kind == "truncate" else "stall", endpoint="orders")]
    )
    assert kinds(over_http.send(outgoing(siblings, 3), MARK)) == [InDoubt] * 3
    assert len(over_http.with_timestamp(MARK)) == 3


def test_a_slow_answer_is_waited_for(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    """Longer than a reading may take."""
    siblings.set_faults("order", [Fault(kind="delay", delay_seconds=1.2, endpoint="orders")])
    assert kinds(orders.send(outgoing(siblings, 2), MARK)) == [Taken] * 2


def test_duplicates_are_found(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    siblings.set_faults("order", [Fault(kind="duplicate", positions=(1,))])
    sent = outgoing(siblings, 2)
    assert kinds(orders.send(sent, MARK)) == [Taken] * 2
    found = orders.with_timestamp(MARK)
    assert Counter(sent.index(order) for each in found for order in sent if found_as(order, each)) == {
        0: 1,
        1: 2,
    }


@pytest.mark.parametrize("scheme", TRANSPORTS)
def test_where_nothing_listens_nothing_was_sent(siblings: SimulatedSiblings, scheme: str) -> None:
    for orders in opened(SiblingsConfig(order=at(f"{scheme}://127.0.0.1:{free_port()}"))):
        with pytest.raises(SiblingUnavailable, match="The order service could not be reached"):
            orders.send(outgoing(siblings, 2), MARK)


def test_who_may_not_send_any_more_once_there_is_a_connection_sends_nothing(
    siblings: SimulatedSiblings, orders: SiblingOrderService
) -> None:
    def too_late() -> None:
        raise DeadlineExceeded("Too late.")

    with pytest.raises(DeadlineExceeded, match=r"Too late\."):
        orders.send(outgoing(siblings, 2), MARK, too_late)
    assert orders.with_timestamp(MARK) == ()
    assert kinds(orders.send(outgoing(siblings, 2), MARK)) == [Taken] * 2


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_with_an_open_breaker_nothing_is_sent(siblings: SimulatedSiblings, transport: str) -> None:
    url = siblings.order_url if transport == "http" else siblings.grpc_url
    hasty = replace(at(url), breaker_failures=1, breaker_failing_seconds=0.0)
    for orders in opened(SiblingsConfig(order=hasty)):
        siblings.set_faults("order", [Fault(kind="overload", times=1)])
        assert kinds(orders.send(outgoing(siblings, 1), MARK)) == [InDoubt]
        with pytest.raises(SiblingUnavailable, match="its circuit breaker is open"):
            orders.send(outgoing(siblings, 1), MARK)
        assert orders.with_timestamp(MARK) == ()  # what is found does not hang on what is sent
        assert siblings.calls("order")["orders"] == 1


@pytest.mark.parametrize("read_bytes", [0, 1, 65_536])
def test_a_connection_that_ends_after_it_was_made_leaves_all_in_doubt(
    siblings: SimulatedSiblings, read_bytes: int
) -> None:
    """A server that takes the connection, reads nothing, some, or all, and goes away."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        connections = 0

        def serve() -> None:
            nonlocal connections
            connection, _ = server.accept()
            connections += 1
            with connection:
                if read_bytes:
                    connection.recv(read_bytes)

        thread = threading.Thread(target=serve)
        thread.start()
        for orders in opened(SiblingsConfig(order=at(f"http://127.0.0.1:{server.getsockname()[1]}"))):
            assert kinds(orders.send(outgoing(siblings, 2), MARK)) == [InDoubt] * 2
        thread.join(PATIENCE)
        assert connections == 1


def test_open_orders_are_those_of_everybody(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    mine = orders.send(outgoing(siblings, 3), MARK)
    other = {
        "blotterId": 2,
        "statusId": 5,
        "portfolioId": siblings.model.portfolio_ids[0],
        "orderTypeId": 3,
        "securityId": siblings.portfolios.market.securities[0].security_id,
        "quantity": 2.5,
        "orderTimestamp": "2026-01-01T00:00:00Z",
        "version": 1,
    }
    (part,) = siblings.add_orders([other])
    assert isinstance(mine[0], Taken)
    siblings.change_orders({mine[0].external_order_id: "FULL"})
    opened = opened_by(orders)
    assert [Taken(each.external_order_id) for each in opened[:2]] == list(mine[1:])
    assert (opened[2].external_order_id, opened[2].side, opened[2].status) == (part, "", "PART")
    assert opened[2].quantity == Decimal("2.5")
    assert next(each.external_order_id for each in orders.with_timestamp(MARK)) == mine[0].external_order_id


def test_thousands_of_open_orders(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    for number in range(50):
        orders.send(outgoing(siblings, 50), MARK + timedelta(microseconds=number))
    assert len(opened_by(orders)) == 2500


@pytest.mark.parametrize("fault", [Fault(kind="overload"), Fault(kind="hang"), Fault(kind="garbage")])
def test_orders_that_are_not_found_are_no_empty_list(
    siblings: SimulatedSiblings, orders: SiblingOrderService, fault: Fault
) -> None:
    siblings.set_faults("order", [fault])
    with pytest.raises(SiblingUnavailable):
        orders.recent_open_orders(PATIENCE)
    with pytest.raises(SiblingUnavailable):
        orders.with_timestamp(MARK)


def test_a_reading_is_tried_again(siblings: SimulatedSiblings, orders: SiblingOrderService) -> None:
    siblings.set_faults("order", [Fault(kind="overload", times=2)])
    assert orders.recent_open_orders(PATIENCE) == {}
    assert siblings.calls("order") == {"order_list": 3}


def test_a_page_without_an_order_is_not_all_of_them(
    siblings: SimulatedSiblings, over_http: SiblingOrderService
) -> None:
    cut = json.dumps({"content": [], "pagination": {"totalElements": 1}})
    siblings.set_faults("order", [Fault(kind="body", body=cut)])
    with pytest.raises(SiblingUnavailable, match="answered 0 orders from 0 on, and a total of 1"):
        over_http.recent_open_orders(PATIENCE)


class Heard:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, CallOutcome]] = []
        self.attempts = 0

    def begin_attempt(self, service: str, number: int) -> "Heard":
        del service, number
        self.attempts += 1
        return self

    def end(self, outcome: CallOutcome) -> None:
        del outcome

    def call_ended(self, service: str, outcome: CallOutcome, seconds: float) -> None:
        del seconds
        self.calls.append((service, outcome))


def test_sendings_are_observed(siblings: SimulatedSiblings) -> None:
    heard = Heard()
    siblings.set_faults("order", [Fault(kind="overload", times=1)])
    with open_sources(SiblingsConfig(order=at(siblings.order_url)), heard) as sources:
        assert sources.orders is not None
        for _ in range(2):
            sources.orders.send(outgoing(siblings, 1), MARK)
    assert heard.calls == [("order", CallOutcome.FAILED), ("order", CallOutcome.ANSWERED)]
    assert heard.attempts == 2


def test_there_may_be_no_order_service() -> None:
    with open_sources(SiblingsConfig()) as sources:
        assert sources.orders is None
        assert [each.name for each in sources.dependencies][-1] == "portfolio"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_order_service_is_looked_at(siblings: SimulatedSiblings, transport: str) -> None:
    url = siblings.order_url if transport == "http" else siblings.grpc_url
    with open_sources(SiblingsConfig(order=at(url))) as sources:
        dependency = sources.dependencies[-1]
        assert (dependency.name, dependency.look(PATIENCE).problem) == ("order", "")
        siblings.set_faults("order", [Fault(kind="overload")])
        found = dependency.look(PATIENCE)
        assert found.problem.startswith("The order service answered")
        assert "ORDERGEN_ORDER_URL" in found.advice
