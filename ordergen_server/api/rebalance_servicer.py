"""RebalanceService over gRPC."""

from collections.abc import Iterator
from threading import Event

import grpc
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2, rebalance_service_pb2_grpc
from google.protobuf import empty_pb2

from ordergen_server.api import decoding, encoding
from ordergen_server.api.calls import deadline_of
from ordergen_server.domain.ids import check_entity_id, check_object_id, check_version
from ordergen_server.domain.pages import PageRequest
from ordergen_server.domain.rebalances import PortfolioState
from ordergen_server.domain.stores import RebalanceStore
from ordergen_server.domain.violations import Violations
from ordergen_server.services.rebalancer import Rebalancer

pb = rebalance_service_pb2

#: How long CancelRebalance waits for the run to end before it answers that it still runs.
CANCEL_SECONDS = 5.0


class RebalanceServicer(rebalance_service_pb2_grpc.RebalanceServiceServicer):
    """Decodes requests, asks the use cases, encodes answers; errors are the interceptor's.

    Args:
        maximum_call_seconds: how long a unary call may take where its caller does not say less.
        maximum_run_seconds: the same for the stream of a run.
    """

    def __init__(
        self,
        rebalancer: Rebalancer,
        runs: RebalanceStore,
        *,
        maximum_call_seconds: float,
        maximum_run_seconds: float,
    ) -> None:
        self._rebalancer = rebalancer
        self._runs = runs
        self._maximum_call_seconds = maximum_call_seconds
        self._maximum_run_seconds = maximum_run_seconds

    def RebalancePortfolio(
        self, request: pb.RebalancePortfolioRequest, context: grpc.ServicerContext
    ) -> rebalance_pb2.PortfolioRebalance:
        """Rebalance one portfolio."""
        with Violations() as violations:
            check_entity_id(request.portfolio_id, "portfolio_id", violations)
            repeatable = decoding.request(request, violations)
            options = decoding.options(request.options, violations)
        result = self._rebalancer.rebalance_portfolio(
            request.portfolio_id,
            options,
            deadline_of(context, self._maximum_call_seconds).unless(_gone(context).is_set),
            request=repeatable,
            validate_only=request.validate_only,
        )
        return encoding.portfolio_rebalance(result)

    def RebalanceModel(
        self, request: pb.RebalanceModelRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.RebalanceModelResponse]:
        """Rebalance every portfolio of a model."""
        with Violations() as violations:
            check_object_id(request.model_id, "model_id", violations)
            repeatable = decoding.request(request, violations)
            options = decoding.options(request.options, violations)
        deadline = deadline_of(context, self._maximum_run_seconds)
        if request.validate_only:
            wanted = deadline.unless(_gone(context).is_set)
            events = self._rebalancer.preview_model(request.model_id, options, wanted)
        else:
            events = self._rebalancer.rebalance_model(
                request.model_id, options, deadline, request=repeatable, when_gone=context.add_callback
            )
        yield from map(encoding.run_event, events)

    def StartRebalance(
        self, request: pb.StartRebalanceRequest, context: grpc.ServicerContext
    ) -> rebalance_pb2.Rebalance:
        """Start the rebalance of every portfolio of a model."""
        with Violations() as violations:
            check_object_id(request.model_id, "model_id", violations)
            repeatable = decoding.request(request, violations)
            options = decoding.options(request.options, violations)
        started = self._rebalancer.start(request.model_id, options, self._maximum_run_seconds, repeatable)
        return encoding.rebalance(started)

    def WatchRebalance(
        self, request: pb.WatchRebalanceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.RebalanceModelResponse]:
        """Stream what a run does."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            if request.after_sequence < 0:
                violations.add("after_sequence", "must not be negative", request.after_sequence)
        deadline = deadline_of(context, self._maximum_run_seconds)
        events = self._rebalancer.watch(
            request.rebalance_id, request.after_sequence, deadline, _gone(context)
        )
        yield from map(encoding.run_event, events)

    def CancelRebalance(
        self, request: pb.CancelRebalanceRequest, context: grpc.ServicerContext
    ) -> rebalance_pb2.Rebalance:
        """Cancel a run."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
        return encoding.rebalance(self._rebalancer.cancel(request.rebalance_id, CANCEL_SECONDS))

    def DeleteRebalance(
        self, request: pb.DeleteRebalanceRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Delete a run that has ended."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            check_version(request.version, "version", violations, required=True)
        self._runs.delete(request.rebalance_id, request.version)
        return empty_pb2.Empty()

    def GetRebalance(
        self,
        request: pb.GetRebalanceRequest,
        context: grpc.ServicerContext,
    ) -> rebalance_pb2.Rebalance:
        """Read a run."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
        return encoding.rebalance(self._runs.get(request.rebalance_id))

    def ListRebalances(
        self,
        request: pb.ListRebalancesRequest,
        context: grpc.ServicerContext,
    ) -> pb.ListRebalancesResponse:
        """Read a page of runs."""
        page = PageRequest(request.page_size, request.page_token, request.skip)
        with Violations() as violations:
            page.check(violations)
            if request.model_id:
                check_object_id(request.model_id, "model_id", violations)
            for index, portfolio_id in enumerate(request.portfolio_ids):
                check_entity_id(portfolio_id, f"portfolio_ids[{index}]", violations)
        found = self._runs.find(page, request.model_id, tuple(request.portfolio_ids))
        return pb.ListRebalancesResponse(
            rebalances=map(encoding.rebalance, found.items),
            next_page_token=found.next_token,
            total_size=found.total_size,
        )

    def ListPortfolioRebalances(
        self,
        request: pb.ListPortfolioRebalancesRequest,
        context: grpc.ServicerContext,
    ) -> pb.ListPortfolioRebalancesResponse:
        """Read a page of what a run did."""
        page = PageRequest(request.page_size, request.page_token)
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            page.check(violations)
            state = _state(request.state, violations)
        found = self._runs.find_portfolios(request.rebalance_id, page, state)
        return pb.ListPortfolioRebalancesResponse(
            portfolio_rebalances=map(encoding.portfolio_rebalance, found.items),
            next_page_token=found.next_token,
        )

    def GetPortfolioRebalance(
        self,
        request: pb.GetPortfolioRebalanceRequest,
        context: grpc.ServicerContext,
    ) -> rebalance_pb2.PortfolioRebalance:
        """Read what a run did for a portfolio."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            check_entity_id(request.portfolio_id, "portfolio_id", violations)
        return encoding.portfolio_rebalance(
            self._runs.get_portfolio(request.rebalance_id, request.portfolio_id)
        )


def _gone(context: grpc.ServicerContext) -> Event:
    """Set when the call is over, in whatever way: then nobody waits for an answer."""
    gone = Event()
    if not context.add_callback(gone.set):
        gone.set()
    return gone


def _state(value: int, violations: Violations) -> PortfolioState | None:
    if not value:
        return None
    try:
        name = rebalance_pb2.PortfolioRebalanceState.Name(value)  # type: ignore[arg-type] # any int may come
    except ValueError:
        violations.add("state", "must be a PortfolioRebalanceState", value)
        return None
    return PortfolioState(name.removeprefix("PORTFOLIO_REBALANCE_STATE_"))
