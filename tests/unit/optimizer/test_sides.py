"""One side alone, and lots of buys alone: each with every other demand, against brute force."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from random import Random

import pytest

from optimizer import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    OptimizerError,
    Position,
    Problem,
    Reason,
    Restriction,
    Side,
    Sides,
    Status,
    Strategy,
    solve,
)
from tests.limits import PROOF_SECONDS, sized
from tests.unit.optimizer.oracle import brute_force, is_enumerable, is_feasible, score
from tests.unit.optimizer.problems import position, problem

BUY, SELL = OneSided(Sides.BUY_ONLY), OneSided(Sides.SELL_ONLY)
Demand = Callable[[Problem, Random], Problem]


def demanded(*constraints: Constraint) -> Demand:
    """Constraints more."""
    return lambda drawn, _: replace(drawn, constraints=(*drawn.constraints, *constraints))


def floored(drawn: Problem, random: Random) -> Problem:
    """A floor that may be above the cash there is."""
    return replace(drawn, cash_floor=Decimal(random.randint(0, 40)))


#: What may be demanded, each of every kind.
DEMANDS: dict[str, Demand] = {
    "buys": demanded(BUY),
    "sells": demanded(SELL),
    "lots": demanded(LotSize("A", 2), LotSize("B", 3)),
    "lots of buys": demanded(*(LotSize(one, shares, buys_only=True) for one, shares in (("C", 3), ("D", 2)))),
    "not bought": demanded(Restriction("A", Side.DO_NOT_BUY)),
    "not sold": demanded(Restriction("B", Side.DO_NOT_SELL)),
    "held": demanded(Restriction("C", Side.HOLD)),
    "no small trades": demanded(MinimumTradeValue(Decimal(12))),
    "turnover": demanded(MaximumTurnover(Decimal("0.25"))),
    "trades": demanded(MaximumTradeCount(2)),
    "floor": floored,
    "to bands": lambda drawn, _: replace(drawn, strategy=Strategy.TO_BAND),
}
PAIRS = [(one, other) for one, other in combinations(DEMANDS, 2) if {one, other} != {"buys", "sells"}]
OURS = {"buys", "sells", "lots of buys"}


def drawn(random: Random) -> Problem:
    """Four positions of few shares, above, within and below their bands, short or in parts."""
    positions = tuple(
        position(
            name,
            price=random.choice(["2", "5", "7.25", "9.5"]),
            quantity=random.choice(["0", "1", "2", "3", "4.5", "6", "-1.5"]),
            target=random.choice(["0", "0.05", "0.15", "0.2", "0.25"]),
            low=random.choice(["0.05", "0.1", "0.2"]),
            high=random.choice(["0.05", "0.1", "0.2"]),
        )
        for name in "ABCD"
    )
    value = sum((one.price * one.quantity for one in positions), Decimal(0))
    return Problem(positions, Decimal(random.randint(20, 90)) - value, None)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if OURS & {*pair}], ids=" and ".join)
def test_each_pair_of_demands_agrees_with_brute_force_to_the_last_tie(pair: tuple[str, str]) -> None:
    random = Random(" ".join(pair))  # noqa: S311 - test data, not secrets
    answered = 0
    for _ in range(sized(40, 400)):
        posed = drawn(random)
        for name in pair:
            posed = DEMANDS[name](posed, random)
        if not is_enumerable(posed):
            continue
        expected, actual = brute_force(posed), solve(posed, timeout_seconds=PROOF_SECONDS)
        if expected is None:
            assert (actual.status, bool(actual.conflicts)) == (Status.INFEASIBLE, True)
            continue
        answered += 1
        assert actual.status is Status.PROVEN_OPTIMAL
        assert score(posed, expected)[0] == actual.objective
        assert is_feasible(posed, actual.orders)
        if actual.tie_broken:
            assert expected == actual.orders
    assert answered > 1


def test_one_side_alone_leaves_nothing_outside_its_band_that_the_other_could_not_mend() -> None:
    """What is infeasible by its bands on one side alone is infeasible on both, and every breach is named."""
    random = Random(7)  # noqa: S311 - test data, not secrets
    breaches = 0
    for _ in range(sized(300, 3_000)):
        posed = drawn(random)
        for rule in (BUY, SELL):
            answer = solve(replace(posed, constraints=(rule,)), timeout_seconds=PROOF_SECONDS)
            if answer.status is Status.INFEASIBLE:
                assert solve(posed, timeout_seconds=PROOF_SECONDS).status is Status.INFEASIBLE
                continue
            assert not any(map(rule.forbids, filter(None, answer.orders)))
            outside = [
                one.security_id
                for one, line, order in zip(posed.positions, posed.lines, answer.orders, strict=True)
                if not line.is_inside(line.held + order)
            ]
            assert [one.security_id for one in answer.breaches] == outside
            breaches += len(outside)
    assert breaches > 100


#: Of a thousand in all more than their bands take of the one, and less than they want of the other.
VTI = position("VTI", price="10", quantity="75", target="0.6", low="0.05", high="0.05")
BND = position("BND", price="4", quantity="50", target="0.3", low="0.06", high="0.05")


def test_buys_alone_leave_what_is_too_much_as_it_is_and_say_so() -> None:
    answer = solve(Problem((VTI, BND), Decimal(50), constraints=(BUY,)))
    assert answer.orders == (0, 12)
    assert answer.reasons == (Reason.SIDES, Reason.REDUCED_FOR_CASH)
    assert [one.security_id for one in answer.breaches] == ["VTI"]
    assert answer.cash_after == 2


def test_sells_alone_leave_what_is_too_little_as_it_is_and_say_so() -> None:
    answer = solve(Problem((VTI, BND), Decimal(50), constraints=(SELL,)))
    assert answer.orders == (-15, 0)
    assert answer.reasons == (Reason.TRADED_TO_TARGET, Reason.SIDES)
    assert [one.security_id for one in answer.breaches] == ["BND"]


@pytest.mark.parametrize(
    ("strategy", "orders", "reason"),
    [(Strategy.TO_TARGET, (2,), Reason.TRADED_TO_TARGET), (Strategy.TO_BAND, (0,), Reason.INSIDE_BAND)],
)
def test_idle_cash_is_invested_to_targets_though_every_band_holds(
    strategy: Strategy, orders: tuple[int, ...], reason: Reason
) -> None:
    line = position(price="10", quantity="48", target="0.5", low="0.05", high="0.05")
    answer = solve(Problem((line,), Decimal(520), strategy=strategy, constraints=(BUY,)))
    assert (answer.orders, answer.reasons) == (orders, (reason,))


def test_the_restriction_is_named_where_both_forbid_it() -> None:
    both = (BUY, Restriction("VTI", Side.DO_NOT_SELL))
    answer = solve(Problem((VTI, BND), Decimal(50), constraints=both))
    assert answer.reasons[0] is Reason.RESTRICTED
    held = solve(Problem((VTI, BND), Decimal(50), constraints=(SELL, Restriction("VTI", Side.DO_NOT_SELL))))
    assert (held.orders, held.reasons) == ((0, 0), (Reason.RESTRICTED, Reason.SIDES))


def test_cash_that_one_side_cannot_raise_is_a_conflict_of_the_floor() -> None:
    answer = solve(Problem((VTI, BND), Decimal(50), Decimal(60), constraints=(BUY,)))
    assert answer.status is Status.INFEASIBLE
    assert str(answer.conflicts[0]).endswith("needs a cash floor <= 10.00")


@pytest.mark.parametrize(("buys_only", "orders"), [(True, (-37,)), (False, (0,))])
def test_an_odd_lot_is_sold_in_one_order_where_lots_are_of_buys(
    buys_only: bool, orders: tuple[int, ...]
) -> None:
    line = position(price="1", quantity="537", target="0.5", low="0.1", high="0.1")
    answer = solve(Problem((line,), Decimal(463), constraints=(LotSize("A", 100, buys_only=buys_only),)))
    assert answer.orders == orders
    assert answer.reasons == ((Reason.TRADED_TO_TARGET if buys_only else Reason.ROUNDED_TO_LOT),)


def test_buys_are_in_lots_where_lots_are_of_buys() -> None:
    line = position(price="1", quantity="337", target="0.5", low="0.1", high="0.1")
    answer = solve(Problem((line,), Decimal(663), constraints=(LotSize("A", 100, buys_only=True),)))
    assert (answer.orders, answer.reasons) == ((200,), (Reason.ROUNDED_TO_LOT,))


def test_sides_are_checked() -> None:
    with pytest.raises(OptimizerError, match="sides must be a Sides, not 'BUY_ONLY'"):
        OneSided("BUY_ONLY")  # type: ignore[arg-type] # callers without a type checker
    with pytest.raises(OptimizerError, match="OneSided must be given once, not twice"):
        Problem((VTI,), Decimal(50), constraints=(BUY, SELL))


def test_shares_that_are_held_in_parts_stay_so() -> None:
    """A short is not bought back by sells alone, and half a share is not made whole by buys."""
    short = position("A", price="10", quantity="-2.5", target="0.1", low="0.05", high="0.05")
    part = position("B", price="10", quantity="0.5")
    lines: tuple[Position, ...] = (short, part)
    assert solve(Problem(lines, Decimal(1000), constraints=(SELL,))).orders == (0, 0)
    assert solve(Problem(lines, Decimal(1000), constraints=(BUY,))).orders == (12, 0)
    assert solve(problem(*lines, cash="1000")).orders == (12, 0)
