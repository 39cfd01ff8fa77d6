"""How a portfolio stands to its model, at the edges of its bands, and against a computation in fractions."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift, WorstPosition
from ordergen_server.domain.errors import MarketValueNotPositive, MissingData
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.services.desk.standing import CashBand, standing
from ordergen_server.services.portfolios.securities import Securities
from tests.builders import (
    MODEL_ID,
    NOW,
    holdings,
    portfolio_id,
    position,
    rebalanced,
    result,
    security_id,
    snapshot,
)
from tests.limits import examples

START = PortfolioDrift(
    portfolio_id(0), "Portfolio 0", MODEL_ID, "Growth", DriftState.FAILED, snapshot_time=NOW
)
#: 0.25 to 0.6 and 0.125 to 0.375: cash from 0.025 to 0.625.
POSITIONS = (position(1, "0.5", "0.25", "0.1"), position(2, "0.25", "0.125", "0.125"))
ONE_A_SHARE = dict.fromkeys(range(1, 4), "1")
#: The least that a weight can be off at a market value of 1,000.
GRAIN = Decimal("0.00000001")


def stands(
    held: Holdings, positions: tuple[Position, ...] = POSITIONS, prices: dict[int, str] = ONE_A_SHARE
) -> PortfolioDrift:
    return standing(START, held, Securities(positions, snapshot(prices)), CashBand(positions))


def of_thousand(first: Decimal | str, second: Decimal | str, other: str = "0") -> PortfolioDrift:
    """A portfolio that is worth 1,000, with so much in each security, and the rest in cash."""
    quantities = {1: str(first), 2: str(second), 3: other}
    return stands(holdings(str(1000 - sum(map(Decimal, quantities.values()))), quantities))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("500", "250", DriftState.IN_BAND),
        ("600", "250", DriftState.IN_BAND),
        (600 + GRAIN, "250", DriftState.OUT_OF_BAND),
        ("250", "200", DriftState.IN_BAND),
        (250 - GRAIN, "200", DriftState.OUT_OF_BAND),
        ("600", "375", DriftState.IN_BAND),  # both at their upper edges: the least cash
        ("600", 375 + GRAIN, DriftState.LOW_CASH),
        ("250", "125", DriftState.IN_BAND),  # both at their lower edges: the most cash
        ("250", 125 - GRAIN, DriftState.HIGH_CASH),
        ("1100", "0", DriftState.LOW_CASH),  # overdrawn
    ],
)
def test_the_edges_of_bands_belong_to_them(
    first: Decimal | str, second: Decimal | str, expected: DriftState
) -> None:
    found = of_thousand(first, second)
    assert found.state is expected
    assert (found.outside_count == 0) is (expected is DriftState.IN_BAND)


def test_what_the_model_does_not_list_is_outside_a_band_of_nothing() -> None:
    found = of_thousand("500", "250", "0.00000001")
    assert (found.state, found.outside_count) == (DriftState.OUT_OF_BAND, 1)
    zero = Decimal(0)
    assert found.worst_position == WorstPosition(
        security_id(3), "T3", Decimal("1E-11"), zero, zero, Decimal("1E-11")
    )


def test_bands_that_are_wider_than_the_whole_leave_cash_from_nothing_to_everything() -> None:
    wide = CashBand([position(1, "0.5", "1", "1")])
    assert (wide.low, wide.high) == (Decimal(0), Decimal(1))
    assert stands(holdings("-1", {1: "2"}), (position(1, "0.5", "1", "1"),)).state is DriftState.LOW_CASH
    short = stands(holdings("11", {1: "-1"}), (position(1, "0.5", "1", "1"),))
    assert (short.state, short.outside_count) == (DriftState.HIGH_CASH, 0)


def test_every_number_of_a_portfolio() -> None:
    found = of_thousand("640", "250")
    assert found == PortfolioDrift(
        portfolio_id(0),
        "Portfolio 0",
        MODEL_ID,
        "Growth",
        DriftState.OUT_OF_BAND,
        None,
        Decimal(1000),
        Decimal("0.11"),
        Decimal("0.14"),
        1,
        WorstPosition(
            security_id(1), "T1", Decimal("0.64"), Decimal("0.25"), Decimal("0.6"), Decimal("0.04")
        ),
        NOW,
    )


def test_where_none_is_outside_the_nearest_to_an_edge_is_the_worst() -> None:
    found = of_thousand("500", "370")
    assert found.worst_position
    assert (found.worst_position.ticker, found.worst_position.distance) == ("T2", Decimal("-0.005"))


def test_of_several_that_are_as_far_the_first_by_id_is_the_worst() -> None:
    found = of_thousand("620", "395")
    assert found.worst_position
    assert found.worst_position.security_id == security_id(1)
    assert found.outside_count == 2


def test_new_portfolios_have_cash_alone_or_nothing() -> None:
    cash = stands(holdings("0.01", {1: "0", 3: "0"}))
    assert (cash.state, cash.outside_count) == (DriftState.NEW, 2)
    assert (cash.cash_weight, cash.drift) == (Decimal(1), Decimal("0.75"))
    nothing = stands(holdings("0"), prices={})
    assert nothing == replace(START, state=DriftState.NEW, market_value=Decimal(0))


@pytest.mark.parametrize(
    ("held", "prices", "error"),
    [
        (holdings("-1"), ONE_A_SHARE, MarketValueNotPositive),
        (holdings("-5", {1: "5"}), ONE_A_SHARE, MarketValueNotPositive),
        (holdings("5", {1: "5"}), {1: "1"}, MissingData),
        (holdings("5", {9: "5"}), ONE_A_SHARE, MissingData),
    ],
)
def test_what_a_rebalance_refuses_fails(
    held: Holdings, prices: dict[int, str], error: type[Exception]
) -> None:
    found = stands(held, prices=prices)
    assert (found.state, type(found.error)) == (DriftState.FAILED, error)
    assert (found.drift, found.cash_weight, found.outside_count, found.worst_position) == (None,) * 4
    assert found.error == rebalanced(result(), held, POSITIONS, snapshot(prices)).error


@dataclass(frozen=True)
class Case:
    """A portfolio and its model."""

    held: Holdings
    positions: tuple[Position, ...]
    prices: dict[int, str]


_WEIGHTS = st.integers(0, 40).map(lambda steps: str(Decimal(steps) / 200))


@st.composite
def listed(draw: st.DrawFn, number: int) -> Position:
    low, high = sorted((draw(_WEIGHTS), draw(_WEIGHTS)), key=Decimal)
    return position(number, draw(_WEIGHTS.filter(lambda one: one != "0")), low, high)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 4))
    prices = st.decimals(Decimal("0.01"), 50, places=draw(st.sampled_from([2, 3, 8])))
    amounts = st.just(Decimal(0)) | st.decimals(-20, 200, places=draw(st.sampled_from([0, 3])))
    cash = st.just(Decimal(0)) | st.decimals(-500, 5000, places=2)
    numbers = range(1, count + 3)
    return Case(
        holdings(str(draw(cash)), {one: str(draw(amounts)) for one in numbers}),
        tuple(draw(listed(number)) for number in range(1, count + 1)),
        {one: str(draw(prices)) for one in numbers},
    )


@settings(max_examples=examples(1000))
@given(case=cases())
def test_states_and_numbers_are_those_of_another_computation(case: Case) -> None:
    found = stands(case.held, case.positions, case.prices)
    held = {one: Fraction(quantity) for one, quantity in case.held.quantities.items()}
    cash = Fraction(case.held.cash)
    worth = {security_id(one): Fraction(price) * held[security_id(one)] for one, price in case.prices.items()}
    total = cash + sum(worth.values())
    if not cash and not any(held.values()):
        assert (found.state, found.market_value) == (DriftState.NEW, Decimal(0))
        return
    assert found.market_value == total
    if total <= 0:
        assert found.state is DriftState.FAILED
        return
    bands = {one.security_id: _band(one) for one in case.positions}
    shown = {one for one, quantity in held.items() if quantity} | set(bands)
    beyond = {}
    for one in shown:
        low, high = bands.get(one, (Fraction(0), Fraction(0)))
        beyond[one] = max(low - worth[one] / total, worth[one] / total - high)
    outside = [one for one, distance in beyond.items() if distance > 0]
    assert found.outside_count == len(outside)
    assert found.state is _expected(cash / total, held, bands, outside)
    assert found.worst_position
    worst = min(shown, key=lambda one: (-beyond[one], one))
    assert found.worst_position.security_id == worst
    targets = {one.security_id: Fraction(one.target) for one in case.positions}
    drift = sum(abs(targets.get(one, Fraction(0)) - worth[one] / total) for one in shown)
    for told, exact in (
        (found.drift, drift),
        (found.cash_weight, cash / total),
        (found.worst_position.weight, worth[worst] / total),
        (found.worst_position.distance, beyond[worst]),
    ):
        assert told is not None
        assert abs(Fraction(told) - exact) <= Fraction(1, 2 * 10**12)
    whole = rebalanced(result(), case.held, case.positions, snapshot(case.prices))
    assert found.drift == whole.drift_before


def _band(one: Position) -> tuple[Fraction, Fraction]:
    return Fraction(one.target) - Fraction(one.low_drift), Fraction(one.target) + Fraction(one.high_drift)


def _expected(
    cash: Fraction, held: dict[str, Fraction], bands: dict[str, tuple[Fraction, Fraction]], outside: list[str]
) -> DriftState:
    lightest = sum(max(Fraction(0), low) for low, _ in bands.values())
    heaviest = sum(high for _, high in bands.values())
    if not any(held.values()):
        return DriftState.NEW
    if cash + lightest > 1:
        return DriftState.HIGH_CASH
    if cash < 0 or cash + heaviest < 1:
        return DriftState.LOW_CASH
    return DriftState.OUT_OF_BAND if outside else DriftState.IN_BAND
