"""Messages of orders and reviews become records: every digit is kept, and what is not there is None."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from globeco.ordergen.v1 import order_pb2 as pb
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_client import (
    Action,
    ActionType,
    DifferenceType,
    FillAllocation,
    Order,
    OrderBlock,
    OrderDifference,
    OrderState,
    OrderSubmission,
    PortfolioReview,
    Reconciliation,
    ReviewCounts,
    ReviewState,
    Side,
    SubmissionState,
    Violation,
)
from ordergen_client.calls import run_orders
from ordergen_client.records import messages as runs
from ordergen_client.records.orders import messages
from ordergen_server.api.messages.errors import to_status
from ordergen_server.domain import errors

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ID = "a" * 24


def order(**given: object) -> pb.Order:
    message = pb.Order(
        order_id="1" * 24,
        rebalance_id="2" * 24,
        submission_id="3" * 24,
        portfolio_id="P" * 24,
        security_id="S" * 24,
        ticker="AAA",
        transaction_type=rebalance_pb2.TRANSACTION_TYPE_SELL,
        quantity=2**53 + 1,
        **given,  # type: ignore[arg-type] # fields of the message
    )
    message.order_timestamp.FromDatetime(TIME)
    return message


def test_an_order_keeps_its_mark_to_the_microsecond() -> None:
    read = messages.order(order(state=pb.ORDER_STATE_SENT, external_order_id=7, attempt_count=1))
    assert read == Order(
        "1" * 24,
        "2" * 24,
        "3" * 24,
        "P" * 24,
        "S" * 24,
        "AAA",
        Side.SELL,
        2**53 + 1,
        OrderState.SENT,
        7,
        TIME,
        1,
    )


def test_an_order_that_was_never_sent_has_no_mark_and_says_why() -> None:
    message = order(state=pb.ORDER_STATE_NOT_SENT)
    message.ClearField("order_timestamp")
    message.error.CopyFrom(to_status(errors.Cancelled("The submission was cancelled.")))
    read = messages.order(message)
    assert (read.external_order_id, read.order_timestamp, read.attempt_count) == (None, None, 0)
    assert read.error
    assert (read.error.code, read.error.message) == ("CANCELLED", "The submission was cancelled.")


def test_a_submission_counts_orders_by_their_states() -> None:
    message = pb.OrderSubmission(
        submission_id=ID,
        rebalance_id="b" * 24,
        state=pb.ORDER_SUBMISSION_STATE_COMPLETED_WITH_ERRORS,
        portfolio_count=3,
        stale_portfolio_count=1,
        order_count=15,
        sending_count=1,
        in_doubt_count=2,
        sent_count=3,
        refused_count=4,
        not_sent_count=5,
        sells_first=True,
        actor="ann",
        version=9,
    )
    message.create_time.FromDatetime(TIME)
    counts = dict(zip(OrderState, range(1, 6), strict=True))
    assert messages.submission(message) == OrderSubmission(
        ID,
        "b" * 24,
        SubmissionState.COMPLETED_WITH_ERRORS,
        3,
        1,
        15,
        counts,
        True,
        "ann",
        TIME,
        None,
        None,
        9,
    )


@pytest.mark.parametrize("name", ["started", "order", "stale_portfolio", "finished"])
def test_an_event_is_exactly_one_of_four(name: str) -> None:
    message = pb.WatchOrderSubmissionResponse(sequence=5)
    getattr(message, name).SetInParent()
    event = messages.event(message)
    there = [one for one in ("started", "order", "stale_portfolio", "finished") if getattr(event, one)]
    assert (event.sequence, there) == (5, [name])


def test_a_stale_portfolio_names_what_differs() -> None:
    stale = pb.StalePortfolio(portfolio_id="P" * 24)
    differs = errors.Violation("cash", "was 1, is 2", "CASH")
    stale.error.CopyFrom(to_status(errors.PreconditionFailed("It is stale.", violations=[differs])))
    event = messages.event(pb.WatchOrderSubmissionResponse(sequence=2, stale_portfolio=stale))
    assert event.stale_portfolio
    assert event.stale_portfolio.error.violations == (Violation("cash", "was 1, is 2", "CASH"),)


def test_who_did_what() -> None:
    message = pb.RebalanceEvent(
        type=pb.REBALANCE_EVENT_TYPE_APPROVED,
        actor="ann",
        authenticated=True,
        comment="looks right",
        portfolio_count=2,
        portfolio_ids=["P" * 24, "Q" * 24],
    )
    message.event_time.FromDatetime(TIME)
    assert messages.action(message) == Action(
        ActionType.APPROVED,
        TIME,
        "ann",
        True,
        "looks right",
        2,
        ("P" * 24, "Q" * 24),
        "",
    )


def test_blocks_are_whole_shares_and_exact_money() -> None:
    message = pb.AggregateOrdersResponse()
    block = message.blocks.add(security_id="S" * 24, ticker="AAA", portfolio_count=2)
    block.transaction_type = rebalance_pb2.TRANSACTION_TYPE_BUY
    block.quantity.value, block.value.value = "92233720368547758080", "1.10"
    (read,) = messages.blocks(message)
    assert read == OrderBlock("S" * 24, "AAA", Side.BUY, 92233720368547758080, Decimal("1.1"), 2)
    assert str(read.value) == "1.10"


@pytest.mark.parametrize(("given", "sent"), [(10, "10"), (Decimal("1E+2"), "100"), ("7", "7")])
def test_what_was_filled_is_sent_digit_for_digit(given: Decimal | int | str, sent: str) -> None:
    request = run_orders.allocate(ID, "S" * 24, "SELL", given).request
    assert isinstance(request, pb.AllocateFillRequest)
    assert request.filled_quantity.value == sent
    assert request.transaction_type == rebalance_pb2.TRANSACTION_TYPE_SELL
    answer = pb.AllocateFillResponse()
    answer.allocations.add(portfolio_id="P" * 24, ordered_quantity=5, allocated_quantity=3)
    assert messages.allocations(answer) == (FillAllocation("P" * 24, 5, 3),)


def test_what_differs_in_the_order_service() -> None:
    message = pb.ReconcileOrdersResponse(compared_count=8, difference_count=2)
    message.differences.add(
        type=pb.ORDER_DIFFERENCE_TYPE_DUPLICATE, external_order_ids=[4, 5], description="twice"
    ).order.CopyFrom(order(state=pb.ORDER_STATE_SENT, external_order_id=4))
    message.differences.add(type=pb.ORDER_DIFFERENCE_TYPE_UNKNOWN, external_order_ids=[6])
    read = messages.reconciliation(message)
    ours = messages.order(message.differences[0].order)
    assert read == Reconciliation(
        8,
        2,
        (
            OrderDifference(DifferenceType.DUPLICATE, ours, (4, 5), "twice"),
            OrderDifference(DifferenceType.UNKNOWN, None, (6,), ""),
        ),
    )


def test_reviews_of_a_run_and_its_portfolios() -> None:
    run = rebalance_pb2.Rebalance()
    run.rebalance_date.year, run.rebalance_date.month, run.rebalance_date.day = 2026, 1, 2
    assert runs.rebalance(run).review_counts is None
    run.review_counts.pending_count, run.review_counts.rejected_count = 4, 1
    assert runs.rebalance(run).review_counts == ReviewCounts(4, 0, 1)
    portfolio = rebalance_pb2.PortfolioRebalance()
    read = runs.portfolio_rebalance(portfolio)
    assert (read.review, read.order_state) == (None, None)
    portfolio.review.state = rebalance_pb2.REVIEW_STATE_REJECTED
    portfolio.review.approved_by.append("ann")
    portfolio.review.rejected_by.append("bob")
    portfolio.order_state = rebalance_pb2.PORTFOLIO_ORDER_STATE_STALE
    read = runs.portfolio_rebalance(portfolio)
    assert read.review == PortfolioReview(ReviewState.REJECTED, ("ann",), ("bob",))
    assert read.order_state == "STALE"


@pytest.mark.parametrize(
    ("call", "ids"),
    [
        (run_orders.approve(ID), []),
        (run_orders.reject(ID, ["P" * 24], comment="no"), ["P" * 24]),
        (run_orders.submit(ID, iter(["P" * 24]), sells_first=True), ["P" * 24]),
    ],
)
def test_portfolios_are_sent_as_given_and_none_mean_all(call: object, ids: list[str]) -> None:
    assert list(call.request.portfolio_ids) == ids  # type: ignore[attr-defined] # each call has a request
