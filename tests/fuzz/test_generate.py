"""The generated cases reach every corner that they are to reach, and come again from their seed."""

from collections import Counter
from decimal import Decimal
from functools import cache
from itertools import combinations, product

from tests.fuzz.case import Case
from tests.fuzz.generate import case
from tests.fuzz.oracle import decide
from tests.fuzz.rules import Rules
from tests.fuzz.run import class_of

SEED = 20_250_606
KINDS = ("lots", "odd_sells", "sides", "only", "minimum", "weights", "groups")
DEMANDS = ("floor", "turnover", "count", "costs", "rules", "one side", "weights", "groups")


@cache
def cases() -> list[Case]:
    return [case(SEED, number) for number in range(1_500)]


def places(number: Decimal) -> int:
    """Decimals that count."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def test_all_pairs_of_demands_come_up_with_either_strategy() -> None:
    classes = [set(class_of(one).replace(" + ", ",").replace(" ", ",", 1).split(",")) for one in cases()]
    for strategy, pair in product(("TO_TARGET", "TO_BAND"), combinations(DEMANDS, 2)):
        assert any({strategy, *pair} <= one for one in classes), (strategy, pair)
    kinds = Counter(kind for one in cases() for kind in kinds_of(one))
    assert min(kinds[kind] for kind in KINDS) > 100


def kinds_of(one: Case) -> list[str]:
    return [kind for kind in KINDS if getattr(one, kind)]


def test_numbers_are_as_coarse_and_as_fine_as_they_come() -> None:
    lines = [line for one in cases() for line in one.positions]
    assert {places(line.price) for line in lines} >= set(range(9))
    assert {places(line.quantity) for line in lines} >= set(range(9))
    assert min(line.price for line in lines) < Decimal("1E-7")
    assert max(line.price for line in lines) > 1_000_000
    assert max(line.quantity for line in lines) > 10**16
    assert min(line.quantity for line in lines) < 0
    assert any(
        min(line.price for line in one.positions) < Decimal("0.001")
        and max(line.price for line in one.positions) > 100_000
        for one in cases()
    )
    worths = [Rules(one).market_value for one in cases()]
    assert min(worths) < 2
    assert max(worths) > 10**13


def test_a_fair_part_has_an_answer_and_a_fair_part_has_none() -> None:
    """Few cases are out of the reach of the search alone."""
    verdicts = [decide(Rules(one), most=2_000, work=0) for one in cases()[:300]]
    assert sum(one.infeasible for one in verdicts) > 60
    assert sum(one.proven > 0 for one in verdicts) > 100
    assert sum(one.is_decided for one in verdicts) > 250


def test_the_same_seed_gives_the_same_case() -> None:
    assert cases()[:20] == [case(SEED, number) for number in range(20)]
    assert case(SEED + 1, 0) != cases()[0]
    assert len(case(SEED, 0, large=True).positions) >= 8
