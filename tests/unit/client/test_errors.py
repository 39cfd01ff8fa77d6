"""Every status a server can answer becomes one of the client's errors, with all it carries."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2, model_service_pb2_grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

import ordergen_client
from ordergen_client import Client, OrderGenerationError, Violation, errors

NOT_FAILURES = {"OK"}


class Refusing(model_service_pb2_grpc.ModelServiceServicer):
    """Answers every GetModel with the status it was told."""

    def __init__(self) -> None:
        self.status: status_pb2.Status | None = None
        self.code = grpc.StatusCode.INTERNAL

    def GetModel(  # noqa: N802 - the name in the contract
        self, request: model_service_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> model_pb2.Model:
        del request
        if self.status is not None:
            context.abort_with_status(rpc_status.to_status(self.status))
        context.abort(self.code, "said so")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Refusing, Client]]:
    refusing = Refusing()
    server = grpc.server(ThreadPoolExecutor(1))
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(refusing, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield refusing, Client(channel=channel)
    server.stop(0).wait()


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.name not in NOT_FAILURES])
def test_every_status_code_is_an_error_of_ours(
    server: tuple[Refusing, Client], code: grpc.StatusCode
) -> None:
    refusing, client = server
    refusing.status, refusing.code = None, code
    with pytest.raises(OrderGenerationError) as caught:
        client.models.get("0" * 24)
    assert (code.name, "said so") == (caught.value.code, caught.value.message)


def test_details_reach_the_caller(server: tuple[Refusing, Client]) -> None:
    refusing, client = server
    refusing.status = _status(
        grpc.StatusCode.INVALID_ARGUMENT,
        error_details_pb2.ErrorInfo(reason="INVALID_ARGUMENT", metadata={"more_violations": "3"}),
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field="model.name", description="rule", reason="FIELD"
                )
            ]
        ),
        error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2)),
    )
    with pytest.raises(errors.InvalidArgument) as caught:
        client.models.get("0" * 24)
    error = caught.value
    assert (
        "INVALID_ARGUMENT",
        {"more_violations": "3"},
        (Violation("model.name", "rule", "FIELD"),),
        2.0,
    ) == (error.reason, error.metadata, error.violations, error.retry_after_seconds)


def test_causes_of_a_failed_precondition_are_violations() -> None:
    failure = error_details_pb2.PreconditionFailure(
        violations=[
            error_details_pb2.PreconditionFailure.Violation(type="BAND", subject="A", description="no")
        ]
    )
    error = errors.from_status(_status(grpc.StatusCode.FAILED_PRECONDITION, failure))
    assert isinstance(error, errors.PreconditionFailed)
    assert (Violation("A", "no", "BAND"),) == error.violations


def test_an_unknown_code_is_still_an_error() -> None:
    error = errors.from_status(status_pb2.Status(code=99, message="from the future"))
    assert (error.code, error.message) == ("UNKNOWN", "from the future")


def test_exported_names() -> None:
    """What users import is pinned: a name that goes breaks them."""
    expected = [
        "UNCHANGED",
        "Aborted", "AlreadyExists", "AsyncClient", "AsyncRun", "BadData", "Caller", "Cancelled", "Client",
        "ComparedPortfolio", "ComparedVariant", "ComparisonEvent",
        "CredentialType", "DataProblem", "DatabaseUnavailable", "DeadlineExceeded", "Dependency",
        "DependencyState", "Diagnosis", "DoNotTrade", "DriftState", "FileNotWrittenError", "GroupLimit",
        "Infeasible", "InternalError",
        "InvalidArgument", "LimitBreach", "MarketValueNotPositive", "MissingData", "Model",
        "ModelWithoutPositions",
        "NotFound", "NotToBeTraded", "OrderGenerationError", "PermissionDenied", "Portfolio",
        "PortfolioDrift",
        "PortfolioMatches",
        "PortfolioRebalance", "PortfolioSettings", "PortfolioState",
        "Position", "PositionReason", "PreconditionFailed", "PriceProblem", "PriceRange", "Rebalance",
            "RebalanceEvent",
        "RebalanceInProgress", "RebalanceOptions", "RebalancePosition", "RebalanceState",
        "RebalanceSummary", "Relaxations",
        "ResourceExhausted", "Restriction", "Rule", "RuleKind", "RulePrice", "RuleSource", "Run",
        "Security", "SecurityLimit", "SecurityMatches",
        "SiblingUnavailable", "Side", "Sides", "Solution", "SolutionStatus", "SolverUndecided",
        "StalePrice", "StoredDataDamaged", "Strategy", "Tls", "Transaction", "Unauthenticated", "Unavailable",
        "Unpriced", "Unsupported", "Variant", "VersionMismatch", "View", "Violation", "WorstPosition",
    ]  # fmt: skip
    assert expected == ordergen_client.__all__
    assert expected == [name for name in expected if hasattr(ordergen_client, name)]


def _status(code: grpc.StatusCode, *details: Message) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message="refused")
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
