"""Generated problems: edges, ties, shorts, fractions, overdrafts, floors that bind."""

import gzip
import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st

from optimizer import (
    Constraint,
    GroupLimit,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    OptimizerError,
    Position,
    Problem,
    Restriction,
    SecurityLimit,
    Side,
    Sides,
    Strategy,
    TradingCosts,
)

CASES = Path(__file__).parents[3].parent / "shared" / "data" / "rebalance_cases.json.gz"


def position(
    security_id: str = "A",
    *,
    price: str = "10",
    quantity: str = "0",
    target: str = "0",
    low: str = "0",
    high: str = "0",
) -> Position:
    """A position from decimal strings."""
    numbers = (Decimal(text) for text in (price, quantity, target, low, high))
    return Position(security_id, *numbers)


def problem(*positions: Position, cash: str = "0", floor: str | None = "0") -> Problem:
    """A problem from decimal strings."""
    return Problem(positions, Decimal(cash), None if floor is None else Decimal(floor))


@st.composite
def tiny_problems(draw: st.DrawFn, widths: tuple[str, ...] = ("0", "0.05", "0.1", "0.2")) -> Problem:
    """Up to five positions of few shares, full of ties: prices and holdings repeat, weights are coarse."""
    count = draw(st.integers(1, 5))
    prices = draw(
        st.lists(st.sampled_from(["1", "2", "3", "5", "2.5", "7.25"]), min_size=count, max_size=count)
    )
    held = draw(
        st.lists(
            st.sampled_from(["0", "1", "3", "0.5", "2.75", "-1", "-2.5"]), min_size=count, max_size=count
        )
    )
    weights = draw(
        st.lists(st.sampled_from(["0", "0.05", "0.1", "0.2", "0.25"]), min_size=count, max_size=count)
    )
    drifts = st.sampled_from(widths)
    positions = tuple(
        position(
            f"S{9 - index}",
            price=price,
            quantity=quantity,
            target=weight,
            low=draw(drifts),
            high=draw(drifts),
        )
        for index, (price, quantity, weight) in enumerate(zip(prices, held, weights, strict=True))
    )
    floor = draw(st.sampled_from([None, "0", "1", "3", "5", "8.5"]))
    value = sum((p.price * p.quantity for p in positions), Decimal(0))
    cash = draw(st.integers(1, 60)) - value
    return Problem(positions, cash, None if floor is None else Decimal(floor))


@st.composite
def constrained_problems(draw: st.DrawFn) -> Problem:
    """Tiny problems of either strategy with constraints on positions."""
    drawn = draw(tiny_problems())
    ids = [line.security_id for line in drawn.positions]
    restricted = draw(st.lists(st.sampled_from(ids), unique=True, max_size=2))
    lots = draw(st.lists(st.sampled_from(ids), unique=True, max_size=3))
    constraints: list[Constraint] = [Restriction(one, draw(st.sampled_from(Side))) for one in restricted]
    constraints += [LotSize(one, draw(st.integers(1, 4)), draw(st.booleans())) for one in lots]
    sides = draw(st.sampled_from([None, None, *Sides]))
    if sides:
        constraints.append(OneSided(sides))
    if draw(st.booleans()):
        constraints.append(MinimumTradeValue(draw(st.sampled_from([Decimal(0), Decimal(4), Decimal("9.5")]))))
    return replace(
        drawn, strategy=draw(st.sampled_from(Strategy)), constraints=tuple(draw(st.permutations(constraints)))
    )


@st.composite
def limited_problems(draw: st.DrawFn) -> Problem:
    """Few shares in wide bands, with limits on cash, turnover and the number of trades in any combination."""
    count = draw(st.integers(2, 4))
    positions = tuple(
        position(
            f"S{index}",
            price=draw(st.sampled_from(["9", "11", "13.5", "20"])),
            quantity=draw(st.sampled_from(["0", "1", "2", "3.5", "5"])),
            target=draw(st.sampled_from(["0.05", "0.1", "0.2", "0.3"])),
            low="1",
            high=draw(st.sampled_from(["0.1", "0.5", "1"])),
        )
        for index in range(count)
    )
    turnover = MaximumTurnover(
        draw(st.sampled_from([Decimal(text) for text in ("0.1", "0.2", "0.3", "0.6")]))
    )
    limits: list[Constraint] = [turnover, MaximumTradeCount(draw(st.integers(1, 3)))]
    limits = draw(st.lists(st.sampled_from(limits), unique=True, min_size=1))
    if draw(st.booleans()):
        limits.append(MinimumTradeValue(Decimal(12)))
    sides = draw(st.sampled_from([None, None, *Sides]))
    if sides:
        limits.append(OneSided(sides))
    if draw(st.booleans()):
        limits.append(LotSize("S0", 2, draw(st.booleans())))
    return Problem(
        positions,
        Decimal(draw(st.integers(-10, 90))) + 20,
        Decimal(draw(st.sampled_from([0, 20, 40]))),
        draw(st.sampled_from(Strategy)),
        tuple(limits),
    )


