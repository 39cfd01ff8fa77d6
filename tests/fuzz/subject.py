"""The package under test, asked through its public names alone."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from time import monotonic

import numpy as np

import optimizer
from tests.fuzz.case import Case, Holding


@dataclass(frozen=True)
class Said:
    """What the package says of a case.

    Attributes:
        status: its name; ERROR where it raised something, INVALID for a row that a batch refuses.
        ties: whether it claims to have decided between equals as well.
        numbers: what it derives from its orders, by name.
        error: what it raised.
    """

    status: str
    orders: tuple[int, ...] = ()
    objective: Fraction | None = None
    bound: Fraction | None = None
    reasons: tuple[str, ...] = ()
    ties: bool = False
    conflicts: tuple[optimizer.Conflict, ...] = ()
    breaches: tuple[str, ...] = ()
    limit_breaches: dict[str, Fraction] = field(default_factory=dict)
    numbers: dict[str, object] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0


def problem_of(case: Case) -> optimizer.Problem:
    """The case as the package takes it."""
    constraints: list[optimizer.Constraint] = [
        optimizer.LotSize(key, shares, buys_only=key in case.odd_sells) for key, shares in case.lots.items()
    ]
    constraints += [optimizer.Restriction(key, optimizer.Side[side]) for key, side in case.sides.items()]
    if case.only is not None:
        constraints.append(optimizer.OneSided(optimizer.Sides[case.only]))
    if case.minimum is not None:
        constraints.append(optimizer.MinimumTradeValue(case.minimum))
    if case.turnover is not None:
        constraints.append(optimizer.MaximumTurnover(case.turnover))
    if case.count is not None:
        constraints.append(optimizer.MaximumTradeCount(case.count))
    if case.rate or case.fee:
        constraints.append(optimizer.TradingCosts(case.rate, case.fee))
    constraints += [optimizer.SecurityLimit(key, one.least, one.most) for key, one in case.weights.items()]
    constraints += [
        optimizer.GroupLimit(key, one.ids, one.least, one.most) for key, one in case.groups.items()
    ]
    return optimizer.Problem(
        tuple(
            optimizer.Position(one.id, one.price, one.quantity, one.target, one.low, one.high)
            for one in case.positions
        ),
        case.cash,
        case.floor,
        optimizer.Strategy[case.strategy],
        tuple(constraints),
    )


def ask(case: Case, seconds: float) -> Said:
    """Solve the case alone."""
    start = monotonic()
    try:
        solution = optimizer.solve(problem_of(case), timeout_seconds=seconds)
        return said(solution, monotonic() - start)
    except Exception as error:  # noqa: BLE001 - whatever it raises on a sound case is what we look for
        return Said("ERROR", error=f"{type(error).__name__}: {error}", seconds=monotonic() - start)


def said(solution: optimizer.Solution, seconds: float = 0) -> Said:
    """What a solution claims."""
    return Said(
        status=solution.status.name,
        orders=solution.orders,
        objective=solution.objective,
        bound=solution.lower_bound,
        reasons=tuple(reason.name for reason in solution.reasons),
        # Before there was a word for it, every proof spoke of ties as well.
        ties=getattr(solution, "tie_broken", solution.status is optimizer.Status.PROVEN_OPTIMAL),
        conflicts=solution.conflicts,
        breaches=tuple(one.security_id for one in solution.breaches),
        limit_breaches={one.security_id or one.group or "": one.value for one in solution.limit_breaches},
        numbers={
            "drift": solution.drift,
            "turnover": solution.turnover,
            "cash_after": solution.cash_after,
            "market_value": solution.market_value,
            "quantities": solution.quantities,
        },
        seconds=seconds,
    )


def ask_batch(holdings: tuple[Holding, ...], rows: list[Case], seconds: float) -> list[Said]:
    """Solve cases that differ in quantities, cash and floor alone, as one batch."""
    positions = tuple(
        optimizer.Position(one.id, one.price, Decimal(0), one.target, one.low, one.high) for one in holdings
    )
    step, cents = steps_of(rows)
    floors = None if rows[0].floor is None else np.array([counted(row.floor, cents) for row in rows])
    batch = optimizer.Batch(
        positions=positions,
        quantities=np.array([[counted(one.quantity, step) for one in row.positions] for row in rows]),
        cash=np.array([counted(row.cash, cents) for row in rows]),
        cash_floors=floors,
        quantity_step=step,
        cash_step=cents,
    )
    solved = optimizer.solve_batch(batch, timeout_seconds=seconds)
    return [_said_of_row(solved, row) for row in range(len(rows))]


def _said_of_row(solved: optimizer.BatchSolution, row: int) -> Said:
    try:
        return said(solved.solution(row))
    except optimizer.OptimizerError as error:
        return Said("INVALID", error=str(error))


def steps_of(rows: list[Case]) -> tuple[Decimal, Decimal]:
    """The steps that count all quantities, and all cash and floors."""
    step = min((quantum(one.quantity) for row in rows for one in row.positions), default=Decimal(1))
    return step, min(quantum(money) for row in rows for money in (row.cash, row.floor or Decimal(0)))


def fits_batch(rows: list[Case]) -> bool:
    """Whether int64 counts all numbers that differ from row to row."""
    step, cents = steps_of(rows)
    counts = [counted(one.quantity, step) for row in rows for one in row.positions]
    counts += [counted(money, cents) for row in rows for money in (row.cash, row.floor)]
    return all(-(1 << 63) <= count < 1 << 63 for count in counts)


def quantum(number: Decimal) -> Decimal:
    """The step of its last digit, at most one."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal((0, (1,), min(exponent, 0)))


def counted(number: Decimal | None, step: Decimal) -> int:
    """How many steps it is."""
    return int(Fraction(number or 0) / Fraction(step))
