"""Limits on what securities are worth after a rebalance, and the limits that stay broken."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ordergen_client.records.checks import Number, optional_decimal, texts
from ordergen_client.records.states import RuleSource


@dataclass(frozen=True, slots=True, init=False)
class SecurityLimit:
    """What a security may be worth after the trades, as weights; None: no such side.

    They are of market value plus cash flow, and given as those of a `Position`.

    Raises:
        TypeError: a weight is a float, or another argument is not of its type.
        ValueError: a text is no number, or neither side is given.
    """

    minimum_weight: Decimal | None
    maximum_weight: Decimal | None

    def __init__(self, minimum_weight: Number | None = None, maximum_weight: Number | None = None) -> None:
        _set_weights(self, minimum_weight, maximum_weight)


@dataclass(frozen=True, slots=True, init=False)
class GroupLimit:
    """What securities, by their ids, may be worth together; otherwise as a `SecurityLimit`."""

    security_ids: tuple[str, ...]
    minimum_weight: Decimal | None
    maximum_weight: Decimal | None

    def __init__(
        self,
        security_ids: Iterable[str],
        minimum_weight: Number | None = None,
        maximum_weight: Number | None = None,
    ) -> None:
        object.__setattr__(self, "security_ids", texts(security_ids, "security_ids"))
        _set_weights(self, minimum_weight, maximum_weight)


@dataclass(frozen=True, slots=True)
class LimitBreach:
    """A limit that stays broken, as nothing that mends what was broken before may be done.

    Attributes:
        security_id: the security; empty of a group.
        group: the name of the group; empty of a security.
        value: what it is worth after the trades, in money.
        source: whose limit of a security it is.
    """

    security_id: str
    group: str
    value: Decimal
    source: RuleSource = RuleSource.UNSPECIFIED


def _set_weights(limit: object, minimum: Number | None, maximum: Number | None) -> None:
    if minimum is None and maximum is None:
        raise ValueError("minimum_weight or maximum_weight must be given")
    for name, weight in (("minimum_weight", minimum), ("maximum_weight", maximum)):
        object.__setattr__(limit, name, optional_decimal(weight, name))
