"""Floors and turnovers over fine prices that are proven, each against a bound that takes no search.

No portfolio is nearer to its targets than they are from what may be invested, no order takes more drift away
than it turns over, and what must be bought has to be paid for. An answer within a price unit of such
a bound is the best; where no shares are worth just that, it comes within some.
"""

from fractions import Fraction
from random import Random

import pytest

from optimizer import Status, solve
from tests.benchmarks.proofs import CLASSES
from tests.fuzz.case import Case, from_json
from tests.fuzz.rules import Rules
from tests.fuzz.subject import problem_of
from tests.limits import PATIENCE, sized
from tests.unit.optimizer.oracle import is_feasible

FINE, CENT = Fraction(1, 10**8), Fraction(1, 100)

SECONDS = PATIENCE
"""Time for an answer, of which a tenth may go to a later aim."""

NAMED = [
    ("deep floor, fine", 20, 0, 20 * FINE),
    ("deep floor, fine", 20, 1, 20 * FINE),
    ("TO_BAND, floor, fine", 20, 0, FINE),
    ("TO_BAND, floor, fine", 20, 321, FINE),
    ("TO_BAND, floor, minimum trade, turnover", 100, 1, CENT),
    ("floor, turnover", 100, 11, CENT),
    ("floor, turnover, fine", 20, 1, FINE),
    ("floor, turnover, fine", 20, 193, FINE),
    ("floor, turnover, fine", 100, 0, FINE),
    *[("floor, turnover, fine", 20, 8, FINE)][
        : sized(0, 1)
    ],  # its later aims take all their time, as those of 1
]
"""Portfolios that are hard to prove, and how near to its bound each comes."""


def small(positions: str, cash: str, floor: str, strategy: str, *constraints: dict[str, str]) -> Case:
    """A portfolio whose positions are written as lines of id, price, quantity, target, low and high drift."""
    names = "id", "price", "quantity", "target", "low", "high"
    lines = [dict(zip(names, line.split(), strict=True)) for line in positions.strip().splitlines()]
    return from_json(
        {"positions": lines, "cash": cash, "floor": floor, "strategy": strategy, "constraints": constraints}
    )


TWO_LONG_RANGES = small(
    """
    S881 60.23797570 550315 0.065 0.0000003543 0.0000004134
    S094 9.79817608 12440074 0.239 0.00000003362 0.00000003362
    S849 64.68023210 685989 0.087 0.01 0.001
    S905 9.73108392 12525840 0.239 0.00000000954 0.00000001431
    S151 98.30009010 0 0.174 0.0000002409 0.0000002409
    S837 91.12858560 1096911 0.196 0.3 0.3
    """,
    "88740226.99680328",
    "94554192.12178781",
    "TO_TARGET",
)

LONG_BUT_FOR_A_GAP = small(
    """
    S646 0.00418231 33175446 0.03750000 0.02 0.1
    S690 0.00567469 342309443.94 0.26250000 0.0000000005751 0.0000000007668
    S737 0.00003929 0.00 0.41250000 0.000000000002655 0.000000000006637
    S331 0.00000585 450641025641 0.18750000 0 0.05
    """,
    "2682500.02",
    "698375.003374635000",
    "TO_BAND",
    {"type": "res", "id": "S331", "side": "DO_NOT_BUY"},
    {"type": "min", "value": "0.03"},
)

ONE_PRICED_LIMIT = small(
    """
    S121 57.46807970 1900183 0.300 0.0000001184 0.0000001973
    S658 52086.99280000 0.000000 0.000 0 0
    S541 6795474.17000000 0.000000 0.150 0.042004991 0.032670549
    S649 0.00366313 13911600188.909485 0.175 0.01 0.05
    S727 2.16188058 0 0.275 0.1 0
    S176 344.13584000 52886.192887 0.050 0.3 0.3
    """,
    "185640097.50",
    "83084012.56307627",
    "TO_TARGET",
    {"type": "turn", "weight": "0.356215"},
)

NOT_TOGETHER = small(
    """
    S642 6800.43849000 46373 0.386 0.000006243 0.000006243
    S772 65.00482920 0 0.000 0.001 0.3
    S157 0.00000378 9682962962963 0.064 0 0.05
    S019 6054177.83000000 62 0.450 0.005557691 0.005557691
    """,
    "89682640.44322986",
    "81920412.96203710",
    "TO_BAND",
    {"type": "turn", "weight": "0.026619"},
)


def least(drawn: Case) -> Fraction:
    """What the objective is at least, by what may be invested and what may be turned over."""
    rules = Rules(drawn)
    assert rules.spendable is not None
    if drawn.strategy == "TO_BAND":
        orders = [max(0, min(part[0] for part in ways)) for ways in rules.allowed]
        return 2 * rules.turnover(orders) - rules.spendable
    short = sum(rules.gaps, Fraction()) - rules.spendable
    off = sum(map(abs, rules.gaps), Fraction())
    return short if rules.tradable is None else max(short, off - rules.tradable)


@pytest.mark.parametrize(("name", "size", "seed", "within"), NAMED)
def test_limits_that_bind_over_fine_prices_are_proven(
    name: str, size: int, seed: int, within: Fraction
) -> None:
    drawn = CLASSES[name](Random(seed), size)  # noqa: S311 - test data, not secrets
    problem = problem_of(drawn)
    answer = solve(problem, timeout_seconds=SECONDS)
    assert Status.PROVEN_OPTIMAL is answer.status
    assert is_feasible(problem, answer.orders)
    assert answer.objective is not None
    assert least(drawn) <= answer.objective < least(drawn) + within


@pytest.mark.parametrize(
    ("drawn", "objective"),
    [
        (TWO_LONG_RANGES, "94554192.53896828"),
        (LONG_BUT_FOR_A_GAP, "4120875.01577598"),
        (ONE_PRICED_LIMIT, "64884012.562968534735"),
    ],
)
def test_long_ranges_are_proven(drawn: Case, objective: str) -> None:
    answer = solve(problem_of(drawn), timeout_seconds=SECONDS)
    assert Status.PROVEN_OPTIMAL is answer.status
    assert answer.objective is not None
    assert round(Fraction(objective), 8) == round(answer.objective, 8)
    assert least(drawn) <= answer.objective


def test_a_floor_and_a_turnover_that_cannot_be_met_together_are_refused() -> None:
    """Each alone can be kept: what must be bought is paid for by more sales than may be turned over."""
    answer = solve(problem_of(NOT_TOGETHER), timeout_seconds=SECONDS)
    assert Status.INFEASIBLE is answer.status
    assert [conflict.kind.name for conflict in answer.conflicts] == ["COMBINATION"]
