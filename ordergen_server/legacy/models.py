"""A model as the service before stores it, as one of ours."""

from datetime import UTC, datetime

from bson import ObjectId

from ordergen_server.domain.models import (
    Model,
    ModelContent,
    Position,
    check_name,
    check_portfolio_ids,
    check_positions,
)
from ordergen_server.legacy.fields import Fields
from ordergen_server.legacy.flaws import Flaws
from ordergen_server.repositories.mongodb.codec import Document

_EPOCH = datetime.fromtimestamp(0, UTC)


def model_of(document: Document, flaws: Flaws) -> Model:
    """The model of a document, with its id, version and times; not to be used where there are flaws.

    Positions with target 0 are none, as everywhere; which they were is noted as left out.
    """
    fields = Fields(document, "", flaws)
    content = ModelContent(
        name=fields.text("name"),
        positions=tuple(map(weights_of, fields.each("positions"))),
        portfolio_ids=fields.texts("portfolios"),
    )
    if fields.has("name"):
        check_name(content.name, "name", flaws)
    check_positions(content.positions, "positions", flaws)
    check_portfolio_ids(content.portfolio_ids, "portfolios", flaws)
    for index, position in enumerate(content.positions):
        if not position.target:
            flaws.leave_out(f"positions[{index}]", "a position with target 0 is none", position.security_id)
    model_id = fields.object_id("_id")
    created = fields.time("created_at") or _made(model_id)
    return Model(
        model_id=model_id,
        content=content.without_zero_targets(),
        version=fields.whole("version"),
        create_time=created,
        update_time=fields.time("updated_at") or created,
        last_rebalance_time=fields.time("last_rebalance_date"),
    )


def weights_of(fields: Fields) -> Position:
    """What a document says of the weight of a security: of a model, or of a line of a run."""
    return Position(
        security_id=fields.text("security_id"),
        target=fields.number("target"),
        low_drift=fields.number("low_drift"),
        high_drift=fields.number("high_drift"),
    )


def _made(object_id: str) -> datetime:
    """When an id was made, to the second."""
    return ObjectId(object_id).generation_time if ObjectId.is_valid(object_id) else _EPOCH