@st.composite
def costly_problems(draw: st.DrawFn) -> Problem:
    """Any of the others, with costs of orders; from none to more than a share is worth."""
    drawn = draw(st.one_of(tiny_problems(("0.1", "0.2", "0.5")), constrained_problems(), limited_problems()))
    rate = draw(st.sampled_from(["0", "0.001", "0.1", "0.5", "0.9"]))
    fee = draw(st.sampled_from(["0", "0.01", "1", "2.5", "7", "12.25"]))
    floor = draw(st.sampled_from(["0", "0", "3", "8.5", "-40"]))
    costs = TradingCosts(Decimal(rate), Decimal(fee))
    return replace(drawn, cash_floor=Decimal(floor), constraints=(*drawn.constraints, costs))


@st.composite
def weighed_problems(draw: st.DrawFn) -> Problem:
    """Tiny problems of either strategy, with every other option, and limits of securities and groups."""
    drawn = draw(st.one_of(constrained_problems(), limited_problems(), costly_problems()))
    ids = [one.security_id for one in drawn.positions]
    weights = st.sampled_from(
        [Decimal(text) for text in ("0", "0.05", "0.1", "0.15", "0.2", "0.3", "0.5", "1")]
    )

    def sides() -> tuple[Decimal | None, Decimal | None]:
        low, high = sorted((draw(weights), draw(weights)))
        return draw(st.sampled_from([(low, None), (None, high), (low, high)]))

    limited = draw(st.lists(st.sampled_from(ids), unique=True, max_size=2))
    constraints: list[Constraint] = []
    for one in limited:
        if draw(st.booleans()):
            constraints.append(SecurityLimit(one, *sides()))
        else:  # two limits, which may exclude each other
            constraints += [SecurityLimit(one, draw(weights)), SecurityLimit(one, None, draw(weights))]
    for number in range(draw(st.integers(0 if limited else 1, 2))):
        members = draw(st.lists(st.sampled_from([*ids, "none"]), unique=True, min_size=1))
        constraints.append(GroupLimit(f"G{number}", tuple(members), *sides()))
    return replace(drawn, constraints=(*drawn.constraints, *constraints))


def market_problem(seed: int, count: int) -> Problem:
    """A portfolio as in practice: cents, holdings that have drifted, a floor that may bind."""
    random = Random(seed)  # noqa: S311 - test data, not secrets
    while True:
        try:
            return _market_problem(random, count)
        except OptimizerError:  # a short so large that nothing is left: draw again
            continue


def _market_problem(random: Random, count: int) -> Problem:
    worth = Decimal(random.choice([2_000, 50_000, 1_000_000, 30_000_000]))
    weights = [random.randint(0, 190 // count + 1) for _ in range(count)]
    positions: list[Position] = []
    for index, weight in enumerate(weights):
        price = Decimal(random.randint(200, 60_000)) / 100
        target = Decimal(weight) * Decimal("0.005")
        shares = (worth * target / price * Decimal(random.randint(50, 150)) / 100).quantize(Decimal(1))
        kind = random.random()
        if kind < 0.1:
            shares += Decimal(random.randint(1, 99)) / 100
        elif kind < 0.15:
            shares = -shares
        drift = random.choice(["0", "0.005", "0.01", "0.02"])
        loose = Decimal("0.02") if worth > 10_000 else Decimal("0.5")
        positions.append(
            Position(
                f"S{random.randint(0, 99)}-{index}", price, shares, target, loose, Decimal(drift) + loose
            )
        )
    cash = worth - sum((p.price * p.quantity for p in positions), Decimal(0))
    invested = sum((p.target for p in positions), Decimal(0))
    floor = random.choice([None, Decimal(0), worth * (1 - invested), worth * (1 - invested) + worth / 1_000])
    return Problem(tuple(positions), cash, floor)


def recorded_cases() -> list[dict[str, Any]]:
    """Cases with recorded optima, where they are at hand."""
    if not CASES.exists():
        return []
    with gzip.open(CASES, "rt") as file:
        cases: list[dict[str, Any]] = json.load(file)
    return cases


def recorded_problem(case: dict[str, Any]) -> Problem:
    """The problem of a recorded case."""
    names = ("price", "quantity", "target", "low_drift", "high_drift")
    positions = tuple(
        Position(line["security_id"], *(Decimal(line[name]) for name in names)) for line in case["positions"]
    )
    return problem(*positions, cash=case["cash"], floor=case["cash_floor"])


def recorded_optimum(case: dict[str, Any]) -> Fraction | None:
    """The proven optimum of a recorded case; None if infeasible."""
    return None if case["status"] == "INFEASIBLE" else Fraction(case["optimum"])
