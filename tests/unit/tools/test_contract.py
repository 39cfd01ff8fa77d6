"""Rules of the contract that no linter knows."""

import re
from collections.abc import Iterator

import pytest
from globeco.ordergen.v1 import (
    diagnostics_service_pb2,
    drift_pb2,
    model_pb2,
    model_service_pb2,
    order_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
)
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor

MODULES = (
    model_pb2,
    model_service_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
    diagnostics_service_pb2,
    drift_pb2,
    order_pb2,
)
FILES = [module.DESCRIPTOR for module in MODULES]

REST = {
    "CreateModel": ("post", "/api/v1/models"),
    "GetModel": ("get", "/api/v1/model/{model_id}"),
    "ListModels": ("get", "/api/v1/models"),
    "UpdateModel": ("put", "/api/v1/model/{model.model_id}"),
    "DeleteModel": ("delete", "/api/v1/model/{model_id}"),
    "AddPosition": ("post", "/api/v1/model/{model_id}/position"),
    "UpdatePosition": ("put", "/api/v1/model/{model_id}/position"),
    "RemovePosition": ("delete", "/api/v1/model/{model_id}/position"),
    "AddPortfolios": ("post", "/api/v1/model/{model_id}/portfolio"),
    "RemovePortfolios": ("delete", "/api/v1/model/{model_id}/portfolio"),
    "RebalancePortfolio": ("post", "/api/v1/portfolio/{portfolio_id}/rebalance"),
    "StartRebalance": ("post", "/api/v1/model/{model_id}/rebalance"),
    "RebalanceModel": ("post", "/api/v1/model/{model_id}:rebalance"),
    "WatchRebalance": ("get", "/api/v1/rebalance/{rebalance_id}:watch"),
    "CancelRebalance": ("post", "/api/v1/rebalance/{rebalance_id}:cancel"),
    "GetRebalance": ("get", "/api/v1/rebalance/{rebalance_id}"),
    "ListRebalances": ("get", "/api/v1/rebalances"),
    "ListPortfolioRebalances": ("get", "/api/v1/rebalance/{rebalance_id}/portfolios"),
    "GetPortfolioRebalance": ("get", "/api/v1/rebalance/{rebalance_id}/portfolio/{portfolio_id}"),
    "DeleteRebalance": ("delete", "/api/v1/rebalance/{rebalance_id}"),
    "ReviewRebalance": ("post", "/api/v1/rebalance/{rebalance_id}:review"),
    "SubmitOrders": ("post", "/api/v1/rebalance/{rebalance_id}:submit"),
    "GetOrderSubmission": ("get", "/api/v1/submission/{submission_id}"),
    "WatchOrderSubmission": ("get", "/api/v1/submission/{submission_id}:watch"),
    "CancelOrderSubmission": ("post", "/api/v1/submission/{submission_id}:cancel"),
    "ListOrders": ("get", "/api/v1/rebalance/{rebalance_id}/orders"),
    "ListRebalanceEvents": ("get", "/api/v1/rebalance/{rebalance_id}/events"),
    "AggregateOrders": ("get", "/api/v1/rebalance/{rebalance_id}/blocks"),
    "AllocateFill": ("post", "/api/v1/rebalance/{rebalance_id}:allocate"),
    "ReconcileOrders": ("post", "/api/v1/rebalance/{rebalance_id}:reconcile"),
    "CheckDrift": ("post", "/api/v1/portfolios:drift"),
    "ResolveSecurities": ("post", "/api/v1/securities:resolve"),
    "ResolvePortfolios": ("post", "/api/v1/portfolios:resolve"),
    "Diagnose": ("get", "/api/v1/diagnostics"),
}


def methods(file: FileDescriptor) -> Iterator[MethodDescriptor]:
    for service in file.services_by_name.values():
        yield from service.methods


def messages(file: FileDescriptor) -> Iterator[Descriptor]:
    yield from file.message_types_by_name.values()


ALL_METHODS = [method for file in FILES for method in methods(file)]
ALL_FIELDS = [field for file in FILES for message in messages(file) for field in message.fields]


@pytest.mark.parametrize("field", ALL_FIELDS, ids=lambda field: field.full_name)
def test_no_number_is_a_float(field: FieldDescriptor) -> None:
    assert field.type not in (field.TYPE_DOUBLE, field.TYPE_FLOAT)


@pytest.mark.parametrize("method", ALL_METHODS, ids=lambda method: method.name)
def test_every_call_has_its_path(method: MethodDescriptor) -> None:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    assert (verb, getattr(rule, str(verb))) == REST[method.name]


def test_every_call_of_the_contract_is_there() -> None:
    streams = {"RebalanceModel", "WatchRebalance", "WatchOrderSubmission", "CheckDrift"}
    assert {method.name for method in ALL_METHODS} == set(REST)
    assert {method.name for method in ALL_METHODS if method.server_streaming} == streams


@pytest.mark.parametrize("field", ALL_FIELDS, ids=lambda field: field.full_name)
def test_every_field_says_how_it_behaves(field: FieldDescriptor) -> None:
    """But for those of answers of list calls, which only the server writes."""
    if not re.search(r"\.List\w*Response\.", field.full_name):
        assert field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def test_the_first_value_of_every_enum_is_unspecified() -> None:
    for file in FILES:
        for enum in file.enum_types_by_name.values():
            assert enum.values_by_number[0].name.endswith("_UNSPECIFIED")
