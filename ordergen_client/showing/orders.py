"""Orders, their submissions and who did what, as rows for programs and eyes."""

from collections.abc import Iterator, Mapping
from typing import Final

from ordergen_client.records.orders.states import OrderState
from ordergen_client.records.orders.values import (
    Action,
    FillAllocation,
    Order,
    OrderBlock,
    OrderDifference,
    OrderSubmission,
    StalePortfolio,
)
from ordergen_client.records.reviews import PortfolioReview, ReviewCounts
from ordergen_client.showing.columns import Column, Kind, time

SENT: Final = (
    Column("portfolio_name", "Portfolio"),
    Column("portfolio_id", "Id", Kind.ID, 4),
    Column("side", "Side", Kind.SIDE),
    Column("quantity", "Shares", Kind.COUNT),
    Column("ticker", "Ticker"),
    Column("security_id", "Security", Kind.ID, 5),
    Column("state", "State", Kind.ID),
    Column("external_order_id", "Order", Kind.ID, 1),
    Column("error", "Why"),
)
#: What programs get of an order beside these.
SENT_MORE: Final = "order_id", "rebalance_id", "submission_id", "order_timestamp", "attempt_count"
ACTIONS: Final = (
    Column("event_time", "When (UTC)", Kind.TIME),
    Column("type", "What", Kind.ID),
    Column("actor", "By"),
    Column("portfolio_count", "Portfolios", Kind.COUNT, 2),
    Column("comment", "Comment", Kind.TEXT, 1),
    Column("submission_id", "Submission", Kind.ID, 3),
)
BLOCKS: Final = (
    Column("side", "Side", Kind.SIDE),
    Column("quantity", "Shares", Kind.COUNT),
    Column("ticker", "Ticker"),
    Column("security_id", "Security", Kind.ID, 2),
    Column("value", "Value", Kind.MONEY),
    Column("portfolio_count", "Portfolios", Kind.COUNT, 1),
)
ALLOCATIONS: Final = (
    Column("portfolio_name", "Portfolio"),
    Column("portfolio_id", "Id", Kind.ID, 1),
    Column("ordered_quantity", "Ordered", Kind.COUNT),
    Column("allocated_quantity", "Gets", Kind.COUNT),
)
DIFFERENCES: Final = (
    Column("type", "What", Kind.ID),
    Column("portfolio_id", "Portfolio", Kind.ID, 3),
    Column("side", "Side", Kind.SIDE, 2),
    Column("quantity", "Shares", Kind.COUNT, 2),
    Column("ticker", "Ticker", Kind.TEXT, 2),
    Column("external_order_ids", "Orders there", Kind.TEXT, 1),
    Column("description", "In words"),
)
#: What programs get of a difference beside these.
DIFFERENCES_MORE: Final = "order_id", "state", "security_id"


def sent_row(order: Order, name: str = "") -> dict[str, object]:
    """An order that was written down to be sent."""
    return {
        "order_id": order.order_id,
        "rebalance_id": order.rebalance_id,
        "submission_id": order.submission_id,
        "portfolio_id": order.portfolio_id,
        "portfolio_name": name,
        "side": order.side,
        "quantity": order.quantity,
        "ticker": order.ticker,
        "security_id": order.security_id,
        "state": order.state,
        "external_order_id": order.external_order_id,
        "order_timestamp": order.order_timestamp,
        "attempt_count": order.attempt_count,
        "error": order.error.message if order.error else None,
    }


def submission_row(submission: OrderSubmission) -> dict[str, object]:
    """A submission without its orders."""
    return {
        "submission_id": submission.submission_id,
        "rebalance_id": submission.rebalance_id,
        "state": submission.state,
        "portfolio_count": submission.portfolio_count,
        "stale_portfolio_count": submission.stale_portfolio_count,
        "order_count": submission.order_count,
        "counts": dict(submission.counts),
        "sells_first": submission.sells_first,
        "actor": submission.actor,
        "create_time": submission.create_time,
        "finish_time": submission.finish_time,
        "error": submission.error.message if submission.error else None,
        "version": submission.version,
    }


