"""Limits on what securities are worth after a rebalance, as weights of market value plus cash flow."""

from collections.abc import Iterable, Sequence
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
        by_settings: the limit is that of the portfolio's settings, which was the stricter.
    """

    security_id: str
    group: str
    value: Decimal
    by_settings: bool = False


def stricter_sides(
    first: Iterable[SecurityLimit], second: Iterable[SecurityLimit]
) -> tuple[tuple[SecurityLimit, ...], tuple[SecurityLimit, ...]]:
    """What is left of each of two lists where both hold: of each side of a security the stricter.

    Where both are alike it is that of the first. No side is left twice; a minimum of one list may exceed a
    maximum of the other: then they are two limits that no shares keep together.
    """
    ones, others = ({one.security_id: one for one in limits} for limits in (first, second))
    left = [_sides(one, others.get(key), is_first=True) for key, one in ones.items()]
    right = [_sides(one, ones.get(key), is_first=False) for key, one in others.items()]
    return tuple(one for one in left if one), tuple(one for one in right if one)


def _sides(limit: SecurityLimit, rival: SecurityLimit | None, *, is_first: bool) -> SecurityLimit | None:
    """The sides of a limit that are stricter than its rival's; the first's also where they are alike."""
    if rival is None:
        return limit
    minimum, maximum = limit.minimum_weight, limit.maximum_weight
    least, most = rival.minimum_weight, rival.maximum_weight
    if minimum is not None and least is not None and (minimum < least or (minimum == least and not is_first)):
        minimum = None
    if maximum is not None and most is not None and (maximum > most or (maximum == most and not is_first)):
        maximum = None
    if minimum is None and maximum is None:
        return None
    return SecurityLimit(limit.security_id, minimum, maximum)


def check_security_limits(limits: Sequence[SecurityLimit], path: str, violations: Violations) -> None:
    """Check the limits of securities: each of them once, and their weights."""
    seen: set[str] = set()
    for index, one in enumerate(limits):
        where = f"{path}[{index}]"
        check_entity_id(one.security_id, f"{where}.security_id", violations)
        if one.security_id in seen:
            violations.add(f"{where}.security_id", "must be in the list only once", one.security_id)
        seen.add(one.security_id)
        _check_weights(one.minimum_weight, one.maximum_weight, where, violations)


def check_groups(groups: Sequence[GroupLimit], path: str, violations: Violations) -> None:
    """Check the names of groups, their securities and their weights."""
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
        _check_weights(group.minimum_weight, group.maximum_weight, where, violations)


def _check_weights(
    minimum: Decimal | None, maximum: Decimal | None, path: str, violations: Violations
) -> None:
    """Check the sides that are numbers."""
    for name, weight in (("minimum_weight", minimum), ("maximum_weight", maximum)):
        if weight is not None and not 0 <= weight <= 1:
            violations.add(f"{path}.{name}", "must be from 0 to 1", weight)
    if minimum is not None and maximum is not None and minimum > maximum:
        violations.add(f"{path}.minimum_weight", f"must not exceed maximum_weight {maximum:f}", minimum)


def _check_members(security_ids: Sequence[str], path: str, violations: Violations) -> None:
    seen: set[str] = set()
    for index, one in enumerate(security_ids):
        check_entity_id(one, f"{path}[{index}]", violations)
        if one in seen:
            violations.add(f"{path}[{index}]", "must be in the list only once", one)
        seen.add(one)
