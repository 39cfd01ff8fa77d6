"""What must hold of limits on weights: of securities and of groups, and of those that stay broken."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ordergen_client.verification.findings import Check
from ordergen_client.verification.reading.numbers import digits, given


@dataclass(frozen=True)
class WeightLimit:
    """The least and the greatest weight of some securities; None: no such side.

    Attributes:
        security_ids: one of a security's own limit.
        group: the name of a group; empty of a security's own limit.
    """

    security_ids: frozenset[str]
    group: str
    minimum: Fraction | None
    maximum: Fraction | None

    @property
    def key(self) -> tuple[str, str]:
        """As a breach of it is told: security and group."""
        return ("", self.group) if self.group else (next(iter(self.security_ids)), "")

    def excess(self, holdings: Iterable["Weighed"], base: Fraction) -> Fraction:
        """How much too much (above 0) or too little (below 0) is held, in money.

        A maximum of 0 leaves less than a share of each.
        """
        found = list(holdings)
        value = sum((one.value for one in found), Fraction(0))
        if self.maximum is not None:
            rest = sum((one.rest for one in found), Fraction(0)) if self.maximum == 0 else Fraction(0)
            if value > self.maximum * base + rest:
                return value - self.maximum * base - rest
        if self.minimum is not None and value < self.minimum * base:
            return value - self.minimum * base
        return Fraction(0)


@dataclass(frozen=True)
class Weighed:
    """Shares of a security, what they are worth, and what their part of a share is worth."""

    quantity: Fraction
    price: Fraction

    @property
    def value(self) -> Fraction:
        """In money."""
        return self.quantity * self.price

    @property
    def rest(self) -> Fraction:
        """Of the part of a share, in money."""
        return self.quantity % 1 * self.price


@dataclass(frozen=True)
class Change:
    """What became of a security.

    Attributes:
        barred: signs of the trades that are forbidden: 1 to buy, -1 to sell.
    """

    security_id: str
    before: Weighed
    after: Weighed
    barred: frozenset[int]


def read_limits(message: Mapping[str, Any]) -> tuple[WeightLimit, ...]:
    """The limits of options in protojson. Raises KeyError, TypeError, ValueError for what cannot be."""
    found = [
        WeightLimit(frozenset({one["securityId"]}), "", *_sides(one))
        for one in message.get("securityLimits", ())
    ]
    found += [
        WeightLimit(frozenset(one["securityIds"]), one["name"], *_sides(one))
        for one in message.get("groupLimits", ())
    ]
    return tuple(found)


def _sides(message: Mapping[str, Any]) -> tuple[Fraction | None, Fraction | None]:
    return given(message, "minimumWeight"), given(message, "maximumWeight")


def weight_checks(
    limits: Sequence[WeightLimit],
    changes: Sequence[Change],
    base: Fraction,
    told: Mapping[tuple[str, str], Fraction],
    of_settings: Mapping[tuple[str, str], Fraction],
) -> Iterator[Check]:
    """Each limit is kept; or its repair is forbidden, and it is no worse than before and told.

    Where a limit of the settings is told that is the stricter, the one of the options need not be.
    """
    broken: dict[tuple[str, str], Fraction] = {}
    by_id = {one.security_id: one for one in changes}
    for limit in limits:
        members = [by_id[one] for one in limit.security_ids if one in by_id]
        after = limit.excess((one.after for one in members), base)
        if not members or after == 0:
            continue
        broken[limit.key] = sum((one.after.value for one in members), Fraction(0))
        before = limit.excess((one.before for one in members), base)
        needed = -1 if after > 0 else 1
        barred = any(needed in one.barred for one in members)
        if not barred or not (0 < after <= before or before <= after < 0):
            name = f"limit of group {limit.group}" if limit.group else f"limit of {limit.key[0]}"
            yield Check(name, f"{digits(after)} beyond it", "kept")
    stricter = {key: value for key, value in of_settings.items() if key in broken}
    yield Check("limit_breaches", _in_order({**stricter, **told}), _in_order(broken))


def _in_order(breaches: Mapping[tuple[str, str], Fraction]) -> str:
    return "; ".join(
        f"{one or 'group ' + group}: {digits(breaches[one, group])}" for one, group in sorted(breaches)
    )
