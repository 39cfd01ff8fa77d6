"""ModelService over gRPC."""

import grpc
from globeco.ordergen.v1 import model_pb2, model_service_pb2, model_service_pb2_grpc

from ordergen_server.api import decoding, encoding
from ordergen_server.domain.ids import check_entity_id, check_object_id, check_request_id
from ordergen_server.domain.models import check_content
from ordergen_server.domain.pages import PageRequest
from ordergen_server.domain.stores import ModelStore
from ordergen_server.domain.violations import Violations
from ordergen_server.services.models import ModelKeeper


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """Decodes requests, asks the use cases, encodes answers; errors are the interceptor's."""

    def __init__(self, keeper: ModelKeeper, models: ModelStore) -> None:
        self._keeper = keeper
        self._models = models

    def CreateModel(
        self,
        request: model_service_pb2.CreateModelRequest,
        context: grpc.ServicerContext,
    ) -> model_pb2.Model:
        """Create a model."""
        with Violations() as violations:
            content = decoding.content(request.model, "model", violations)
            check_content(content, "model", violations)
            check_request_id(request.request_id, "request_id", violations)
        if request.request_id:
            decoding.refuse("request_id")
        return encoding.model(self._keeper.create(content))

    def GetModel(
        self,
        request: model_service_pb2.GetModelRequest,
        context: grpc.ServicerContext,
    ) -> model_pb2.Model:
        """Read a model."""
        with Violations() as violations:
            check_object_id(request.model_id, "model_id", violations)
        return encoding.model(self._models.get(request.model_id))

    def ListModels(
        self,
        request: model_service_pb2.ListModelsRequest,
        context: grpc.ServicerContext,
    ) -> model_service_pb2.ListModelsResponse:
        """Read a page of models."""
        page = PageRequest(request.page_size, request.page_token, request.skip)
        with Violations() as violations:
            page.check(violations)
            if request.portfolio_id:
                check_entity_id(request.portfolio_id, "portfolio_id", violations)
        found = self._models.find(page, request.order_by, request.portfolio_id)
        return model_service_pb2.ListModelsResponse(
            models=map(encoding.model, found.items),
            next_page_token=found.next_token,
            total_size=found.total_size,
        )
