"""Requests as domain values; whatever is not of the right form is a violation with its path."""

import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from functools import lru_cache

from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from google.protobuf import field_mask_pb2
from google.type import decimal_pb2

from ordergen_server.domain.changes import PositionMatch
from ordergen_server.domain.errors import Unsupported
from ordergen_server.domain.ids import check_entity_id
from ordergen_server.domain.models import FIELDS, ModelContent, Position
from ordergen_server.domain.rebalances import RebalanceOptions
from ordergen_server.domain.violations import Violations

#: google.type.Decimal, within what Decimal128 keeps digit for digit.
_DECIMAL_FORM = re.compile(r"[+-]?(\d{1,34}(\.\d{0,34})?|\.\d{1,34})([eE][+-]?\d{1,2})?", re.ASCII)
_MAXIMUM_DIGITS = 34
#: Of any text of that form.
_MAXIMUM_LENGTH = 80
_CACHED = 4096
MAXIMUM_SOLVER_SECONDS = 3600
DEFAULT_SOLVER_SECONDS = 30.0


def decimal_or_none(message: decimal_pb2.Decimal, path: str, violations: Violations) -> Decimal | None:
    """The number, exactly as written; None of an empty one, or of one that is no number (a violation)."""
    text = message.value
    if not text:
        return None
    number = _number(text)
    if number is None:
        violations.add(path, f"must be a decimal number of at most {_MAXIMUM_DIGITS} digits", text)
    return number


# The weights of models are few, and come again in every position.
@lru_cache(maxsize=_CACHED)
def _number(text: str) -> Decimal | None:
    number = Decimal(text) if len(text) <= _MAXIMUM_LENGTH and _DECIMAL_FORM.fullmatch(text) else None
    if number is None or len(number.as_tuple().digits) > _MAXIMUM_DIGITS:
        return None
    return number or number.copy_abs()  # -0 is 0


def decimal(message: decimal_pb2.Decimal, path: str, violations: Violations) -> Decimal:
    """The number, or 0 of an empty one."""
    number = decimal_or_none(message, path, violations)
    return Decimal(0) if number is None else number


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
    """The fields an update mask names; all of an empty one, or of `*`."""
    if not mask.paths or list(mask.paths) == ["*"]:
        return FIELDS
    for index, path in enumerate(mask.paths):
        if path not in FIELDS:
            violations.add(f"update_mask.paths[{index}]", f"must be one of {', '.join(FIELDS)}", path)
    return tuple(path for path in mask.paths if path in FIELDS)


def options(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> RebalanceOptions:
    """How to rebalance.

    Raises:
        Unsupported: an option is set that this server does not support; it is never ignored.
    """
    _refuse_unsupported(message)
    amount = decimal_or_none(message.minimum_cash.amount, "options.minimum_cash.amount", violations)
    weight = decimal_or_none(message.minimum_cash.weight, "options.minimum_cash.weight", violations)
    if weight is not None and not 0 <= weight <= 1:
        violations.add("options.minimum_cash.weight", "must be from 0 to 1", weight)
    seconds = message.solver_timeout.ToNanoseconds() / 1e9
    if message.HasField("solver_timeout") and not 0 < seconds <= MAXIMUM_SOLVER_SECONDS:
        rule = f"must be above 0 and at most {MAXIMUM_SOLVER_SECONDS} seconds"
        violations.add("options.solver_timeout", rule, f"{seconds} seconds")
    return RebalanceOptions(amount, weight, message.allow_overdraft, seconds or DEFAULT_SOLVER_SECONDS)


def _refuse_unsupported(message: rebalance_pb2.RebalanceOptions) -> None:
    supported = {"minimum_cash", "allow_overdraft", "solver_timeout"}
    asked = {field.name for field, _ in message.ListFields()}
    if message.strategy == rebalance_pb2.STRATEGY_TO_TARGET:
        asked.discard("strategy")
    for name in sorted(asked - supported):
        refuse(f"options.{name}")


def refuse(feature: str) -> None:
    """Refuse what a request asks for and this server does not support."""
    raise Unsupported(f"This server does not support {feature} yet.", metadata={"feature": feature})
