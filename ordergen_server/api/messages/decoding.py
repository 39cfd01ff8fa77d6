"""Requests as domain values; whatever is not of the right form is a violation with its path."""

import copy
import hashlib
from collections.abc import Collection, Iterable
from decimal import Decimal

from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import field_mask_pb2

from ordergen_server.api.messages.numbers import decimal, decimal_or_none
from ordergen_server.domain.changes import PositionMatch
from ordergen_server.domain.models import FIELDS, ModelContent, Position, check_chosen, check_positions
from ordergen_server.domain.rebalances.results import View
from ordergen_server.domain.requests.ids import check_entity_id, check_request_id
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.domain.stores import Request

RebalanceRequest = (
    rebalance_service_pb2.RebalancePortfolioRequest
    | rebalance_service_pb2.RebalanceModelRequest
    | rebalance_service_pb2.StartRebalanceRequest
)

_VIEWS: dict[int, View] = {
    rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_UNSPECIFIED: View.FULL,
    rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_BASIC: View.BASIC,
    rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_FULL: View.FULL,
}


def content(
    message: model_pb2.Model, path: str, violations: Violations, fields: Collection[str] = FIELDS
) -> ModelContent:
    """What a caller says of these fields of a model."""
    lines = message.positions if "positions" in fields else ()
    return ModelContent(
        name=message.name,
        positions=positions(lines, f"{path}.positions", violations),
        portfolio_ids=tuple(message.portfolio_ids),
    )


def positions(
    messages: Iterable[model_pb2.Position], path: str, violations: Violations
) -> tuple[Position, ...]:
    """Positions of a model."""
    return tuple(position(message, f"{path}[{index}]", violations) for index, message in enumerate(messages))


def chosen(portfolio_ids: Iterable[str], violations: Violations) -> tuple[str, ...]:
    """Portfolios of a model that a run is to be over; none are all."""
    found = tuple(portfolio_ids)
    check_chosen(found, "portfolio_ids", violations)
    return found


def draft(
    message: rebalance_service_pb2.RebalanceModelRequest, violations: Violations
) -> tuple[Position, ...]:
    """Positions to try in place of a model's own; none are no draft."""
    found = positions(message.draft_positions, "draft_positions", violations)
    check_positions(found, "draft_positions", violations)
    if found and not message.validate_only:
        violations.add("draft_positions", "must come with validate_only, for a draft is never stored")
    return found


def cash_flow(
    message: rebalance_service_pb2.RebalancePortfolioRequest, violations: Violations
) -> Decimal | None:
    """Money that comes to a portfolio, or is paid out of it; None of 0."""
    return decimal_or_none(message.cash_flow, "cash_flow", violations) or None


def cash_flows(
    messages: Iterable[rebalance_service_pb2.CashFlow], violations: Violations
) -> dict[str, Decimal]:
    """Money that comes to portfolios, or is paid out of them, in their order and those of 0 with them."""
    found: dict[str, Decimal] = {}
    for index, one in enumerate(messages):
        path = f"cash_flows[{index}]"
        check_entity_id(one.portfolio_id, f"{path}.portfolio_id", violations)
        if one.portfolio_id in found:
            violations.add(f"{path}.portfolio_id", "must be in the list only once", one.portfolio_id)
        amount = decimal_or_none(one.amount, f"{path}.amount", violations)
        if not one.amount.value:
            violations.add(f"{path}.amount", "must be given")
        found[one.portfolio_id] = Decimal(0) if amount is None else amount
    return found


def position(message: model_pb2.Position, path: str, violations: Violations) -> Position:
    """One position; its target must be there, drifts that are not are 0."""
    target = decimal_or_none(message.target, f"{path}.target", violations)
    if target is None and not message.target.value:
        violations.add(f"{path}.target", "must be given")
    return Position(
        security_id=message.security_id,
        target=Decimal(0) if target is None else target,
        low_drift=decimal(message.low_drift, f"{path}.low_drift", violations),
        high_drift=decimal(message.high_drift, f"{path}.high_drift", violations),
    )


def position_match(message: model_pb2.Position, path: str, violations: Violations) -> PositionMatch:
    """A security, with the target and drifts that are given."""
    check_entity_id(message.security_id, f"{path}.security_id", violations)
    return PositionMatch(
        security_id=message.security_id,
        target=decimal_or_none(message.target, f"{path}.target", violations),
        low_drift=decimal_or_none(message.low_drift, f"{path}.low_drift", violations),
        high_drift=decimal_or_none(message.high_drift, f"{path}.high_drift", violations),
    )


def update_fields(mask: field_mask_pb2.FieldMask, violations: Violations) -> tuple[str, ...]:
    """The fields of a model an update mask names; all of an empty one, or of `*`."""
    return masked_fields(mask, FIELDS, violations)


def masked_fields(
    mask: field_mask_pb2.FieldMask, fields: tuple[str, ...], violations: Violations
) -> tuple[str, ...]:
    """Those of these fields that a mask names; all of an empty one, or of `*`."""
    if not mask.paths or list(mask.paths) == ["*"]:
        return fields
    for index, path in enumerate(mask.paths):
        if path not in fields:
            violations.add(f"update_mask.paths[{index}]", f"must be one of {', '.join(fields)}", path)
    return tuple(path for path in mask.paths if path in fields)


def request(message: RebalanceRequest, violations: Violations) -> Request | None:
    """What makes a call safe to repeat: its request id, and a digest of what else it asks to be done."""
    found = request_id(message.request_id, violations)
    if not found:
        return None
    body = copy.copy(message)
    body.request_id = ""
    if isinstance(body, rebalance_service_pb2.RebalanceModelRequest):
        body.view = rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_UNSPECIFIED  # it is told, and changes nothing
    if isinstance(body, rebalance_service_pb2.RebalancePortfolioRequest):
        body.explain_rules = False  # likewise
    text = body.DESCRIPTOR.full_name.encode() + body.SerializeToString(deterministic=True)
    return Request(found, hashlib.sha256(text).hexdigest())


def request_id(text: str, violations: Violations) -> str:
    """A request id in its one form, for a UUID may be sent in either case (RFC 9562, 4); empty is none."""
    check_request_id(text, "request_id", violations)
    return text.lower()


def view(value: int, violations: Violations) -> View:
    """How much is wanted of what a run did for a portfolio."""
    if value not in _VIEWS:
        violations.add("view", "must be BASIC, FULL or unspecified", value)
    return _VIEWS.get(value, View.FULL)
