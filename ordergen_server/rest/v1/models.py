"""Models."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from globeco.ordergen.v1 import model_pb2, model_service_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ordergen_server.rest.answering.answers import answered, answered_in_parts, array
from ordergen_server.rest.api import Api, ForRequest
from ordergen_server.rest.v1 import shapes
from ordergen_server.rest.v1.exact import ExactRoute
from ordergen_server.rest.v1.forms import (
    ChangedModel,
    ModelAnswer,
    NewModel,
    Portfolios,
    PositionForm,
    Version,
)
from ordergen_server.rest.v1.paths import PREFIX, IdempotencyKey, ModelId, refusals

pb = model_service_pb2

LARGEST_PAGE = 1000
_LARGEST_SKIP = 2**31 - 1
_ORDERS = {"model_id": "model_id", "name": "name", "last_rebalance_date": "last_rebalance_time"}
#: For the document alone: what is below is answered 400.
_NOT_NEGATIVE: dict[str, Any] = {"minimum": 0}

#: A change of a model that is there can be refused with these.
CHANGED = refusals(400, 404, 409, 422)

router = APIRouter(prefix=PREFIX, tags=["models"], route_class=ExactRoute)


@router.get("/models", response_model=list[ModelAnswer], responses=refusals(400, 422))
async def list_models(
    api: ForRequest,
    offset: Annotated[
        int, Query(description="Models to pass over: 0 or more.", json_schema_extra=_NOT_NEGATIVE)
    ] = 0,
    limit: Annotated[
        int | None, Query(description="Models at most; without it all.", json_schema_extra=_NOT_NEGATIVE)
    ] = None,
    sort_by: Annotated[
        str, Query(description="model_id, name, last_rebalance_date; several by comma; `-name` descends.")
    ] = "",
) -> Response:
    """Answers models, all of them or so many."""
    if offset < 0:
        raise HTTPException(400, f"offset must be 0 or more, not {offset}")
    if limit is not None and limit < 0:
        raise HTTPException(400, f"limit must be 0 or more, not {limit}")
    return await answered_in_parts(array(_models(api, offset, limit, _order_by(sort_by))))


@router.get("/model/{model_id}", response_model=ModelAnswer, responses=refusals(400, 404))
async def get_model(model_id: ModelId, api: ForRequest) -> Response:
    """Answers a model."""
    request = pb.GetModelRequest(model_id=model_id.lower())
    return answered(shapes.model(await api.call(api.models.GetModel, request)))


@router.post("/models", status_code=201, response_model=ModelAnswer, responses=refusals(409, 422))
async def create_model(body: NewModel, api: ForRequest, idempotency_key: IdempotencyKey = "") -> Response:
    """Creates a model."""
    request = pb.CreateModelRequest(model=_model(body), request_id=idempotency_key)
    return answered(shapes.model(await api.call(api.models.CreateModel, request)), 201)


@router.put("/model/{model_id}", response_model=ModelAnswer, responses=CHANGED)
async def update_model(model_id: ModelId, body: ChangedModel, api: ForRequest) -> Response:
    """Replaces name, positions and portfolios of a model."""
    message = _model(body)
    message.model_id, message.version = model_id.lower(), body.version
    mask = FieldMask(paths=["name", "positions", "portfolio_ids"])
    request = pb.UpdateModelRequest(model=message, update_mask=mask)
    return answered(shapes.model(await api.call(api.models.UpdateModel, request)))


@router.delete("/model/{model_id}", status_code=204, response_class=Response, responses=CHANGED)
async def delete_model(model_id: ModelId, version: Annotated[Version, Query()], api: ForRequest) -> Response:
    """Deletes a model; its rebalances stay."""
    request = pb.DeleteModelRequest(model_id=model_id.lower(), version=version)
    await api.call(api.models.DeleteModel, request)
    return Response(status_code=204)


@router.post("/model/{model_id}/position", response_model=ModelAnswer, responses=CHANGED)
async def add_position(model_id: ModelId, body: PositionForm, api: ForRequest) -> Response:
    """Adds a security to a model."""
    request = pb.AddPositionRequest(model_id=model_id.lower(), position=_position(body))
    return answered(shapes.model(await api.call(api.models.AddPosition, request)))


@router.put("/model/{model_id}/position", response_model=ModelAnswer, responses=CHANGED)
async def update_position(model_id: ModelId, body: PositionForm, api: ForRequest) -> Response:
    """Replaces target and drifts of a security of a model."""
    request = pb.UpdatePositionRequest(model_id=model_id.lower(), position=_position(body))
    return answered(shapes.model(await api.call(api.models.UpdatePosition, request)))


@router.delete("/model/{model_id}/position", response_model=ModelAnswer, responses=CHANGED)
async def remove_position(model_id: ModelId, body: PositionForm, api: ForRequest) -> Response:
    """Removes a security from a model; all its values must be those that are stored."""
    request = pb.RemovePositionRequest(model_id=model_id.lower(), position=_position(body))
    return answered(shapes.model(await api.call(api.models.RemovePosition, request)))


@router.post("/model/{model_id}/portfolio", response_model=ModelAnswer, responses=CHANGED)
async def add_portfolios(model_id: ModelId, body: Portfolios, api: ForRequest) -> Response:
    """Links portfolios to a model; those that it has are no matter."""
    request = pb.AddPortfoliosRequest(model_id=model_id.lower(), portfolio_ids=dict.fromkeys(body.portfolios))
    return answered(shapes.model(await api.call(api.models.AddPortfolios, request)))


@router.delete("/model/{model_id}/portfolio", response_model=ModelAnswer, responses=CHANGED)
async def remove_portfolios(model_id: ModelId, body: Portfolios, api: ForRequest) -> Response:
    """Unlinks portfolios from a model; those that it does not have are no matter."""
    request = pb.RemovePortfoliosRequest(
        model_id=model_id.lower(), portfolio_ids=dict.fromkeys(body.portfolios)
    )
    return answered(shapes.model(await api.call(api.models.RemovePortfolios, request)))


async def _models(
    api: Api, offset: int, limit: int | None, order_by: str
) -> AsyncIterator[dict[str, object]]:
    """So many models from a place on: pages that the API cut short are joined."""
    left = limit
    request = pb.ListModelsRequest(skip=min(offset, _LARGEST_SKIP), order_by=order_by)
    while left is None or left > 0:
        request.page_size = LARGEST_PAGE if left is None else min(left, LARGEST_PAGE)
        page = await api.call(api.models.ListModels, request)
        for message in page.models:
            yield shapes.model(message)
        if not page.next_page_token:
            return
        left = None if left is None else left - len(page.models)
        request.page_token, request.skip = page.next_page_token, 0


def _order_by(sort_by: str) -> str:
    """The API's order. Raises HTTPException where a field is none that models are sorted by."""
    terms = [term.strip() for term in sort_by.split(",") if term.strip()]
    for term in terms:
        if term.lstrip("+-") not in _ORDERS or len(term) - len(term.lstrip("+-")) > 1:
            raise HTTPException(400, f"sort_by has {term!r}: sort by {', '.join(_ORDERS)}, each with + or -")
    return ",".join(
        f"{_ORDERS[term.lstrip('+-')]}{' desc' if term.startswith('-') else ''}" for term in terms
    )


def _model(body: NewModel) -> model_pb2.Model:
    message = model_pb2.Model(name=body.name, portfolio_ids=body.portfolios)
    message.positions.extend(map(_position, body.positions))
    return message


def _position(body: PositionForm) -> model_pb2.Position:
    message = model_pb2.Position(security_id=body.security_id)
    message.target.value = str(body.target)
    message.high_drift.value = str(body.high_drift)
    message.low_drift.value = str(body.low_drift)
    return message
