"""Submissions, portfolios, batches and orders as documents, and back."""

from typing import TYPE_CHECKING, cast

from bson import ObjectId

from ordergen_server.domain.orders.order_store import SubmissionOrder
from ordergen_server.domain.orders.orders import Order
from ordergen_server.domain.orders.submissions import OrderBatch, OrderSubmission, SubmittedPortfolio
from ordergen_server.domain.stores import BegunBy
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document, take_id, to_document

if TYPE_CHECKING:
    from datetime import datetime

SUBMISSIONS = "order_submissions"
PORTFOLIOS = "submitted_portfolios"
ORDERS = "orders"
BATCHES = "order_batches"
TURNS = "portfolio_turns"
#: Of a submission: what no change of its record writes.
_APART = ("submission_id", "rebalance_id", "create_time")


def submission_document(order: SubmissionOrder) -> Document:
    """The header of a new submission, but for its lease and request."""
    document = to_document(order.submission)
    return {
        "_id": ObjectId(cast("str", document.pop("submission_id"))),
        **document,
        "begun_by": to_document(order.begun_by),
    }


def submission_change(submission: OrderSubmission) -> Document:
    """What a change of a submission writes into its header."""
    return {name: value for name, value in to_document(submission).items() if name not in _APART}


def submission_of(header: Document) -> OrderSubmission:
    """The submission of a header."""
    return from_document(take_id(header, "submission_id"), OrderSubmission)


def submission_order_of(header: Document) -> SubmissionOrder:
    """What a submission needs that goes on."""
    return SubmissionOrder(
        submission_of(header), from_document(cast("Document", header["begun_by"]), BegunBy)
    )


def order_document(order: Order) -> Document:
    """The document of an order."""
    document = to_document(order)
    return {"_id": ObjectId(cast("str", document.pop("order_id"))), **document}


def order_of(document: Document) -> Order:
    """The order of a document."""
    return from_document(take_id(document, "order_id"), Order)


def portfolio_document(portfolio: SubmittedPortfolio) -> Document:
    """The document of a portfolio of a submission."""
    return to_document(portfolio)


def portfolio_of(document: Document) -> SubmittedPortfolio:
    """The portfolio of a document."""
    return from_document(document, SubmittedPortfolio)


def batch_document(batch: OrderBatch) -> Document:
    """The document of a batch: `open` and `doubted_at` stand there only while they say something."""
    document = to_document(batch)
    doubted_at = cast("datetime | None", document.pop("doubted_at"))
    return {
        "_id": ObjectId(cast("str", document.pop("batch_id"))),
        **document,
        **({"open": True} if batch.is_open else {}),
        **({"doubted_at": doubted_at} if doubted_at else {}),
    }


def batch_of(document: Document) -> OrderBatch:
    """The batch of a document."""
    return from_document(take_id(document, "batch_id"), OrderBatch)
