"""What the order service answers to `POST /api/v1/orders`, read as strictly as what hangs on it.

A body that contradicts itself says nothing. A FAILURE for the place of an order is a refusal, but where its
words say that the service itself failed: it catches what goes wrong around its transaction, the commit
included, and answers with the same FAILURE. Such an order is in doubt.
"""

from collections.abc import Sequence

import msgspec

from ordergen_server.domain.orders.order_service import OutgoingOrder
from ordergen_server.siblings.calling.failures import Unreadable
from ordergen_server.siblings.ordering.outcomes import Answer, Outcome, all_in_doubt, all_refused, outcomes
from ordergen_server.siblings.reading.documents import decoded

_OK, _MULTI_STATUS, _BAD_REQUEST, _TOO_LARGE = 200, 207, 400, 413
_SUCCESS, _FAILURE = "SUCCESS", "FAILURE"
#: How the words begin with which it says of an order that it failed, and not that the order is at fault.
FAILED = (
    "System overloaded",
    "Processing interrupted",
    "Unexpected error",
    "Internal error",
    "Failed to create order",
    "Future execution failed",
)


class EchoSecurity(msgspec.Struct, rename="camel"):
    """The security of an order, as far as we read it."""

    security_id: str


class EchoPortfolio(msgspec.Struct, rename="camel"):
    """The portfolio of an order, as far as we read it."""

    portfolio_id: str


class Echo(msgspec.Struct):
    """An order as it was taken, as far as we read it."""

    portfolio: EchoPortfolio
    security: EchoSecurity


class ResultRecord(msgspec.Struct, rename="camel"):
    """What is answered of one order."""

    status: str
    request_index: int
    message: str = ""
    order_id: int | None = None
    order: Echo | None = None


class ListRecord(msgspec.Struct, rename="camel"):
    """What is answered of all orders."""

    status: str
    total_received: int
    successful: int
    failed: int
    orders: list[ResultRecord]
    message: str = ""

    @property
    def is_consistent(self) -> bool:
        """Whether its counts are those of its orders, and its status that of its counts."""
        taken = sum(each.status == _SUCCESS for each in self.orders)
        failed = sum(each.status == _FAILURE for each in self.orders)
        status = "PARTIAL" if taken and failed else _SUCCESS if taken else _FAILURE
        counts = (self.total_received, self.successful, self.failed)
        return (*counts, self.status) == (len(self.orders), taken, failed, status)


_LIST = msgspec.json.Decoder(ListRecord)


def read_outcomes(status: int, body: bytes, sent: Sequence[OutgoingOrder]) -> tuple[Outcome, ...]:
    """An outcome for each of the orders that were sent, of the status and the body that were answered."""
    try:
        record = decoded(body, _LIST)
    except (msgspec.ValidationError, Unreadable):
        return all_in_doubt(f"answered status {status} with a body that cannot be read", len(sent))
    if not record.is_consistent:
        return all_in_doubt(f"answered status {status} with a body that contradicts itself", len(sent))
    if status in (_OK, _MULTI_STATUS) and record.orders:
        return outcomes([_answer(each, sent) for each in record.orders], len(sent))
    if status in (_BAD_REQUEST, _TOO_LARGE) and not record.orders:
        return all_refused(record.message, len(sent))
    return all_in_doubt(f"answered status {status}", len(sent))


def _answer(record: ResultRecord, sent: Sequence[OutgoingOrder]) -> Answer:
    place = record.request_index
    if record.status == _SUCCESS and _is_echo(record, sent):
        return Answer(place, order_id=record.order_id)
    is_refusal = (
        record.status == _FAILURE and record.order_id is None and not record.message.startswith(FAILED)
    )
    return Answer(place, refusal=record.message) if is_refusal else Answer(place)


def _is_echo(record: ResultRecord, sent: Sequence[OutgoingOrder]) -> bool:
    """Whether the order that was taken is the one that was sent, where it is shown."""
    if record.order is None or not 0 <= record.request_index < len(sent):
        return True
    order = sent[record.request_index]
    shown = (record.order.portfolio.portfolio_id, record.order.security.security_id)
    return shown == (order.portfolio_id, order.security_id)
