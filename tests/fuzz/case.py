"""One portfolio as plain numbers, and its JSON form: what generator, oracle and shrinking speak of.

Nothing here knows the package under test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Holding:
    """One security: price, shares held, target weight, and the weights allowed below and above it."""

    id: str
    price: Decimal
    quantity: Decimal = Decimal(0)
    target: Decimal = Decimal(0)
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)


NUMBERS = ("price", "quantity", "target", "low", "high")


@dataclass(frozen=True)
class Weights:
    """Least and greatest weight of a security, or of some together; None: no such side."""

    least: Decimal | None = None
    most: Decimal | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One portfolio and all that is demanded of it.

    Attributes:
        floor: least cash afterwards; None switches the check off.
        minimum: least value of an order.
        lots: shares in a lot, by security.
        sides: DO_NOT_BUY, DO_NOT_SELL or HOLD, by security.
        only: BUY_ONLY or SELL_ONLY, of all securities; None leaves both sides.
        odd_sells: securities of which any number may be sold, whatever their lots.
        turnover: greatest turnover, as a weight of the market value.
        count: most trades.
        rate: what an order costs, as a part of its value.
        fee: what an order costs besides, in money.
        weights: limits on what a security is worth afterwards, by security.
        groups: the same of some securities together, by name.
    """

    positions: tuple[Holding, ...]
    cash: Decimal
    floor: Decimal | None = None
    strategy: str = "TO_TARGET"
    minimum: Decimal | None = None
    lots: Mapping[str, int] = field(default_factory=dict)
    sides: Mapping[str, str] = field(default_factory=dict)
    turnover: Decimal | None = None
    count: int | None = None
    only: str | None = None
    odd_sells: frozenset[str] = frozenset()
    rate: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    groups: Mapping[str, Weights] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether nothing but bands and the floor is demanded."""
        limited = (self.minimum, self.turnover, self.count) != (None, None, None)
        costly = self.rate or self.fee
        ruled = self.lots or self.sides or self.only or self.weights or self.groups
        return self.strategy == "TO_TARGET" and not (limited or ruled or costly)


def text(number: Decimal) -> str:
    """All digits, without an exponent."""
    return f"{number:f}"


def to_json(case: Case) -> dict[str, Any]:
    """The form in which failing inputs are kept."""
    constraints: list[dict[str, Any]] = [
        {"type": "lot", "id": key, "shares": shares, "odd_sells": key in case.odd_sells}
        for key, shares in case.lots.items()
    ]
    constraints += [{"type": "res", "id": key, "side": side} for key, side in case.sides.items()]
    if case.minimum is not None:
        constraints.append({"type": "min", "value": text(case.minimum)})
    if case.turnover is not None:
        constraints.append({"type": "turn", "weight": text(case.turnover)})
    if case.count is not None:
        constraints.append({"type": "count", "count": case.count})
    if case.only is not None:
        constraints.append({"type": "only", "sides": case.only})
    if case.rate or case.fee:
        constraints.append({"type": "costs", "rate": text(case.rate), "fee": text(case.fee)})
    constraints += [{"type": "weight", "id": key, **_sides(one)} for key, one in case.weights.items()]
    constraints += [
        {"type": "group", "name": key, "ids": list(one.ids), **_sides(one)}
        for key, one in case.groups.items()
    ]
    return {
        "positions": [
            {"id": one.id, **{name: text(getattr(one, name)) for name in NUMBERS}} for one in case.positions
        ],
        "cash": text(case.cash),
        "floor": None if case.floor is None else text(case.floor),
        "strategy": case.strategy,
        "constraints": constraints,
    }


def _sides(one: Weights) -> dict[str, str]:
    return {
        name: text(value) for name, value in (("least", one.least), ("most", one.most)) if value is not None
    }


def _weights(known: Mapping[str, Any]) -> Weights:
    least, most = (Decimal(known[name]) if name in known else None for name in ("least", "most"))
    return Weights(least, most, tuple(known.get("ids", ())))


def from_json(known: Mapping[str, Any]) -> Case:
    """A case from its JSON form."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for one in known.get("constraints", ()):
        by_type.setdefault(one["type"], []).append(one)

    def single(kind: str, name: str) -> Decimal | None:
        return Decimal(str(by_type[kind][0][name])) if kind in by_type else None

    def cost(name: str) -> Decimal:
        return Decimal(by_type["costs"][0][name]) if "costs" in by_type else Decimal(0)

    count = single("count", "count")
    return Case(
        positions=tuple(
            Holding(one["id"], *(Decimal(one[name]) for name in NUMBERS)) for one in known["positions"]
        ),
        cash=Decimal(known["cash"]),
        floor=None if known["floor"] is None else Decimal(known["floor"]),
        strategy=known["strategy"],
        minimum=single("min", "value"),
        lots={one["id"]: int(one["shares"]) for one in by_type.get("lot", ())},
        sides={one["id"]: one["side"] for one in by_type.get("res", ())},
        turnover=single("turn", "weight"),
        count=None if count is None else int(count),
        only=by_type["only"][0]["sides"] if "only" in by_type else None,
        odd_sells=frozenset(one["id"] for one in by_type.get("lot", ()) if one.get("odd_sells")),
        rate=cost("rate"),
        fee=cost("fee"),
        weights={one["id"]: _weights(one) for one in by_type.get("weight", ())},
        groups={one["name"]: _weights(one) for one in by_type.get("group", ())},
    )
