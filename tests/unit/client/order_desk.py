"""A server of one run, whose reviews and orders are as a test tells."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event

import grpc
from globeco.ordergen.v1 import order_pb2 as pb
from globeco.ordergen.v1 import (
    rebalance_pb2,
    rebalance_service_pb2,
    rebalance_service_pb2_grpc,
    reference_service_pb2,
    reference_service_pb2_grpc,
)
from google.protobuf.message import Message

from ordergen_server.api.messages.errors import to_status
from ordergen_server.domain import errors

RUN, SUBMISSION, MODEL = "a" * 24, "b" * 24, "c" * 24
#: Of one portfolio, by its letter.
NAMES = {letter * 24: f"Growth {letter}" for letter in "PQRS"}
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REFUSED = errors.PreconditionFailed("Security is not tradable.")


def order(portfolio: str, ticker: str, state: pb.OrderState.ValueType, **given: object) -> pb.Order:
    """An order of 10 shares that is bought."""
    made = pb.Order(
        order_id=f"{portfolio}{ticker}".encode().hex().ljust(24, "0")[:24],
        rebalance_id=RUN,
        submission_id=SUBMISSION,
        portfolio_id=portfolio * 24,
        security_id=ticker[0] * 24,
        ticker=ticker,
        transaction_type=rebalance_pb2.TRANSACTION_TYPE_BUY,
        quantity=10,
        state=state,
        **given,  # type: ignore[arg-type] # fields of the message
    )
    if state == pb.ORDER_STATE_REFUSED:
        made.error.CopyFrom(to_status(REFUSED))
    return made


def stale(portfolio: str) -> pb.StalePortfolio:
    """A portfolio whose cash has moved."""
    moved = errors.Violation("cash", "was 1000.00, is 900.00", "CASH")
    found = pb.StalePortfolio(portfolio_id=portfolio * 24)
    found.error.CopyFrom(to_status(errors.PreconditionFailed("It is out of date.", violations=[moved])))
    return found


def submission(state: pb.OrderSubmissionState.ValueType, **counts: int) -> pb.OrderSubmission:
    """A submission over two portfolios."""
    made = pb.OrderSubmission(
        submission_id=SUBMISSION,
        rebalance_id=RUN,
        state=state,
        portfolio_count=2,
        actor="ann",
        version=1,
        **counts,  # type: ignore[arg-type] # fields of the message
    )
    made.create_time.FromDatetime(TIME)
    if state != pb.ORDER_SUBMISSION_STATE_RUNNING:
        made.finish_time.FromDatetime(TIME)
    return made


#: A submission of four orders, of which one is refused, and a portfolio that is out of date.
SENDING = [
    pb.WatchOrderSubmissionResponse(
        started=submission(pb.ORDER_SUBMISSION_STATE_RUNNING, order_count=4), sequence=1
    ),
    pb.WatchOrderSubmissionResponse(order=order("P", "AAA", pb.ORDER_STATE_SENDING), sequence=2),
    pb.WatchOrderSubmissionResponse(order=order("P", "AAA", pb.ORDER_STATE_IN_DOUBT), sequence=3),
    pb.WatchOrderSubmissionResponse(stale_portfolio=stale("Q"), sequence=5),
    pb.WatchOrderSubmissionResponse(order=order("Q", "AAA", pb.ORDER_STATE_NOT_SENT), sequence=6),
    pb.WatchOrderSubmissionResponse(
        order=order("P", "AAA", pb.ORDER_STATE_SENT, external_order_id=7, attempt_count=1), sequence=9
    ),
    pb.WatchOrderSubmissionResponse(order=order("P", "BBB", pb.ORDER_STATE_REFUSED), sequence=10),
    pb.WatchOrderSubmissionResponse(
        order=order("P", "CCC", pb.ORDER_STATE_SENT, external_order_id=8, attempt_count=1), sequence=11
    ),
    pb.WatchOrderSubmissionResponse(
        finished=submission(
            pb.ORDER_SUBMISSION_STATE_COMPLETED_WITH_ERRORS,
            order_count=4,
            sent_count=2,
            refused_count=1,
            not_sent_count=1,
            stale_portfolio_count=1,
        ),
        sequence=12,
    ),
]


class OrderDesk(
    rebalance_service_pb2_grpc.RebalanceServiceServicer,
    reference_service_pb2_grpc.ReferenceServiceServicer,
):
    """Answers what it is told to, and notes what it is asked.

    Attributes:
        events: of the submission.
        cuts: after so many events each stream breaks, one number a stream; the rest is whole.
        hangs: set, streams end with an event that never comes.
        answers: unset, nothing is answered to those who submit.
        refuses: what reviews and submissions are refused with.
        asked: requests that change something, and who asked.
    """

    def __init__(self) -> None:
        self.run = rebalance_pb2.Rebalance(
            rebalance_id=RUN,
            model_id=MODEL,
            model_name="Balanced",
            model_version=1,
            state=rebalance_pb2.REBALANCE_STATE_COMPLETED,
            portfolio_count=3,
            rebalanced_count=3,
            version=3,
            review_counts=rebalance_pb2.ReviewCounts(pending_count=1, approved_count=2),
        )
        self.run.create_time.FromDatetime(TIME)
        day = self.run.rebalance_date
        day.year, day.month, day.day = 2026, 1, 2
        self.events = SENDING
        self.cuts: list[int] = []
        self.hangs = False
        self.released = Event()
        self.answers = True
        self.refuses: errors.OrderGenerationError | None = None
        self.asked: list[tuple[Message, str]] = []

    def _note(self, request: Message, context: grpc.ServicerContext) -> None:
        told = {key: str(value) for key, value in context.invocation_metadata()}
        self.asked.append((request, told.get("x-actor", "")))
        if self.refuses:
            status = to_status(self.refuses)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, status.message)

    def GetRebalance(  # noqa: N802 - the name in the contract
        self, request: rebalance_service_pb2.GetRebalanceRequest, context: grpc.ServicerContext
    ) -> rebalance_pb2.Rebalance:
        del context
        assert request.rebalance_id == RUN
        return self.run

    def ReviewRebalance(  # noqa: N802 - likewise
        self, request: pb.ReviewRebalanceRequest, context: grpc.ServicerContext
    ) -> rebalance_pb2.Rebalance:
        self._note(request, context)
        return self.run

    def SubmitOrders(  # noqa: N802 - likewise
        self, request: pb.SubmitOrdersRequest, context: grpc.ServicerContext
    ) -> pb.OrderSubmission:
        self._note(request, context)
        if not self.answers:
            self.released.wait()
        return self.events[0].started

    def GetOrderSubmission(  # noqa: N802 - likewise
        self, request: pb.GetOrderSubmissionRequest, context: grpc.ServicerContext
    ) -> pb.OrderSubmission:
        if request.submission_id != SUBMISSION:
            status = to_status(errors.NotFound("There is no such submission."))
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.NOT_FOUND, status.message)
        return self.events[-1].finished

    def CancelOrderSubmission(  # noqa: N802 - likewise
        self, request: pb.CancelOrderSubmissionRequest, context: grpc.ServicerContext
    ) -> pb.OrderSubmission:
        self._note(request, context)
        return submission(pb.ORDER_SUBMISSION_STATE_CANCELLED, order_count=4, not_sent_count=4)

    def WatchOrderSubmission(  # noqa: N802 - likewise
        self, request: pb.WatchOrderSubmissionRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchOrderSubmissionResponse]:
        left = [one for one in self.events if one.sequence > request.after_sequence]
        if self.cuts:
            yield from left[: self.cuts.pop(0)]
            context.abort(grpc.StatusCode.UNAVAILABLE, "cut off")
        yield from left[:-1] if self.hangs else left
        if self.hangs:
            self.released.wait()

    def ListRebalanceEvents(  # noqa: N802 - likewise
        self, request: pb.ListRebalanceEventsRequest, context: grpc.ServicerContext
    ) -> pb.ListRebalanceEventsResponse:
        del request, context
        answer = pb.ListRebalanceEventsResponse()
        for kind, actor, given in (
            (pb.REBALANCE_EVENT_TYPE_STARTED, "ann", {"authenticated": True}),
            (
                pb.REBALANCE_EVENT_TYPE_APPROVED,
                "bob",
                {"comment": "as agreed with the client", "portfolio_count": 2},
            ),
            (pb.REBALANCE_EVENT_TYPE_SUBMITTED, "", {"submission_id": SUBMISSION, "portfolio_count": 2}),
        ):
            answer.events.add(type=kind, actor=actor, **given).event_time.FromDatetime(TIME)
        return answer

    def AggregateOrders(  # noqa: N802 - likewise
        self, request: pb.AggregateOrdersRequest, context: grpc.ServicerContext
    ) -> pb.AggregateOrdersResponse:
        del request, context
        answer = pb.AggregateOrdersResponse()
        for ticker, quantity, value in (("AAA", "1234567", "9876543.21"), ("BBB", "10", "10000000.005")):
            block = answer.blocks.add(security_id=ticker[0] * 24, ticker=ticker, portfolio_count=2)
            block.transaction_type = rebalance_pb2.TRANSACTION_TYPE_BUY
            block.quantity.value, block.value.value = quantity, value
        return answer

    def AllocateFill(  # noqa: N802 - likewise
        self, request: pb.AllocateFillRequest, context: grpc.ServicerContext
    ) -> pb.AllocateFillResponse:
        self._note(request, context)
        answer = pb.AllocateFillResponse()
        answer.allocations.add(portfolio_id="P" * 24, ordered_quantity=800, allocated_quantity=667)
        answer.allocations.add(portfolio_id="Q" * 24, ordered_quantity=400, allocated_quantity=333)
        return answer

    def ReconcileOrders(  # noqa: N802 - likewise
        self, request: pb.ReconcileOrdersRequest, context: grpc.ServicerContext
    ) -> pb.ReconcileOrdersResponse:
        self._note(request, context)
        if not self.events:
            return pb.ReconcileOrdersResponse(compared_count=4)
        answer = pb.ReconcileOrdersResponse(compared_count=4, difference_count=2)
        sent = order("P", "AAA", pb.ORDER_STATE_SENT, external_order_id=7)
        answer.differences.add(
            type=pb.ORDER_DIFFERENCE_TYPE_DUPLICATE,
            order=sent,
            external_order_ids=[7, 9],
            description="The order service has it twice, as orders 7 and 9.",
        )
        answer.differences.add(
            type=pb.ORDER_DIFFERENCE_TYPE_UNKNOWN,
            external_order_ids=[11],
            description="Order 11 carries a mark of ours.",
        )
        return answer

    def ResolvePortfolios(  # noqa: N802 - likewise
        self, request: reference_service_pb2.ResolvePortfoliosRequest, context: grpc.ServicerContext
    ) -> reference_service_pb2.ResolvePortfoliosResponse:
        del context
        answer = reference_service_pb2.ResolvePortfoliosResponse()
        for asked in request.portfolios:
            match = answer.matches.add(asked=asked)
            for portfolio_id, name in NAMES.items():
                if asked in {portfolio_id, name}:
                    match.portfolios.add(portfolio_id=portfolio_id, name=name)
        return answer

    def ResolveSecurities(  # noqa: N802 - likewise
        self, request: reference_service_pb2.ResolveSecuritiesRequest, context: grpc.ServicerContext
    ) -> reference_service_pb2.ResolveSecuritiesResponse:
        del context
        answer = reference_service_pb2.ResolveSecuritiesResponse()
        for asked in request.securities:
            match = answer.matches.add(asked=asked)
            if asked in {"AAA", "BBB"}:
                match.securities.add(security_id=asked[0] * 24, ticker=asked)
        return answer


@contextmanager
def serving(desk: OrderDesk) -> Iterator[str]:
    """The desk behind a real port; where it is."""
    server = grpc.server(ThreadPoolExecutor(8))
    rebalance_service_pb2_grpc.add_RebalanceServiceServicer_to_server(desk, server)
    reference_service_pb2_grpc.add_ReferenceServiceServicer_to_server(desk, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        desk.released.set()
        server.stop(0).wait()
