"""How often an answer is proven in three seconds, class by class, by ours and by OR-tools CP-SAT."""

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

GOAL = 1.0
"""Of a hundred portfolios of a class, this many may stay unproven; a number of trades with a floor apart."""

REMARK = f"""Portfolios whose holdings lie up to half off their targets. A deep floor takes three
quarters of five shares each where bands leave hardly more; "fine" are prices of 8 and holdings of 6 decimals.
"Unproven" counts answers that are not proven least in {SECONDS:g} s, "ties open" those among the proven of
which later aims are not decided. CP-SAT runs on one thread for {SECONDS:g} deterministic seconds; "not posed"
are portfolios whose integers exceed what it counts exactly."""

Make = Callable[[Random, int], Case]


def case(random: Random, size: int, *, places: int = 2, deep: bool = False, **demands: object) -> Case:
    """A portfolio of a million; its floor is what its targets leave, or as deep as bands go."""
    worth, weight = Decimal(1_000_000), (Decimal("0.95") / size).quantize(Decimal("0.0001"))
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
