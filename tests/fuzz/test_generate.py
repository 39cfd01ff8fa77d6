"""The generated cases reach every corner that they are to reach, and come again from their seed."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
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
    return [case(SEED, number) for number in range(2_500)]


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


def test_all_pairs_of_options_come_up_with_and_without_an_answer() -> None:
    """Each kind of option by itself; money that is to be paid out is cash below 0."""
    answered = {id(one): decide(Rules(one), most=2_000, work=0) for one in cases()}
    for first, second in combinations(OPTIONS, 2):
        if {first, second} == {"BUY_ONLY", "SELL_ONLY"}:
            continue
        both = [answered[id(one)] for one in cases() if OPTIONS[first](one) and OPTIONS[second](one)]
        assert any(one.infeasible for one in both), (first, second)
        assert any(one.proven for one in both), (first, second)


def lots_of(one: Case, *, odd: bool) -> bool:
    """Whether a lot of several shares binds both sides, or, where sales may be odd, buys alone."""
    return any(shares > 1 and (key in one.odd_sells) == odd for key, shares in one.lots.items())


def weighs(one: Case, kind: str, side: str) -> bool:
    return any(getattr(limit, side) is not None for limit in getattr(one, kind).values())


OPTIONS: dict[str, Callable[[Case], bool]] = {
    "floor": lambda one: one.floor is not None,
    "payout": lambda one: one.cash < 0,
    "rate": lambda one: one.rate > 0,
    "fee": lambda one: one.fee > 0,
    "lots": lambda one: lots_of(one, odd=False),
    "lots of buys": lambda one: lots_of(one, odd=True),
    "minimum trade": lambda one: bool(one.minimum),
    "turnover": lambda one: one.turnover is not None,
    "count": lambda one: one.count is not None,
    "least of a security": lambda one: weighs(one, "weights", "least"),
    "most of a security": lambda one: weighs(one, "weights", "most"),
    "least of a group": lambda one: weighs(one, "groups", "least"),
    "most of a group": lambda one: weighs(one, "groups", "most"),
    **{name: partial(lambda name, one: one.only == name, name) for name in ("BUY_ONLY", "SELL_ONLY")},
    **{
        name: partial(lambda name, one: name in one.sides.values(), name)
        for name in ("DO_NOT_BUY", "DO_NOT_SELL", "HOLD")
    },
}


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
