"""What can be asked of a run's orders, from their review to what became of them."""

from collections.abc import Iterable
from typing import Literal

from globeco.ordergen.v1 import order_pb2 as pb
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_client.calls.call import Call, Pages, repeatable
from ordergen_client.records import checks
from ordergen_client.records.checks import Number
from ordergen_client.records.messages import rebalance
from ordergen_client.records.orders import messages
from ordergen_client.records.orders.states import OrderState
from ordergen_client.records.orders.values import (
    Action,
    FillAllocation,
    Order,
    OrderBlock,
    OrderSubmission,
    Reconciliation,
)
from ordergen_client.records.states import ReviewDecision, Side
from ordergen_client.records.values import Rebalance

AnyDecision = ReviewDecision | Literal["APPROVED", "REJECTED"]
AnyOrderState = OrderState | Literal["SENDING", "IN_DOUBT", "SENT", "REFUSED", "NOT_SENT"]
AnySide = Side | Literal["BUY", "SELL"]


def review(
    rebalance_id: str,
    decision: AnyDecision,
    portfolio_ids: Iterable[str] | None = None,
    *,
    comment: str = "",
) -> Call[Rebalance]:
    """Approve or reject what a run proposes; the latest decision of each person counts.

    Args:
        rebalance_id: the run.
        decision: REJECTED takes back an approval, too, of what has not been written down to be sent.
        portfolio_ids: of which portfolios, each once; None is all of the run that are PENDING.
        comment: why; kept with who decided and when.

    Raises:
        ValueError: `portfolio_ids` are given, and there are none.
    """
    request = pb.ReviewRebalanceRequest(
        rebalance_id=_id(rebalance_id),
        portfolio_ids=_some(portfolio_ids, "are pending"),
        decision=messages.decision(checks.chosen(decision, "decision", ReviewDecision)),
        comment=checks.text(comment, "comment"),
    )
    return Call("ReviewRebalance", request, rebalance)


def approve(
    rebalance_id: str, portfolio_ids: Iterable[str] | None = None, *, comment: str = ""
) -> Call[Rebalance]:
    """Approve portfolios: `review` with the decision APPROVED."""
    return review(rebalance_id, ReviewDecision.APPROVED, portfolio_ids, comment=comment)


def reject(
    rebalance_id: str, portfolio_ids: Iterable[str] | None = None, *, comment: str = ""
) -> Call[Rebalance]:
    """Reject portfolios: `review` with the decision REJECTED."""
    return review(rebalance_id, ReviewDecision.REJECTED, portfolio_ids, comment=comment)


def submit(
    rebalance_id: str,
    portfolio_ids: Iterable[str] | None = None,
    *,
    sells_first: bool = False,
    request_id: str = "",
) -> Call[OrderSubmission]:
    """Send the orders of approved portfolios to the order service, each exactly once; it goes on by itself.

    Args:
        rebalance_id: the run.
        portfolio_ids: of which portfolios, each once; None is all that are approved and were not submitted.
        sells_first: buys wait until the sells of their portfolio are FULL in the order service.
        request_id: a UUID4 that makes the call safe to repeat; without one it is given one of its own.

    Raises:
        ValueError: `portfolio_ids` are given, and there are none.
    """
    request = pb.SubmitOrdersRequest(
        rebalance_id=_id(rebalance_id),
        portfolio_ids=_some(portfolio_ids, "may be sent"),
        sells_first=checks.flag(sells_first, "sells_first"),
        request_id=repeatable(request_id),
    )
    return Call("SubmitOrders", request, messages.submission)


def orders(
    rebalance_id: str, *, portfolio_id: str = "", state: AnyOrderState | None = None, page_size: int = 0
) -> Pages[Order]:
    """Read the orders of a run that were submitted, by portfolio and security.

    Args:
        rebalance_id: the run.
        portfolio_id: only orders of this portfolio.
        state: only orders in this state.
        page_size: how many are read at once; 0 leaves it to the server.
    """
    wanted = None if state is None else checks.chosen(state, "state", OrderState)
    request = pb.ListOrdersRequest(
        rebalance_id=_id(rebalance_id),
        portfolio_id=checks.text(portfolio_id, "portfolio_id"),
        state=messages.order_state(wanted),
        page_size=checks.whole(page_size, "page_size"),
    )
    return Pages("ListOrders", request, lambda page: map(messages.order, page.orders))


def history(rebalance_id: str, *, page_size: int = 0) -> Pages[Action]:
    """Read who did what with a run, oldest first; also of one that was deleted.

    Args:
        rebalance_id: the run.
        page_size: how much is read at once; 0 leaves it to the server.
    """
    request = pb.ListRebalanceEventsRequest(
        rebalance_id=_id(rebalance_id), page_size=checks.whole(page_size, "page_size")
    )
    return Pages("ListRebalanceEvents", request, lambda page: map(messages.action, page.events))


def blocks(rebalance_id: str) -> Call[tuple[OrderBlock, ...]]:
    """Add up what approved portfolios trade: a block a security and side, by security, buys first."""
    request = pb.AggregateOrdersRequest(rebalance_id=_id(rebalance_id))
    return Call("AggregateOrders", request, messages.blocks)


def allocate(
    rebalance_id: str, security_id: str, side: AnySide, filled_quantity: Number
) -> Call[tuple[FillAllocation, ...]]:
    """Share out what was filled of a block among its portfolios, in whole shares; nothing is stored.

    Pro rata, by largest remainder: each is within one share of its exact part, and none gets more than it
    ordered. The same question has the same answer.

    Args:
        rebalance_id: the run.
        security_id: of the block.
        side: of the block.
        filled_quantity: shares; whole, from 0 to all that the block has.

    Raises:
        TypeError: `filled_quantity` is a float.
        ValueError: it is no number.
    """
    side_name = checks.chosen(side, "side", Side)
    request = pb.AllocateFillRequest(
        rebalance_id=_id(rebalance_id),
        security_id=checks.text(security_id, "security_id"),
        transaction_type=rebalance_pb2.TransactionType.Value(f"TRANSACTION_TYPE_{side_name}"),
    )
    messages.set_filled(request, checks.decimal(filled_quantity, "filled_quantity"))
    return Call("AllocateFill", request, messages.allocations)


def reconcile(rebalance_id: str) -> Call[Reconciliation]:
    """Compare the orders of a run with what the order service has; changes nothing."""
    request = pb.ReconcileOrdersRequest(rebalance_id=_id(rebalance_id))
    return Call("ReconcileOrders", request, messages.reconciliation)


def _id(rebalance_id: str) -> str:
    return checks.text(rebalance_id, "rebalance_id")


def _some(given: Iterable[str] | None, which: str) -> tuple[str, ...]:
    """Portfolios that are given; an empty list would be taken for all, which none can mean."""
    if given is None:
        return ()
    found = checks.texts(given, "portfolio_ids")
    if not found:
        raise ValueError(f"portfolio_ids is empty: leave it out to mean all that {which}")
    return found
