"""One portfolio becomes whole-share orders, and every number of the result is exact."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    PreconditionFailed,
)
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.rebalances.options import (
    RebalanceOptions,
    Restriction,
    RestrictionType,
    TradingCosts,
)
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, LimitBreach, SecurityLimit
from ordergen_server.domain.weights import line_weights
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.portfolios.valuation import MAXIMUM_POSITIONS
from tests.builders import NOW, TODAY, holdings, model, position, result, security_id, snapshot
from tests.unit.services.outcomes import inputs, outcome
from tests.unit.services.rebalanced import orders, rebalanced, verified
from tests.verification import verify


def test_every_number_of_a_result() -> None:
    wanted = model(position(1, "0.5"), position(2, "0.25"))
    answer = verified(holdings("500.50", {1: "10", 3: "4"}), wanted, {1: "33.33", 2: "7.5", 3: "20"})
    assert answer.state is PortfolioState.REBALANCED
    assert (answer.market_value, answer.cash_before) == (Decimal("913.80"), Decimal("500.50"))
    assert orders(answer) == {"1": 4, "2": 30, "3": -4}
    assert answer.cash_after == Decimal("222.18")
    assert [(trade.side, trade.quantity, trade.trade_date) for trade in answer.transactions] == [
        (Side.BUY, 4, TODAY),
        (Side.BUY, 30, TODAY),
        (Side.SELL, 4, TODAY),
    ]
    assert [line.security.ticker for line in answer.positions] == ["T1", "T2", "T3"]
    lines = [(one.adjusted_market_value, one.security.target) for one in answer.positions]
    assert line_weights(Decimal("913.80"), lines) == [(5106, -213), (2462, 151), (0, None)]
    assert answer.positions[2].reason == "NOT_IN_MODEL"
    assert answer.solution
    assert answer.solution.proven_optimal
    assert answer.solution.solve_duration.total_seconds() > 0
    blank = result()
    assert (answer.rebalance_id, answer.portfolio_name, answer.snapshot_time) == (
        blank.rebalance_id,
        blank.portfolio_name,
        NOW,
    )


def test_positions_are_in_the_order_of_security_ids() -> None:
    wanted = model(position(5), position(2))
    answer = verified(holdings("1000", {9: "1", 1: "1"}), wanted, {1: "1", 2: "1", 5: "1", 9: "1"})
    ids = [line.security.security_id for line in answer.positions]
    assert ids == [security_id(number) for number in (1, 2, 5, 9)]


def test_shorts_are_bought_back() -> None:
    wanted = model(position(1))
    assert orders(verified(holdings("2000", {1: "-3", 2: "-5"}), wanted, {1: "10", 2: "20"})) == {
        "1": 22,
        "2": 5,
    }


def test_fractions_of_a_share_stay() -> None:
    """Orders are whole: a fractional holding stays so; outside the model less than a share stays."""
    wanted = model(position(1))
    answer = verified(holdings("1000", {1: "3.25", 2: "2.75", 3: "-1.5"}), wanted, {1: "10", 2: "20", 3: "4"})
    assert [line.adjusted_quantity for line in answer.positions] == [
        Decimal("11.25"),
        Decimal("0.75"),
        Decimal("0.5"),
    ]


def test_an_overdraft_is_paid_back() -> None:
    """Targets of 0.9 within wide bands: the floor of 0 holds even from a negative balance."""
    wanted = model(position(1, "0.9", "0.2", "0.2"))
    answer = verified(holdings("-500", {1: "150"}), wanted, {1: "10"})
    assert answer.cash_after == Decimal(100)


def test_nothing_to_do() -> None:
    answer = verified(holdings("90", {1: "1"}), model(position(1)), {1: "10"})
    assert (answer.state, answer.transactions) == (PortfolioState.NO_ACTION, ())
    assert answer.drift_before == answer.drift_after == 0
    assert answer.cash_after == Decimal(90)


def test_all_cash_without_positions_to_buy() -> None:
    """A model of nothing but a position far dearer than the portfolio: no share is nearest."""
    answer = verified(holdings("100"), model(position(1, "0.1", "0.1", "0.1")), {1: "5000"})
    assert (answer.state, orders(answer)) == (PortfolioState.NO_ACTION, {"1": 0})


@pytest.mark.parametrize(
    ("options", "floor"),
    [
        (RebalanceOptions(), 0),
        (RebalanceOptions(minimum_cash_amount=Decimal(300)), 300),
        (RebalanceOptions(minimum_cash_weight=Decimal("0.25")), 250),
        (RebalanceOptions(minimum_cash_amount=Decimal(300), minimum_cash_weight=Decimal("0.25")), 300),
        (RebalanceOptions(minimum_cash_amount=Decimal(100), minimum_cash_weight=Decimal("0.25")), 250),
        (RebalanceOptions(minimum_cash_amount=Decimal(-100)), -100),
    ],
)
def test_the_cash_floor_is_the_greater_of_amount_and_weight(options: RebalanceOptions, floor: int) -> None:
    """A target of 0.95 leaves 50 of 1,000: a higher floor takes shares away, one by one."""
    wanted = model(position(1, "0.95", "0.5", "0.5"))
    answer = verified(holdings("1000"), wanted, {1: "10"}, options, Fraction(floor))
    assert answer.cash_after == max(50, floor)


@pytest.mark.parametrize("zero", ["0", "0.000", "0E-19", "0E-40"])
@pytest.mark.parametrize("name", ["minimum_cash_amount", "minimum_cash_weight"])
def test_a_floor_of_zero_is_one_with_however_many_places(name: str, zero: str) -> None:
    wanted, prices = model(position(1, "0.95", "0.5", "0.5")), {1: "10"}
    floor = RebalanceOptions(**{name: Decimal(zero)})  # type: ignore[arg-type] # a Decimal by its name
    assert (
        verified(holdings("1000"), wanted, prices, floor).positions
        == rebalanced(holdings("1000"), wanted, prices).positions
    )


@pytest.mark.parametrize(
    ("cash", "shares", "prices"),
    [
        ("999999999999999999", "0", {1: "0.01", 2: "10"}),
        ("1000000000000", "0", {1: "10", 2: "0.00000001"}),
        ("0", "9999999999", {1: "9999999999", 2: "0.00000001"}),
    ],
)
@pytest.mark.parametrize("options", [RebalanceOptions(), RebalanceOptions(maximum_trade_count=3)])
def test_more_shares_than_an_order_can_have(
    cash: str, shares: str, prices: dict[int, str], options: RebalanceOptions
) -> None:
    """Only that portfolio fails, with the security that costs next to nothing; solved in a batch or alone."""
    wanted = model(position(1, "0.4"), position(2, "0.4"))
    answer = rebalanced(holdings(cash, {1: shares}), wanted, prices, options)
    assert answer.state is PortfolioState.FAILED
    assert type(answer.error) is PreconditionFailed
    cheap = min(prices, key=lambda number: Decimal(prices[number]))
    assert [(one.subject, one.kind) for one in answer.error.violations] == [
        (security_id(cheap), "ORDER_SIZE")
    ]


def test_the_most_shares_are_traded_and_stored() -> None:
    """The largest order that there can be: a short of the most shares, bought back and more."""
    wanted, prices = model(position(1, "0.95", "1", "1")), {1: "0.00000001"}
    market_value = Decimal(2**61) * Decimal("0.00000001")
    short = -(10**18) + 1
    cash = market_value - short * Decimal("0.00000001")
    answer = verified(holdings(str(cash), {1: str(short)}), wanted, prices)
    assert answer.state is PortfolioState.REBALANCED
    assert 10**18 < answer.transactions[0].quantity < 2**63


def test_a_portfolio_of_more_securities_than_a_message_holds_fails_before_anything_is_solved() -> None:
    prices = dict.fromkeys(range(MAXIMUM_POSITIONS + 1), "1")
    held = dict.fromkeys(range(MAXIMUM_POSITIONS), "1")
    most = rebalanced(holdings("0", held), model(position(0)), prices)
    assert (most.state, len(most.positions)) == (PortfolioState.REBALANCED, MAXIMUM_POSITIONS)
    more = rebalanced(holdings("0", held), model(position(MAXIMUM_POSITIONS)), prices)
    assert (more.state, type(more.error)) == (PortfolioState.FAILED, PreconditionFailed)
    assert more.error is not None
    assert [(one.subject, one.kind) for one in more.error.violations] == [("positions", "TOO_MANY_POSITIONS")]
    assert "6,001" in more.error.message


def test_costs_are_paid_from_cash_and_told() -> None:
    """Each trade has its own; where they leave a cent too little in cash, a share less is bought."""
    wanted, costs = model(position(1, "0.95", "0.2", "0.05")), TradingCosts(Decimal("0.01"), Decimal("9.50"))
    free = rebalanced(holdings("500", {2: "5"}), wanted, {1: "100", 2: "100"})
    answer = rebalanced(
        holdings("500", {2: "5"}), wanted, {1: "100", 2: "100"}, RebalanceOptions(costs=costs)
    )
    assert (orders(free), free.cash_after, free.cost) == ({"1": 9, "2": -5}, Decimal(100), None)
    assert (orders(answer), answer.cost) == ({"1": 9, "2": -5}, Decimal("33.00"))
    assert answer.cash_after == Decimal("67.00")
    tight = RebalanceOptions(costs=costs, minimum_cash_amount=Decimal("67.01"))
    less = rebalanced(holdings("500", {2: "5"}), wanted, {1: "100", 2: "100"}, tight)
    assert (orders(less), less.cost) == ({"1": 8, "2": -5}, Decimal("32.00"))
    assert [line.reason for line in less.positions] == ["REDUCED_FOR_CASH", "NOT_IN_MODEL"]


def test_an_overdraft_may_be_allowed() -> None:
    """The nearest share lies above the target, and cash goes below zero where no one forbids it."""
    wanted = model(position(1, "0.95", "0.95", "0.95"))
    prices = {1: "650"}
    allowed = RebalanceOptions(allow_overdraft=True)
    assert verified(holdings("1000"), wanted, prices, allowed, None).cash_after == Decimal(350)
    assert verified(holdings("1000"), wanted, {1: "1100"}, allowed, None).cash_after == Decimal(-100)
    assert verified(holdings("1000"), wanted, {1: "1100"}).cash_after == Decimal(1000)


def test_a_new_portfolio_needs_no_action() -> None:
    answer = rebalanced(holdings("0"), model(position(1)), {1: "10"})
    assert answer == replace(
        result(), market_value=Decimal(0), cash_before=Decimal(0), cash_after=Decimal(0), error=None
    )


def test_nothing_at_all_needs_no_action_record_or_not() -> None:
    """Not even prices: there is nothing to count."""
    answer = rebalanced(holdings("0.00", {1: "0"}), model(position(1)), {})
    nothing = Decimal(0)
    assert answer == replace(
        result(), market_value=nothing, cash_before=nothing, cash_after=nothing, error=None
    )


def test_limits_that_a_restriction_bars_are_named_with_what_is_held() -> None:
    """The security is worth 300 of 1,000, and may not be sold."""
    options = RebalanceOptions(
        restrictions=(Restriction(security_id(1), RestrictionType.DO_NOT_SELL),),
        security_limits=(SecurityLimit(security_id(1), None, Decimal("0.2")),),
        group_limits=(GroupLimit("Energy", (security_id(1), security_id(2)), None, Decimal("0.25")),),
    )
    wanted = model(position(1, "0.1", "0.1", "0.5"), position(2, "0.1", "0.1", "0.5"))
    answer = rebalanced(holdings("700", {1: "30"}), wanted, {1: "10", 2: "10"}, options)
    assert orders(answer) == {"1": 0, "2": 0}
    assert [line.reason for line in answer.positions] == ["RESTRICTED", "GROUP_LIMIT"]
    assert answer.limit_breaches == (
        LimitBreach(security_id(1), "", Decimal(300)),
        LimitBreach("", "Energy", Decimal(300)),
    )


SECURITIES = 6
MODEL_WEIGHTS = st.lists(st.one_of(st.none(), st.integers(1, 30)), min_size=SECURITIES, max_size=SECURITIES)
PRICES = st.lists(st.decimals("0.01", "900", places=2).map(str), min_size=SECURITIES, max_size=SECURITIES)
WHOLE = st.integers(-50, 900).map(str)
QUANTITY = st.one_of(st.none(), WHOLE, WHOLE, st.decimals("-5", "200", places=4).map(str))
PORTFOLIO = st.tuples(
    st.decimals("-2000", "100000", places=2),
    st.lists(QUANTITY, min_size=SECURITIES, max_size=SECURITIES),
)


@settings(deadline=None)
@given(
    MODEL_WEIGHTS,
    PRICES,
    st.lists(PORTFOLIO, min_size=1, max_size=5),
    st.integers(0, 80),
    st.tuples(st.decimals("-100", "3000", places=2), st.one_of(st.none(), st.decimals(0, "0.5", places=3))),
)
def test_every_result_of_a_batch_holds_against_the_independent_check(
    weights: list[int | None],
    prices: list[str],
    portfolios: list[tuple[Decimal, list[str | None]]],
    drift_steps: int,
    floors: tuple[Decimal, Decimal | None],
) -> None:
    drift = Decimal(drift_steps) / 200
    wanted = model(
        *(
            Position(security_id(number), Decimal(steps) / 200, drift, drift)
            for number, steps in enumerate(weights)
            if steps
        )
    )
    held = [
        holdings(str(cash), {number: one for number, one in enumerate(quantities) if one})
        for cash, quantities in portfolios
    ]
    securities = Securities(wanted.positions, snapshot(dict(enumerate(prices))))
    amount, weight = floors
    options = RebalanceOptions(minimum_cash_amount=amount, minimum_cash_weight=weight)
    blanks = [(result(number), one) for number, one in enumerate(held)]
    answers = rebalance_portfolios(blanks, securities, options, Deadline.after(30))
    assert [blank.portfolio_id for blank, _ in blanks] == [answer.portfolio_id for answer in answers]
    by_id = {security_id(number): price for number, price in enumerate(prices)}
    for one, answer in zip(held, answers, strict=True):
        value = inputs(one, wanted, by_id).market_value
        assert Fraction(answer.market_value or 0) == value
        nothing = not one.cash and not any(one.quantities.values())
        assert (answer.state is PortfolioState.FAILED) == (value <= 0 and not nothing)
        if nothing:
            assert answer.state is PortfolioState.NO_ACTION
        elif answer.solution:
            floor = max(
                Fraction(amount), Fraction(weight) * value if weight is not None else Fraction(amount)
            )
            verify(outcome(answer), inputs(one, wanted, by_id, floor))
        else:
            assert answer.error