def submission_details(submission: OrderSubmission) -> dict[str, object]:
    """What eyes see of a submission, by name."""
    ended = f"ended {time(submission.finish_time)} UTC" if submission.finish_time else "goes on"
    by = f", by {submission.actor}" if submission.actor else ""
    stale = submission.stale_portfolio_count
    return {
        "Submission": f"{submission.submission_id}  {submission.state}",
        "Run": submission.rebalance_id,
        "Began": f"{time(submission.create_time)} UTC, {ended}{by}",
        "Portfolios": f"{submission.portfolio_count:,}"
        + (f", {stale:,} of them out of date" if stale else ""),
        "Orders": f"{submission.order_count:,}: {_states(submission)}",
        **({"Buys": "wait until the sells of their portfolio are FULL"} if submission.sells_first else {}),
        **({"Error": submission.error.message} if submission.error else {}),
    }


def _states(submission: OrderSubmission) -> str:
    waiting = submission.order_count - sum(submission.counts.values())
    told = [(str(state), submission.counts.get(state, 0)) for state in OrderState]
    told.append(("WAITING", waiting))
    return ", ".join(f"{number:,} {state}" for state, number in told if number) or "none"


def stale_row(portfolio: StalePortfolio, name: str) -> dict[str, object]:
    """A portfolio that needs a new run, and why."""
    return {"portfolio_id": portfolio.portfolio_id, "portfolio_name": name, "why": "; ".join(_why(portfolio))}


def _why(portfolio: StalePortfolio) -> Iterator[str]:
    causes = [f"{one.subject}: {one.rule}" for one in portfolio.error.violations]
    yield from causes or [portfolio.error.message]


def action_row(action: Action) -> dict[str, object]:
    """What somebody did."""
    return {
        "event_time": action.event_time,
        "type": action.type,
        "actor": action.actor,
        "authenticated": action.authenticated,
        "comment": action.comment,
        "portfolio_count": action.portfolio_count,
        "portfolio_ids": action.portfolio_ids,
        "submission_id": action.submission_id or None,
    }


def for_eyes(row: Mapping[str, object]) -> dict[str, object]:
    """The row of an action, which says of an actor whether it is their own word alone."""
    actor = row["actor"]
    return {**row, "actor": actor if row["authenticated"] or not actor else f"{actor}, unproven"}


def block_row(block: OrderBlock) -> dict[str, object]:
    """All that trades a security in one direction."""
    return {
        "side": block.side,
        "quantity": block.quantity,
        "ticker": block.ticker,
        "security_id": block.security_id,
        "value": block.value,
        "portfolio_count": block.portfolio_count,
    }


def allocation_row(allocation: FillAllocation, name: str) -> dict[str, object]:
    """What a portfolio gets of a fill."""
    return {
        "portfolio_name": name,
        "portfolio_id": allocation.portfolio_id,
        "ordered_quantity": allocation.ordered_quantity,
        "allocated_quantity": allocation.allocated_quantity,
    }


def difference_row(difference: OrderDifference) -> dict[str, object]:
    """What differs between us and the order service."""
    order = difference.order
    return {
        "type": difference.type,
        "order_id": order.order_id if order else None,
        "portfolio_id": order.portfolio_id if order else None,
        "security_id": order.security_id if order else None,
        "side": order.side if order else None,
        "quantity": order.quantity if order else None,
        "ticker": order.ticker if order else None,
        "state": order.state if order else None,
        "external_order_ids": " ".join(map(str, difference.external_order_ids)),
        "description": difference.description,
    }


def counts_told(counts: ReviewCounts) -> str:
    """How far the review of a run is, in words."""
    return f"{counts.approved:,} approved, {counts.pending:,} pending, {counts.rejected:,} rejected"


def review_told(review: PortfolioReview) -> str:
    """Whether the orders of a portfolio may be sent, and who says so."""
    approved, rejected = ", ".join(review.approved_by), ", ".join(review.rejected_by)
    by = [f"approved by {approved}"] * bool(approved) + [f"rejected by {rejected}"] * bool(rejected)
    return f"{review.state}{': ' if by else ''}{'; '.join(by)}"
