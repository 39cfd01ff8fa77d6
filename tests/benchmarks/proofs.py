"""How often an answer is proven in three seconds, class by class, by ours and by OR-tools CP-SAT."""

import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from random import Random

from optimizer import Solution, Status, solve
from tests.benchmarks.report import Table, Times, duration, progress, timed
from tests.fuzz.case import Case, Holding
from tests.fuzz.rules import Rules
from tests.fuzz.sat import Aim, NotDecided, Sat
from tests.fuzz.subject import problem_of

SIZES = (20, 100)
"""Positions."""

OURS, THEIRS = 30, 10
"""Portfolios a class and size: CP-SAT is slow."""

SECONDS = 3.0
"""Time for a proof; CP-SAT counts deterministic seconds."""

REMARK = f"""Portfolios whose holdings lie up to half off their targets. A deep floor takes three
quarters of five shares each where bands leave hardly more; "fine" are prices of 8 and holdings of 6 decimals.
"Unproven" counts answers that are not proven least in {SECONDS:g} s, "ties open" those among the proven of
which later aims are not decided. CP-SAT runs on one thread for {SECONDS:g} deterministic seconds; "not posed"
are portfolios whose integers exceed what it counts exactly."""

Make = Callable[[Random, int], Case]


def case(random: Random, size: int, *, places: int = 2, deep: bool = False, **demands: object) -> Case:
    """A portfolio of 50,000 a position; its floor is what its targets leave, or as deep as bands go."""
    worth, weight = Decimal(50_000 * size), (Decimal("0.95") / size).quantize(Decimal("0.00001"))
    positions: list[Holding] = []
    for index in range(size):
        price = Decimal(random.randint(5 * 10**places, 400 * 10**places)).scaleb(-places)
        shares = worth * weight / price * random.randint(50, 150) / 100
        drift = (5 * price / worth).quantize(Decimal("1e-8")) if deep else Decimal("0.02")
        digits = Decimal(1) if places == 2 else Decimal("0.000001")
        held = Decimal(0) if deep else shares.quantize(digits)
        positions.append(Holding(f"S{index:03}", price, held, weight, drift, drift))
    invested = sum((one.price * one.quantity for one in positions), Decimal(0))
    room = sum((5 * one.price for one in positions), Decimal(0)) if deep else Decimal(0)
    floor = worth * (1 - weight * size) + room * Decimal("0.75")
    return Case(tuple(positions), worth - invested, floor, **demands)  # type: ignore[arg-type]


TURNOVER = Decimal("0.15")
"""A good half of what these portfolios would turn over."""

CLASSES: dict[str, Make] = {
    "floor": case,
    "floor, fine": lambda random, size: case(random, size, places=8),
    "deep floor": lambda random, size: case(random, size, deep=True),
    "deep floor, fine": lambda random, size: case(random, size, deep=True, places=8),
    "floor, turnover": lambda random, size: case(random, size, turnover=TURNOVER),
    "floor, turnover, fine": lambda random, size: case(random, size, turnover=TURNOVER, places=8),
    "floor, trade count": lambda random, size: case(random, size, count=size // 2),
    "floor, turnover, trade count": lambda random, size: case(
        random, size, turnover=TURNOVER, count=size // 2
    ),
    "TO_BAND, floor": lambda random, size: case(random, size, strategy="TO_BAND"),
    "TO_BAND, floor, fine": lambda random, size: case(random, size, strategy="TO_BAND", places=8),
    "TO_BAND, floor, minimum trade, turnover": lambda random, size: case(
        random, size, strategy="TO_BAND", minimum=Decimal(1000), turnover=Decimal("0.3")
    ),
    "TO_BAND, floor, trade count": lambda random, size: case(
        random, size, strategy="TO_BAND", count=size // 2
    ),
}
"""What portfolios of a class must keep."""


class FirstAim(Sat):
    """CP-SAT asked for the first aim alone."""

    def _aims(self) -> list[list[Aim]]:
        return super()._aims()[:1]


def proofs() -> tuple[Table, dict[str, object]]:
    """Rates and times of all classes."""
    rows: list[list[str]] = []
    numbers: dict[str, object] = {}
    for name, make in CLASSES.items():
        for count in SIZES:
            progress(f"proofs: {name}, {count} positions")
            made = [make(Random(seed), count) for seed in range(OURS)]  # noqa: S311 - test data, not secrets
            answers: list[Solution] = []
            times = Times([timed(lambda: answers.append(_ours(one))) for one in made])  # noqa: B023 - run at once
            proven = [one for one in answers if one.status in {Status.PROVEN_OPTIMAL, Status.INFEASIBLE}]
            unproven = 100 * (1 - len(proven) / OURS)
            open_ = sum(not one.tie_broken for one in proven if one.status is Status.PROVEN_OPTIMAL)
            theirs = [_theirs(one) for one in made[:THEIRS]]
            posed = [one for one in theirs if one is not None]
            numbers[f"unproven of 100, {name}, {count} positions"] = unproven
            rows.append(
                [
                    name,
                    str(count),
                    f"{unproven:.0f} %",
                    f"{100 * open_ / max(1, len(proven)):.0f} %",
                    duration(times.median),
                    f"{100 * (1 - sum(posed) / len(posed)):.0f} %" if posed else "-",
                    str(len(theirs) - len(posed)),
                ]
            )
    columns = ["class", "positions", "unproven", "ties open", "median", "CP-SAT: unproven", "not posed"]
    return Table("Proofs by class", columns, rows, REMARK), numbers


def _ours(one: Case) -> Solution:
    return solve(problem_of(one), timeout_seconds=SECONDS)


def _theirs(one: Case) -> bool | None:
    """Whether CP-SAT proved the first aim; None where its integers do not reach."""
    solver = FirstAim(Rules(one), SECONDS)
    try:
        found = solver.best()
    except NotDecided as why:
        return None if "too" in str(why) else False
    return found is None or found.proven > 0


LARGE, SHORT_SECONDS = 1_000, (0.1, 1.0)
"""Positions, and times given, of what is measured for how time and memory are kept."""

LARGE_REMARK = """Of one portfolio of each class. Memory is the peak of what Python and NumPy
allocate in a solve, traced in a run of its own; HiGHS, where it is asked, is not traced."""


def time_and_memory() -> tuple[Table, dict[str, object]]:
    """How far a solve exceeds its time, and what memory it takes, at a thousand positions."""
    rows: list[list[str]] = []
    numbers: dict[str, object] = {}
    for name, make in CLASSES.items():
        progress(f"time and memory: {name}")
        problem = problem_of(make(Random(0), LARGE))  # noqa: S311 - test data, not secrets
        over = [timed(lambda: solve(problem, timeout_seconds=limit)) - limit for limit in SHORT_SECONDS]  # noqa: B023 - run at once
        tracemalloc.start()
        solve(problem, timeout_seconds=SECONDS)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        numbers[f"peak memory, {name}, {LARGE} positions, MiB"] = peak
        times = [f"{1_000 * max(0.0, one):,.0f} ms" for one in over]
        for limit, one in zip(SHORT_SECONDS, over, strict=True):
            numbers[f"over {limit:g} s, {name}, {LARGE} positions, s"] = max(0.0, one)
        rows.append([name, *times, f"{peak:,.0f} MiB"])
    columns = ["class", *(f"over {limit:g} s" for limit in SHORT_SECONDS), "peak memory"]
    return Table(f"Time and memory at {LARGE:,} positions", columns, rows, LARGE_REMARK), numbers
