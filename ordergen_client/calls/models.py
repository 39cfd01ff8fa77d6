"""What can be asked of models."""

from collections.abc import Iterable

from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1 import model_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from ordergen_client.calls.call import Call, Pages, nothing, repeatable
from ordergen_client.records import checks, messages
from ordergen_client.records.values import Model, Position


def create(
    name: str,
    positions: Iterable[Position] = (),
    portfolio_ids: Iterable[str] = (),
    *,
    request_id: str = "",
) -> Call[Model]:
    """Create a model.

    Args:
        name: of the model; unique.
        positions: its securities.
        portfolio_ids: the portfolios that follow it.
        request_id: a UUID4 that makes the call safe to repeat; without one it is given one of its own.
    """
    request = pb.CreateModelRequest(
        model=_message(name, positions, portfolio_ids), request_id=repeatable(request_id)
    )
    return Call("CreateModel", request, messages.model)


def get(model_id: str) -> Call[Model]:
    """Read a model."""
    return Call("GetModel", pb.GetModelRequest(model_id=_id(model_id)), messages.model)


def list_all(*, order_by: str = "", portfolio_id: str = "", page_size: int = 0) -> Pages[Model]:
    """Read every model, page after page as they are needed.

    Args:
        order_by: `model_id`, `name` or `last_rebalance_time`, each with ` desc` or without; commas between
            several.
        portfolio_id: only the model that this portfolio follows.
        page_size: how many are read at once; 0 leaves it to the server.
    """
    request = pb.ListModelsRequest(
        order_by=checks.text(order_by, "order_by"),
        portfolio_id=checks.text(portfolio_id, "portfolio_id"),
        page_size=checks.whole(page_size, "page_size"),
    )
    return Pages("ListModels", request, lambda page: map(messages.model, page.models))


def update(
    model_id: str,
    version: int,
    *,
    name: str | None = None,
    positions: Iterable[Position] | None = None,
    portfolio_ids: Iterable[str] | None = None,
) -> Call[Model]:
    """Replace the fields that are given; `version` is the one that was read.

    Raises:
        ValueError: none is given.
    """
    given = {"name": name, "positions": positions, "portfolio_ids": portfolio_ids}
    fields = [field for field, value in given.items() if value is not None]
    if not fields:  # a mask that names nothing is one of all fields
        raise ValueError("name, positions or portfolio_ids must be given")
    message = _message(
        "" if name is None else name,
        () if positions is None else positions,
        () if portfolio_ids is None else portfolio_ids,
    )
    message.model_id, message.version = _id(model_id), _version(version)
    request = pb.UpdateModelRequest(model=message, update_mask=FieldMask(paths=fields))
    return Call("UpdateModel", request, messages.model)


def delete(model_id: str, version: int) -> Call[None]:
    """Delete a model; `version` is the one that was read."""
    request = pb.DeleteModelRequest(model_id=_id(model_id), version=_version(version))
    return Call("DeleteModel", request, nothing)


def add_position(model_id: str, position: Position, version: int = 0) -> Call[Model]:
    """Add a security to a model; `version` 0 is whichever is current."""
    request = pb.AddPositionRequest(
        model_id=_id(model_id), position=_position(position), version=_version(version)
    )
    return Call("AddPosition", request, messages.model)


def update_position(model_id: str, position: Position, version: int = 0) -> Call[Model]:
    """Replace the target and drifts of a security of a model."""
    request = pb.UpdatePositionRequest(
        model_id=_id(model_id), position=_position(position), version=_version(version)
    )
    return Call("UpdatePosition", request, messages.model)


def remove_position(model_id: str, position: str | Position, version: int = 0) -> Call[Model]:
    """Remove a security from a model; a whole position must equal what is stored."""
    message = model_pb2.Position(security_id=position) if isinstance(position, str) else _position(position)
    request = pb.RemovePositionRequest(model_id=_id(model_id), position=message, version=_version(version))
    return Call("RemovePosition", request, messages.model)


def add_portfolios(model_id: str, portfolio_ids: Iterable[str], version: int = 0) -> Call[Model]:
    """Link portfolios to a model; those it has are no matter."""
    request = pb.AddPortfoliosRequest(
        model_id=_id(model_id), portfolio_ids=_portfolios(portfolio_ids), version=_version(version)
    )
    return Call("AddPortfolios", request, messages.model)


def remove_portfolios(model_id: str, portfolio_ids: Iterable[str], version: int = 0) -> Call[Model]:
    """Unlink portfolios from a model; those it does not have are no matter."""
    request = pb.RemovePortfoliosRequest(
        model_id=_id(model_id), portfolio_ids=_portfolios(portfolio_ids), version=_version(version)
    )
    return Call("RemovePortfolios", request, messages.model)


def _message(name: str, positions: Iterable[Position], portfolio_ids: Iterable[str]) -> model_pb2.Model:
    return messages.model_message(
        checks.text(name, "name"),
        checks.records(positions, "positions", Position),
        _portfolios(portfolio_ids),
    )


def _position(position: Position) -> model_pb2.Position:
    return messages.position_message(checks.record(position, "position", Position))


def _id(model_id: str) -> str:
    return checks.text(model_id, "model_id")


def _version(version: int) -> int:
    return checks.whole(version, "version")


def _portfolios(portfolio_ids: Iterable[str]) -> tuple[str, ...]:
    return checks.texts(portfolio_ids, "portfolio_ids")
