"""A model over a market, and any number of portfolios that have drifted away from it.

Portfolio k depends on the market, the model and k alone and is made when asked for: ten thousand cost
nothing until then.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from ordergen_server.sandbox.market.market import Security, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ordergen_server.sandbox.market.market import Market

__all__ = ["Kind", "ModelPosition", "Portfolio", "Portfolios", "SuggestedModel"]

MAXIMUM_POSITIONS = 100
_STEP = Decimal("0.005")  # of a target
_UNITS = 190  # 0.95 of the market value in steps: at least 5 % stays cash
_CENT = Decimal("0.01")
_SMALLEST_VALUE, _LARGEST_VALUE = 250_000, 50_000_000  # of a portfolio, in money
_ID_TAIL = re.compile(r"[0-9a-f]{8}")
_STYLES = ("Growth", "Income", "Balanced", "Value", "Endowment", "Pension", "Family", "Charity")


class Kind(StrEnum):
    """What is special about a portfolio."""

    ORDINARY = "ordinary"
    SHORT = "short"  # some quantities are negative
    OVERDRAWN = "overdrawn"  # cash is negative
    NEW = "new"  # no balance record at all
    FRACTIONAL = "fractional"  # quantities with a fraction of a share
    OUTSIDE = "outside"  # holdings that the model does not list


# Of every twenty portfolios, so that even a small demo meets each kind once.
_KINDS = {3: Kind.SHORT, 7: Kind.OVERDRAWN, 11: Kind.NEW, 15: Kind.FRACTIONAL, 19: Kind.OUTSIDE}


@dataclass(frozen=True, slots=True)
class ModelPosition:
    """A position: target weight (a multiple of 0.005) and the drifts allowed below and above it."""

    security_id: str
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal


@dataclass(frozen=True, slots=True)
class SuggestedModel:
    """A model that fits the market: targets sum to at most 0.95, low drift <= high drift."""

    name: str
    positions: tuple[ModelPosition, ...]
    portfolio_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """One portfolio: cash in money (may be negative), quantities in shares by security id (may be, too)."""

    portfolio_id: str
    name: str
    kind: Kind
    cash: Decimal
    holdings: Mapping[str, Decimal]


@dataclass(frozen=True)
class Portfolios:
    """So many portfolios that follow one model of so many positions (1 to 100) of the market.

    Raises:
        ValueError: positions outside 1 to 100 or more than securities; a negative count of portfolios.
    """

    market: Market
    count: int
    positions: int
    model: SuggestedModel = field(init=False)
    _prefix: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        most = min(MAXIMUM_POSITIONS, len(self.market.securities))
        if not 1 <= self.positions <= most:
            raise ValueError(f"positions must be from 1 to {most} in this market, got {self.positions}")
        if not 0 <= self.count < 16**8:
            raise ValueError(f"portfolios must be from 0 to {16**8 - 1}, got {self.count}")
        prefix = hashlib.sha256(f"{self.market.seed}:portfolios".encode()).hexdigest()[:16]
        object.__setattr__(self, "_prefix", prefix)
        ids = tuple(self.portfolio_id(number) for number in range(self.count))
        name = f"Sandbox model of {self.positions} positions"
        object.__setattr__(self, "model", SuggestedModel(name, _positions(self.market, self.positions), ids))

    def portfolio_id(self, number: int) -> str:
        """Return the id of a portfolio; its tail is the number, so that it is found again at no cost."""
        return f"{self._prefix}{number:08x}"

    def number_of(self, portfolio_id: str) -> int | None:
        """Return the number of a portfolio, or None where there is no such portfolio."""
        tail = portfolio_id.removeprefix(self._prefix)
        if tail == portfolio_id or not _ID_TAIL.fullmatch(tail):
            return None
        number = int(tail, 16)
        return number if number < self.count else None

    def name(self, number: int) -> str:
        """Return the name of a portfolio."""
        return f"{_STYLES[number % len(_STYLES)]} Portfolio {number + 1}"

    def kind(self, number: int) -> Kind:
        """Return what is special about a portfolio."""
        return _KINDS.get(number % 20, Kind.ORDINARY)

    def portfolio(self, number: int) -> Portfolio:
        """Make a portfolio: cash is what holdings leave of a market value of 250,000 to 50 million."""
        kind = self.kind(number)
        portfolio_id, name = self.portfolio_id(number), self.name(number)
        if kind is Kind.NEW:
            return Portfolio(portfolio_id, name, kind, Decimal(0), {})
        rng = random.Random(f"{self.market.seed}:portfolio:{number}")  # noqa: S311 - a simulation
        value = min(_LARGEST_VALUE, _SMALLEST_VALUE * 2 ** pick(rng, 0, 7) * pick(rng, 1000, 1999) // 1000)
        holdings = self._holdings(rng, kind, value)
        held = sum(
            (self.market.by_id[key].price * quantity for key, quantity in holdings.items()), Decimal(0)
        )
        return Portfolio(portfolio_id, name, kind, (value - held).quantize(_CENT), holdings)

    def _holdings(self, rng: random.Random, kind: Kind, value: int) -> dict[str, Decimal]:
        weights = {each: weight for each, weight in self._drifted(rng, kind).items() if weight}
        fraction = kind is Kind.FRACTIONAL
        holdings = {each: _shares(rng, value, weight, self.market.by_id[each], fraction=fraction)
                    for each, weight in weights.items()}  # fmt: skip
        if kind is Kind.SHORT:
            for key in list(holdings)[:2]:
                holdings[key] = -(holdings[key] // 3 + 1)
        return {key: quantity for key, quantity in holdings.items() if quantity}

    def _drifted(self, rng: random.Random, kind: Kind) -> dict[str, Decimal]:
        """Return weights that have moved by up to a third; one in twenty positions is not yet held."""
        weights = {each.security_id: each.target * pick(rng, 65, 135) / 100 * (pick(rng, 1, 20) > 1)
                   for each in self.model.positions}  # fmt: skip
        if kind is Kind.OUTSIDE:
            others = [each for each in self.market.securities if each.security_id not in weights]
            for _ in range(min(3, len(others))):
                other = others.pop(pick(rng, 0, len(others) - 1))
                weights[other.security_id] = Decimal(pick(rng, 1, 3)) / 100
        total = sum(weights.values(), Decimal(0))
        if kind is Kind.OVERDRAWN:
            return _overdrawn(rng, weights, self.model)
        # Drift must not overdraw the others: at least 3 % of the market value stays cash.
        scale = min(Decimal(1), Decimal("0.97") / total) if total else Decimal(1)
        return {key: weight * scale for key, weight in weights.items()}


def _overdrawn(
    rng: random.Random, weights: Mapping[str, Decimal], model: SuggestedModel
) -> dict[str, Decimal]:
    """Scale weights to 104 to 110 % of the market value, so that cash is clearly negative."""
    weights = (
        weights if any(weights.values()) else {each.security_id: each.target for each in model.positions}
    )
    scale = Decimal(pick(rng, 104, 110)) / 100 / sum(weights.values(), Decimal(0))
    return {key: weight * scale for key, weight in weights.items()}


def _shares(
    rng: random.Random, value: int, weight: Decimal, security: Security, *, fraction: bool
) -> Decimal:
    """Return the shares worth about this weight: whole ones, or with up to 8 decimals."""
    whole = (value * weight / security.price).quantize(Decimal(1), ROUND_HALF_EVEN)
    if not fraction:
        return whole
    decimals = (1, 2, 4, 8)[pick(rng, 0, 3)]
    return whole + Decimal(pick(rng, 1, 10**decimals - 1)).scaleb(-decimals)


def _positions(market: Market, count: int) -> tuple[ModelPosition, ...]:
    rng = random.Random(f"{market.seed}:model:{count}")  # noqa: S311 - a simulation
    pool = list(market.securities)
    chosen = [pool.pop(pick(rng, 0, len(pool) - 1)) for _ in range(count)]
    units = [1] * count
    for _ in range(_UNITS - pick(rng, 0, 10) - count):
        units[min(pick(rng, 0, count - 1), pick(rng, 0, count - 1))] += 1  # the smaller: some weigh more
    return tuple(_position(rng, security, unit) for security, unit in zip(chosen, units, strict=True))


def _position(rng: random.Random, security: Security, units: int) -> ModelPosition:
    low = pick(rng, 2, 6)
    return ModelPosition(security.security_id, _STEP * units, _STEP * low, _STEP * (low + pick(rng, 0, 4)))
