"""A server behind a real port, and what its clients see of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import grpc
import pytest
from globeco.ordergen.v1 import (
    model_pb2,
    model_service_pb2,
    model_service_pb2_grpc,
    rebalance_pb2,
    rebalance_service_pb2,
    rebalance_service_pb2_grpc,
    reference_service_pb2_grpc,
)
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.bootstrap import serving
from ordergen_server.configuration.settings import Settings
from ordergen_server.sandbox.market.portfolios import SuggestedModel
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.limits import DATABASE_SECONDS, PATIENCE

Detail = TypeVar("Detail", bound=Message)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Api:
    """Stubs of all services on one channel."""

    channel: grpc.Channel
    models: model_service_pb2_grpc.ModelServiceStub
    rebalances: rebalance_service_pb2_grpc.RebalanceServiceStub
    references: reference_service_pb2_grpc.ReferenceServiceStub
    port: int
    health_port: int
    metrics_port: int = 0

    def create(self, model: model_pb2.Model) -> model_pb2.Model:
        return self.models.CreateModel(model_service_pb2.CreateModelRequest(model=model), timeout=PATIENCE)

    def get(self, model_id: str) -> model_pb2.Model:
        return self.models.GetModel(model_service_pb2.GetModelRequest(model_id=model_id), timeout=PATIENCE)

    def rebalance(
        self, portfolio_id: str, options: rebalance_pb2.RebalanceOptions | None = None
    ) -> rebalance_pb2.PortfolioRebalance:
        request = rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=portfolio_id, options=options)
        return self.rebalances.RebalancePortfolio(request, timeout=PATIENCE)

    def rebalance_all(
        self, model_id: str, options: rebalance_pb2.RebalanceOptions | None = None
    ) -> Iterator[rebalance_service_pb2.RebalanceModelResponse]:
        request = rebalance_service_pb2.RebalanceModelRequest(model_id=model_id, options=options)
        return iter(self.rebalances.RebalanceModel(request, timeout=PATIENCE))

    def run(self, rebalance_id: str) -> rebalance_pb2.Rebalance:
        request = rebalance_service_pb2.GetRebalanceRequest(rebalance_id=rebalance_id)
        return self.rebalances.GetRebalance(request, timeout=PATIENCE)

    def portfolio(self, rebalance_id: str, portfolio_id: str) -> rebalance_pb2.PortfolioRebalance:
        request = rebalance_service_pb2.GetPortfolioRebalanceRequest(
            rebalance_id=rebalance_id, portfolio_id=portfolio_id
        )
        return self.rebalances.GetPortfolioRebalance(request, timeout=PATIENCE)


@contextmanager
def connected(port: int, health_port: int, metrics_port: int = 0) -> Iterator[Api]:
    """Stubs of a server on this machine."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Api(
            channel,
            model_service_pb2_grpc.ModelServiceStub(channel),
            rebalance_service_pb2_grpc.RebalanceServiceStub(channel),
            reference_service_pb2_grpc.ReferenceServiceStub(channel),
            port,
            health_port,
            metrics_port,
        )


@contextmanager
def served(
    mongodb_uri: str,
    database_name: str,
    siblings: SimulatedSiblings,
    *,
    mongodb_timeout_seconds: float = DATABASE_SECONDS,
    sibling_timeout_seconds: float = PATIENCE,
    sibling_backoff_seconds: float = 0.01,
    portfolio_workers: int = 16,
    compute_processes: int = 0,
    maximum_calls: int = 128,
    maximum_runs: int = 4,
    lease_seconds: float = 15,
    over_grpc: bool = False,
    with_orders: bool = False,
    maximum_price_age_days: int | None = None,
    approvals: int = 1,
    order_settle_seconds: float = 1.0,
    tracing: Tracing | None = None,
) -> Iterator[Api]:
    """A server in this process, behind real ports."""
    http_urls = siblings.accounting_url, siblings.pricing_url, siblings.security_url, siblings.portfolio_url
    accounting, pricing, security, portfolio = (siblings.grpc_url,) * 4 if over_grpc else http_urls
    order = siblings.grpc_url if over_grpc else siblings.order_url
    settings = Settings(
        host="127.0.0.1",
        port=0,
        health_port=0,
        metrics_port=0,
        mongodb_database=database_name,
        mongodb_timeout_seconds=mongodb_timeout_seconds,
        portfolio_accounting_url=accounting,
        pricing_url=pricing,
        security_url=security,
        portfolio_url=portfolio,
        order_url=order if with_orders else None,
        sibling_attempts=2,
        sibling_backoff_seconds=sibling_backoff_seconds,
        sibling_timeout_seconds=sibling_timeout_seconds,
        portfolio_workers=portfolio_workers,
        compute_processes=compute_processes,
        maximum_calls=maximum_calls,
        maximum_runs=maximum_runs,
        lease_seconds=lease_seconds,
        maximum_price_age_days=maximum_price_age_days,
        approvals=approvals,
        order_settle_seconds=order_settle_seconds,
        maximum_call_seconds=PATIENCE,
        message_seconds=PATIENCE,
        health_interval_seconds=0.1,
    )
    with (
        serving(settings, mongodb_uri, tracing) as server,
        connected(server.port, server.health_port, server.metrics_port) as api,
    ):
        yield api


@dataclass(frozen=True)
class Failure:
    """A call that failed, with all its details."""

    code: grpc.StatusCode
    message: str
    status: status_pb2.Status

    def detail(self, kind: type[Detail]) -> Detail:
        """The one detail of that kind."""
        found = [kind.FromString(one.value) for one in self.status.details if one.Is(kind.DESCRIPTOR)]
        assert len(found) == 1
        return found[0]

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        info = self.detail(error_details_pb2.ErrorInfo)
        assert info.domain == "ordergen.globeco"
        return info

    @property
    def fields(self) -> list[str]:
        """The paths of broken fields."""
        return [one.field for one in self.detail(error_details_pb2.BadRequest).field_violations]


def failure(call: Callable[[], object]) -> Failure:
    """How a call fails."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    error = raised.value
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # an RpcError is a call
    assert status is not None
    assert status.code == error.code().value[0]
    return Failure(error.code(), error.details() or "", status)


def stored_failure(status: status_pb2.Status) -> Failure:
    """An error that stands in an answer."""
    code = next(one for one in grpc.StatusCode if one.value[0] == status.code)
    return Failure(code, status.message, status)


def message_of(model: SuggestedModel, portfolios: int | None = None) -> model_pb2.Model:
    """The model that fits the siblings' data, followed by the first so many portfolios."""
    message = model_pb2.Model(name=model.name, portfolio_ids=model.portfolio_ids[:portfolios])
    for position in model.positions:
        line = message.positions.add(security_id=position.security_id)
        line.target.value = str(position.target)
        line.low_drift.value = str(position.low_drift)
        line.high_drift.value = str(position.high_drift)
    return message
