"""Portfolios to measure on: real prices where they are at hand, synthetic ones elsewhere."""

import csv
from decimal import Decimal
from pathlib import Path
from random import Random

import numpy as np

from optimizer import Batch, Position, Problem

MARKET = Path(__file__).parents[2].parent / "shared" / "data" / "sp500.csv"


def prices() -> list[Decimal]:
    """Prices of some hundreds of securities."""
    if MARKET.exists():
        with MARKET.open(encoding="utf-8") as file:
            return [Decimal(row["price"]) for row in csv.DictReader(file)]
    random = Random(7)  # noqa: S311 - a market, not a secret
    return [Decimal(round(random.lognormvariate(4.3, 0.8) * 100)) / 100 for _ in range(471)]


def source() -> str:
    """Where the prices are from."""
    return "471 real prices of the S&P 500" if MARKET.exists() else "471 synthetic prices"


def portfolio(seed: int, count: int, *, floor_binds: bool) -> Problem:
    """A portfolio that has drifted from its model; with a floor at just what the targets leave, if asked.

    Bands are 2 % of the market value either way, the model's weights differ by up to a third, and the floor
    takes shares from nearly half of such portfolios; `binding` picks those.
    """
    random = Random(seed)  # noqa: S311 - test data, not secrets
    market = prices()
    worth = Decimal(random.choice([250_000, 1_000_000, 25_000_000]))
    chosen = random.sample(market, count) if count <= len(market) else random.choices(market, k=count)
    step = Decimal("0.95") / count
    weights = [(step * random.randint(75, 125) / 100).quantize(Decimal("0.0001")) for _ in chosen]
    positions = tuple(
        Position(
            f"S{index:03}", price, _drifted(random, worth * weight / price), weight, *(Decimal("0.02"),) * 2
        )
        for index, (price, weight) in enumerate(zip(chosen, weights, strict=True))
    )
    cash = worth - sum((one.price * one.quantity for one in positions), Decimal(0))
    floor = worth * (1 - sum(weights, Decimal(0))) if floor_binds else Decimal(0)
    return Problem(positions, cash, floor)


def _drifted(random: Random, shares: Decimal) -> Decimal:
    return (shares * random.randint(50, 150) / 100).quantize(Decimal(1))


def binding(count: int, instances: int) -> list[Problem]:
    """Portfolios whose floor changes the answer."""
    found: list[Problem] = []
    seed = 0
    while len(found) < instances:
        problem = portfolio(seed, count, floor_binds=True)
        seed += 1
        if _floor_binds(problem):
            found.append(problem)
    return found


def _floor_binds(problem: Problem) -> bool:
    value = problem.cash + sum((one.price * one.quantity for one in problem.positions), Decimal(0))
    nearest = sum(
        ((value * one.target / one.price).quantize(Decimal(1)) * one.price for one in problem.positions),
        Decimal(0),
    )
    return problem.cash_floor is not None and value - nearest < problem.cash_floor


def batch(rows: int, columns: int) -> Batch:
    """Many portfolios over one model, drifted, with no floor binding."""
    random = np.random.default_rng(11)
    market = prices()[:columns]
    weight = (Decimal("0.9") / columns).quantize(Decimal("0.0001"))
    positions = [
        Position(f"S{index:03}", price, Decimal(0), weight, *(Decimal("0.01"),) * 2)
        for index, price in enumerate(market)
    ]
    worth = random.integers(10**8, 10**11, rows)
    cents = np.array([float(price * 100) for price in market])
    held = worth[:, None] * float(weight) / cents * random.uniform(0.5, 1.5, (rows, columns))
    quantities = np.rint(held).astype(np.int64)
    cash = worth - (quantities @ cents).astype(np.int64)
    return Batch(positions, quantities, cash, np.zeros(rows, dtype=np.int64))
