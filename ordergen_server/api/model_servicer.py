"""ModelService over gRPC."""

from typing import Protocol

from globeco.ordergen.v1 import model_pb2, model_service_pb2
from google.protobuf import empty_pb2

from ordergen_server.api.call import Call
from ordergen_server.api.messages import decoding, encoding
from ordergen_server.domain.models import Position, check_content, check_position
from ordergen_server.domain.requests.ids import check_entity_id, check_object_id, check_version
from ordergen_server.domain.requests.ordering import MODEL_ORDERS, parse_order
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.domain.stores import ModelStore
from ordergen_server.services.models import ModelEditor


class ModelServicer:
    """Decodes requests, asks the use cases, encodes answers; what it raises becomes a status."""

    def __init__(self, editor: ModelEditor, models: ModelStore) -> None:
        self._editor = editor
        self._models = models

    def CreateModel(
        self,
        request: model_service_pb2.CreateModelRequest,
        call: Call,
    ) -> model_pb2.Model:
        """Create a model."""
        with Violations() as violations:
            content = decoding.content(request.model, "model", violations)
            check_content(content, "model", violations)
            request_id = decoding.request_id(request.request_id, violations)
        return encoding.model(self._editor.create(content, request_id))

    def GetModel(
        self,
        request: model_service_pb2.GetModelRequest,
        call: Call,
    ) -> model_pb2.Model:
        """Read a model."""
        with Violations() as violations:
            check_object_id(request.model_id, "model_id", violations)
        return encoding.model(self._models.get(request.model_id))

    def ListModels(
        self,
        request: model_service_pb2.ListModelsRequest,
        call: Call,
    ) -> model_service_pb2.ListModelsResponse:
        """Read a page of models."""
        page = PageRequest(request.page_size, request.page_token, request.skip)
        with Violations() as violations:
            page.check(violations)
            if request.portfolio_id:
                check_entity_id(request.portfolio_id, "portfolio_id", violations)
            parse_order(request.order_by, MODEL_ORDERS, violations)
        found = self._models.find(page, request.order_by, request.portfolio_id)
        return model_service_pb2.ListModelsResponse(
            models=map(encoding.model, found.items),
            next_page_token=found.next_token,
            total_size=found.total_size,
        )

    def UpdateModel(self, request: model_service_pb2.UpdateModelRequest, call: Call) -> model_pb2.Model:
        """Change fields of a model."""
        with Violations() as violations:
            check_object_id(request.model.model_id, "model.model_id", violations)
            check_version(request.model.version, "model.version", violations, required=True)
            fields = decoding.update_fields(request.update_mask, violations)
            content = decoding.content(request.model, "model", violations, fields)
            check_content(content, "model", violations, fields)
        model = self._editor.update(request.model.model_id, content, fields, request.model.version)
        return encoding.model(model)

    def DeleteModel(self, request: model_service_pb2.DeleteModelRequest, call: Call) -> empty_pb2.Empty:
        """Delete a model."""
        with Violations() as violations:
            check_object_id(request.model_id, "model_id", violations)
            check_version(request.version, "version", violations, required=True)
        self._editor.delete(request.model_id, request.version)
        return empty_pb2.Empty()

    def AddPosition(self, request: model_service_pb2.AddPositionRequest, call: Call) -> model_pb2.Model:
        """Add a security to a model."""
        position = _position(request)
        return encoding.model(self._editor.add_position(request.model_id, position, request.version))

    def UpdatePosition(self, request: model_service_pb2.UpdatePositionRequest, call: Call) -> model_pb2.Model:
        """Replace a position of a model."""
        position = _position(request)
        return encoding.model(self._editor.update_position(request.model_id, position, request.version))

    def RemovePosition(self, request: model_service_pb2.RemovePositionRequest, call: Call) -> model_pb2.Model:
        """Remove a security from a model."""
        with Violations() as violations:
            _check_target(request, violations)
            match = decoding.position_match(request.position, "position", violations)
        return encoding.model(self._editor.remove_position(request.model_id, match, request.version))

    def AddPortfolios(self, request: model_service_pb2.AddPortfoliosRequest, call: Call) -> model_pb2.Model:
        """Link portfolios to a model."""
        portfolio_ids = _portfolio_ids(request)
        return encoding.model(self._editor.add_portfolios(request.model_id, portfolio_ids, request.version))

    def RemovePortfolios(
        self, request: model_service_pb2.RemovePortfoliosRequest, call: Call
    ) -> model_pb2.Model:
        """Unlink portfolios from a model."""
        portfolio_ids = _portfolio_ids(request)
        return encoding.model(
            self._editor.remove_portfolios(request.model_id, portfolio_ids, request.version)
        )


class _Change(Protocol):
    """A request to change a part of a model."""

    @property
    def model_id(self) -> str: ...
    @property
    def version(self) -> int: ...


def _check_target(request: _Change, violations: Violations) -> None:
    check_object_id(request.model_id, "model_id", violations)
    check_version(request.version, "version", violations)


def _position(
    request: model_service_pb2.AddPositionRequest | model_service_pb2.UpdatePositionRequest,
) -> Position:
    with Violations() as violations:
        _check_target(request, violations)
        position = decoding.position(request.position, "position", violations)
        check_position(position, "position", violations)
    return position


def _portfolio_ids(
    request: model_service_pb2.AddPortfoliosRequest | model_service_pb2.RemovePortfoliosRequest,
) -> tuple[str, ...]:
    with Violations() as violations:
        _check_target(request, violations)
        if not request.portfolio_ids:
            violations.add("portfolio_ids", "must name at least one portfolio")
        for index, portfolio_id in enumerate(request.portfolio_ids):
            check_entity_id(portfolio_id, f"portfolio_ids[{index}]", violations)
    return tuple(request.portfolio_ids)
