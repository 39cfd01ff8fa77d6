"""Orders hold from one end of a range to the other, and one step beyond either end they do not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from ordergen_server.domain.desk.price_ranges import PriceRange, good_until
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.lines import RebalancePosition, RunSecurity
from ordergen_server.domain.rebalances.options import (
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Strategy,
    TradingCosts,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, SolutionQuality
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit
from tests.builders import holdings, position, rebalanced, result, security_id, snapshot

STEP = Fraction(1, 10**8)
ZERO = Decimal(0)
PRICES = st.decimals("0.00000001", 500, places=8) | st.decimals("0.01", 500, places=2)
WEIGHTS = st.decimals(0, "0.4", places=3)
OPTIONS = st.builds(
    RebalanceOptions,
    minimum_cash_amount=st.none() | st.decimals(0, 400, places=2),
    minimum_cash_weight=st.none() | st.decimals(0, "0.05", places=3),
    allow_overdraft=st.booleans(),
    strategy=st.sampled_from(Strategy),
    restrictions=st.sampled_from([(), (Restriction(security_id(0), RestrictionType.HOLD),)]),
    costs=st.sampled_from(
        [None, TradingCosts(ZERO, Decimal(1)), TradingCosts(Decimal("0.0125"), Decimal(1))]
    ),
    security_limits=st.sampled_from([(), (SecurityLimit(security_id(1), None, Decimal("0.1234")),)]),
    group_limits=st.sampled_from(
        [
            (),
            (
                GroupLimit("G", (security_id(0), security_id(9)), Decimal("0.05"), None),
                GroupLimit("H", tuple(map(security_id, range(3))), Decimal("0.01"), Decimal("0.5")),
            ),
        ]
    ),
)


def broken(answer: PortfolioRebalance, options: RebalanceOptions, place: int, price: Fraction) -> set[str]:
    """The rules that orders break where the security of a line has this price."""
    prices = [Fraction(one.security.price) for one in answer.positions]
    prices[place] = price
    held = [Fraction(one.original_quantity) for one in answer.positions]
    orders = [one.trade_quantity for one in answer.positions]
    cash = Fraction(answer.cash_before or 0) + Fraction(answer.cash_flow or 0)
    value = cash + sum((p * q for p, q in zip(prices, held, strict=True)), Fraction())
    left = cash - sum((p * d for p, d in zip(prices, orders, strict=True)), Fraction())
    if options.costs:
        rate, fee = Fraction(options.costs.rate_weight), Fraction(options.costs.per_trade_amount)
        left -= sum((rate * p * abs(d) + fee for p, d in zip(prices, orders, strict=True) if d), Fraction())
    if value <= 0:
        return {"market value"}
    found = set()
    for one, now, before, order in zip(answer.positions, prices, held, orders, strict=True):
        target = Fraction(one.security.target)
        low, high = target - Fraction(one.security.low_drift), target + Fraction(one.security.high_drift)
        if not low <= now * (before + order) / value <= high:
            found.add(one.security.security_id)
    if any(left < floor for floor in floors(options, value)):
        found.add("cash")
    lines = zip(answer.positions, prices, held, orders, strict=True)
    worth = {one.security.security_id: now * (before + order) / value for one, now, before, order in lines}
    return found | set(limits_broken(options, worth))


def limits_broken(options: RebalanceOptions, worth: dict[str, Fraction]) -> Iterator[str]:
    """Each side of a limit, by the weights of the securities that there are."""
    given: list[tuple[str, tuple[str, ...], SecurityLimit | GroupLimit]] = [
        *(("limit", (one.security_id,), one) for one in options.security_limits),
        *((one.name, one.security_ids, one) for one in options.group_limits),
    ]
    for name, ids, limit in given:
        weights = [worth[one] for one in ids if one in worth]
        if weights and limit.minimum_weight is not None and sum(weights) < limit.minimum_weight:
            yield f"{name} at least"
        if weights and limit.maximum_weight is not None and sum(weights) > limit.maximum_weight:
            yield f"{name} at most"


def floors(options: RebalanceOptions, value: Fraction) -> Iterator[Fraction]:
    if options.allow_overdraft:
        return
    amount, weight = options.minimum_cash_amount, options.minimum_cash_weight
    yield Fraction(0) if amount is None and weight is None else Fraction(amount or 0)
    if weight is not None:
        yield Fraction(weight) * value


def check(answer: PortfolioRebalance, options: RebalanceOptions) -> None:
    """Fail unless each range is right; what is broken at the prices of the run is left out of it."""
    ranges = good_until(answer, options)
    assert len(ranges) == len(answer.positions)
    for place, (one, line) in enumerate(zip(ranges, answer.positions, strict=True)):
        price = Fraction(line.security.price)
        out = broken(answer, options, place, price)
        low, high = ends(one)
        for end in (low, high, price):
            if end is not None:
                assert broken(answer, options, place, end) <= out
        if low is not None:
            assert 0 < low <= price
            assert broken(answer, options, place, low - STEP) - out
        if high is not None:
            assert price <= high
            assert broken(answer, options, place, high + STEP) - out
        if low is None:
            assert broken(answer, options, place, min(STEP, price)) <= out
        if high is None:
            assert broken(answer, options, place, price * 10**12 + 10**12) <= out


def ends(one: PriceRange) -> tuple[Fraction | None, Fraction | None]:
    low, high = one.low, one.high
    return (None if low is None else Fraction(low), None if high is None else Fraction(high))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Holdings, list[Position], dict[int, str]]:
    count = draw(st.integers(1, 4))
    positions = [
        Position(security_id(number), target, min(low, high), high)
        for number, (target, low, high) in enumerate(
            draw(st.lists(st.tuples(WEIGHTS, WEIGHTS, WEIGHTS), min_size=count, max_size=count))
        )
    ]
    shares = st.integers(-20, 300).map(str) | st.decimals(0, 30, places=4).map(str)
    held = draw(st.dictionaries(st.integers(0, count), shares))
    prices = {number: f"{draw(PRICES):f}" for number in range(count + 1)}
    return holdings(str(draw(st.decimals(-500, 20_000, places=2))), held), positions, prices


@given(cases(), OPTIONS)
def test_answers_hold_up_to_the_ends_and_no_further(
    case: tuple[Holdings, list[Position], dict[int, str]], options: RebalanceOptions
) -> None:
    held, positions, prices = case
    answer = rebalanced(result(), held, positions, snapshot({**prices}), options)
    if answer.solution is None:
        assert good_until(answer, options) == ()
    else:
        check(answer, options)


@st.composite
def made_up(draw: st.DrawFn) -> PortfolioRebalance:
    """No solver has made these: short, fractional, outside their bands, with bands below nothing."""
    lines = []
    for number in range(draw(st.integers(1, 4))):
        target, low, high = draw(WEIGHTS), draw(WEIGHTS), draw(WEIGHTS)
        security = RunSecurity(security_id(number), "T", draw(PRICES), target, low, high)
        quantity = draw(st.integers(-50, 300).map(Decimal) | st.decimals(-5, 30, places=3))
        lines.append(RebalancePosition(security, quantity, draw(st.integers(-40, 40)), "RESTRICTED"))
    cash = draw(st.decimals(-100, 20_000, places=9))
    value = cash + sum((one.original_market_value for one in lines), ZERO)
    assume(value > 0)
    spent = sum((one.trade_quantity * one.security.price for one in lines), ZERO)
    return replace(
        result(),
        market_value=value,
        cash_before=cash,
        cash_after=cash - spent,
        positions=tuple(lines),
        solution=SolutionQuality(False, ZERO, ZERO, timedelta(0)),
    )


@given(made_up(), OPTIONS)
def test_whatever_an_answer_is(answer: PortfolioRebalance, options: RebalanceOptions) -> None:
    costs = (
        [options.costs.of(one.trade_value) for one in answer.positions if one.trade_quantity]
        if (options.costs)
        else []
    )
    check(replace(answer, cash_after=(answer.cash_after or ZERO) - sum(costs, ZERO)), options)


def answer_of(
    cash: str, held: dict[int, str], prices: dict[int, str], *wanted: Position
) -> tuple[PriceRange, ...]:
    options = RebalanceOptions()
    return good_until(rebalanced(result(), holdings(cash, held), wanted, snapshot(dict(prices))), options)


def test_a_new_portfolio_in_numbers() -> None:
    """Of 1,000 in cash 500 buys 50 shares at 10: they may weigh from 0.4 to 0.6 of what stays 1,000."""
    [bought] = answer_of("1000", {}, {1: "10"}, position(1, "0.5", "0.1", "0.1"))
    assert bought == PriceRange(Decimal("8.00000000"), Decimal("12.00000000"))


def test_an_end_is_the_last_step_that_holds() -> None:
    """33 shares at 10: from 0.3 to 0.4 of 1,000, which are no whole steps of a price of 33 shares."""
    [bought] = answer_of("1000", {}, {1: "10"}, position(1, "0.33", "0.03", "0.07"))
    assert bought == PriceRange(Decimal("9.09090910"), Decimal("12.12121212"))


def test_what_is_worth_nothing_to_any_rule_is_without_end() -> None:
    """It is neither held nor bought, and its band begins at nothing."""
    [idle] = answer_of("1000", {}, {1: "5000"}, position(1, "0.1", "0.1", "0.1"))
    assert idle == PriceRange(None, None)


def test_cash_ends_a_range_before_the_band_does() -> None:
    """95 shares at 10 leave 50 of 1,000 in cash: a price that is 0.52 higher takes more than that."""
    [bought] = answer_of("1000", {}, {1: "10"}, position(1, "0.95", "0.95", "0.95"))
    assert bought == PriceRange(None, Decimal("10.52631578"))


def test_a_limit_ends_a_range_before_the_band_does() -> None:
    """50 shares at 10 may weigh up to 0.6 of 1,000 by their band, 0.55 by the limit, 0.52 by their group."""
    held, wanted = holdings("1000"), [position(1, "0.5", "0.1", "0.1")]
    limits = (SecurityLimit(security_id(1), None, Decimal("0.55")),)
    groups = (GroupLimit("G", (security_id(1),), None, Decimal("0.52")),)
    for options, high in (
        (RebalanceOptions(security_limits=limits), "11"),
        (RebalanceOptions(security_limits=limits, group_limits=groups), "10.4"),
    ):
        [found] = good_until(rebalanced(result(), held, wanted, snapshot({1: "10"}), options), options)
        assert found == PriceRange(Decimal(8), Decimal(high))


def test_without_an_answer_there_is_none() -> None:
    assert good_until(result(), RebalanceOptions()) == ()
    solved = rebalanced(result(), holdings("1000"), [position(1)], snapshot({1: "10"}))
    assert good_until(solved, RebalanceOptions())
    assert good_until(solved, None) == ()
    assert good_until(replace(solved, solution=None), RebalanceOptions()) == ()
