"""Limits on what securities are worth after a rebalance, as weights of market value plus cash flow."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ordergen_server.domain.requests.ids import check_entity_id
from ordergen_server.domain.requests.violations import Violations

MAXIMUM_GROUP_NAME = 255


@dataclass(frozen=True, slots=True)
class SecurityLimit:
    """A security is worth no less and no more than these weights; None: no such side, and one of them is."""

    security_id: str
    minimum_weight: Decimal | None
    maximum_weight: Decimal | None


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """The same of securities together."""

    name: str
    security_ids: tuple[str, ...]
    minimum_weight: Decimal | None
    maximum_weight: Decimal | None


@dataclass(frozen=True, slots=True)
class LimitBreach:
    """A limit that stays broken, as nothing that mends what was broken before may be done.

    Attributes:
        security_id: the security; empty of a group.
        group: the name of the group; empty of a security.
        value: what it is worth after the trades, in money.
    """

    security_id: str
    group: str
    value: Decimal


def check_weights(
    minimum: Decimal | None, maximum: Decimal | None, path: str, violations: Violations
) -> None:
    """Check the sides of a limit that are numbers."""
    for name, weight in (("minimum_weight", minimum), ("maximum_weight", maximum)):
        if weight is not None and not 0 <= weight <= 1:
            violations.add(f"{path}.{name}", "must be from 0 to 1", weight)
    if minimum is not None and maximum is not None and minimum > maximum:
        violations.add(f"{path}.minimum_weight", f"must not exceed maximum_weight {maximum:f}", minimum)


def check_groups(groups: Sequence[GroupLimit], path: str, violations: Violations) -> None:
    """Check the names of groups, and their securities."""
    names: set[str] = set()
    for index, group in enumerate(groups):
        where = f"{path}[{index}]"
        if not group.name.strip():
            violations.add(f"{where}.name", "must not be blank", group.name)
        elif len(group.name) > MAXIMUM_GROUP_NAME:
            rule = f"must have at most {MAXIMUM_GROUP_NAME} characters, not {len(group.name)}"
            violations.add(f"{where}.name", rule)
        if group.name in names:
            violations.add(f"{where}.name", "must be in the list only once", group.name)
        names.add(group.name)
        if not group.security_ids:
            violations.add(f"{where}.security_ids", "must have at least one entry")
        _check_members(group.security_ids, f"{where}.security_ids", violations)


def _check_members(security_ids: Sequence[str], path: str, violations: Violations) -> None:
    seen: set[str] = set()
    for index, one in enumerate(security_ids):
        check_entity_id(one, f"{path}[{index}]", violations)
        if one in seen:
            violations.add(f"{path}[{index}]", "must be in the list only once", one)
        seen.add(one)
