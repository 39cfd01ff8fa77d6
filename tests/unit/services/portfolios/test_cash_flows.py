"""Money that comes and goes: as good as cash that is there, or is not, but for what is there now."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Infeasible,
    InvalidArgument,
    MarketValueNotPositive,
    PreconditionFailed,
    SiblingUnavailable,
    Violation,
)
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances.options import LotSides, LotSize, RebalanceOptions, Sides, Strategy
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from tests import builders
from tests.builders import MODEL_ID, holdings, model, portfolio_id, position, result, security_id, snapshot
from tests.limits import PATIENCE
from tests.unit.services.outcomes import inputs, outcome
from tests.unit.services.runs import BUYS, OPTIONS, REQUEST, RESTS, House, each, house
from tests.verification import Rules, verify

D = Decimal
VTI, BND = 1, 2
PRICES = {VTI: "290.60", BND: "44.54"}
BALANCED = model(position(VTI, "0.6", "0.02", "0.02"), position(BND, "0.4", "0.02", "0.02"))
#: 96,727.00 in all, on target.
FUNDED = holdings("35.36", {VTI: "200", BND: "866"})


def rebalanced(
    held: Holdings,
    flow: str | None,
    wanted: Model = BALANCED,
    prices: Mapping[int, str] = PRICES,
    options: RebalanceOptions | None = None,
) -> PortfolioRebalance:
    untried = replace(result(), cash_flow=None if flow is None else D(flow))
    return builders.rebalanced(untried, held, wanted.positions, snapshot(dict(prices)), options)


def check(
    answer: PortfolioRebalance,
    held: Holdings,
    wanted: Model,
    prices: Mapping[int, str],
    rules: Rules | None = None,
) -> None:
    """Fail unless every number holds against the definitions."""
    by_id = {security_id(number): price for number, price in prices.items()}
    given = replace(inputs(held, wanted, by_id), cash_flow=Fraction(answer.cash_flow or 0))
    verify(outcome(answer), replace(given, rules=rules or Rules()))


def orders(answer: PortfolioRebalance) -> list[int]:
    return [line.trade_quantity for line in answer.positions]


def test_a_withdrawal_is_paid_by_sales_that_keep_the_weights() -> None:
    answer = rebalanced(FUNDED, "-10000")
    assert orders(answer) == [-21, -87]
    assert (answer.market_value, answer.cash_flow, answer.cash_before) == (D(96727), D(-10000), D("35.36"))
    assert answer.cash_after == D("35.36") - 10_000 + 21 * D("290.60") + 87 * D("44.54")
    assert answer.drift_before == D("0.114896629654")
    check(answer, FUNDED, BALANCED, PRICES)


def test_kept_as_minimum_cash_the_same_money_does_not_fit() -> None:
    kept = RebalanceOptions(minimum_cash_amount=D(10_000))
    answer = rebalanced(FUNDED, None, options=kept)
    assert (answer.state, type(answer.error)) == (PortfolioState.INFEASIBLE, Infeasible)


def test_what_comes_is_invested() -> None:
    answer = rebalanced(FUNDED, "10000")
    assert orders(answer) == [20, 92]
    assert answer.cash_after == D("125.68")
    check(answer, FUNDED, BALANCED, PRICES)


def test_a_new_portfolio_that_gets_money_is_invested() -> None:
    empty = holdings("0")
    answer = rebalanced(empty, "5000")
    assert (answer.state, answer.market_value, answer.drift_before) == (PortfolioState.REBALANCED, D(0), D(1))
    assert orders(answer) == [10, 45]
    check(answer, empty, BALANCED, PRICES)
    assert rebalanced(empty, None).state is PortfolioState.NO_ACTION


def test_an_overdrawn_portfolio_that_is_funded_is_rebalanced() -> None:
    overdrawn = holdings("-5")
    answer = rebalanced(overdrawn, "5000")
    assert (answer.state, answer.market_value) == (PortfolioState.REBALANCED, D(-5))
    check(answer, overdrawn, BALANCED, PRICES)


@pytest.mark.parametrize(
    ("held", "flow", "rule", "mend"),
    [
        (FUNDED, "-96727", "not 96,727.00 plus -96,727.00", "less can be paid out"),
        (FUNDED, "-1e5", "not 96,727.00 plus -100,000.00", "less can be paid out"),
        (holdings("0"), "-1", "not 0.00 plus -1.00", "it must be funded with more"),
        (holdings("-10"), "9.5", "not -10.00 plus 9.50", "it must be funded with more"),
    ],
)
def test_more_than_there_is_cannot_be_paid_out(held: Holdings, flow: str, rule: str, mend: str) -> None:
    answer = rebalanced(held, flow)
    rule = f"market value plus cash flow must be above 0, {rule}"
    assert answer.error == MarketValueNotPositive(
        f"The portfolio cannot be rebalanced, its {rule}: {mend}.",
        violations=[Violation("market_value", rule, "MARKET_VALUE_NOT_POSITIVE")],
    )
    assert (answer.state, answer.cash_flow, answer.drift_before) == (PortfolioState.FAILED, D(flow), None)


def test_a_flow_that_no_number_has_room_for_is_a_failure_of_its_portfolio() -> None:
    answer = rebalanced(holdings("5000000"), "9" * 34 + "e6")
    assert (answer.state, type(answer.error)) == (PortfolioState.FAILED, PreconditionFailed)
    assert answer.error
    assert [one.kind for one in answer.error.violations] == ["CASH_FLOW_TOO_LARGE"]


def test_what_does_not_fit_says_that_its_market_value_counts_the_flow() -> None:
    narrow = model(position(VTI, "0.6", "0.0001", "0.0001"))
    answer = rebalanced(holdings("1000"), "-500", narrow)
    assert (answer.state, type(answer.error)) == (PortfolioState.INFEASIBLE, Infeasible)
    assert answer.error
    assert "of a market value that counts the cash flow of -500.00: security" in answer.error.message
    assert "band [299.95, 300.05]" in answer.error.message


@pytest.mark.parametrize(
    ("options", "floor"),
    [
        (RebalanceOptions(), "0"),
        (RebalanceOptions(minimum_cash_amount=D(2_000)), "2000"),
        (RebalanceOptions(minimum_cash_weight=D("0.02")), "1734.54"),
    ],
)
def test_the_floor_is_kept_after_the_payout(options: RebalanceOptions, floor: str) -> None:
    answer = rebalanced(FUNDED, "-10000", options=options)
    assert answer.cash_after is not None
    assert D(floor) <= answer.cash_after < D(floor) + 291


def test_turnover_is_limited_by_a_weight_of_what_is_left() -> None:
    enough = RebalanceOptions(maximum_turnover_weight=D("0.12"))
    assert rebalanced(FUNDED, "-10000", options=enough).state is PortfolioState.REBALANCED
    short = RebalanceOptions(maximum_turnover_weight=D("0.105"))  # of 96,727 it would be enough
    assert rebalanced(FUNDED, "-10000", options=short).state is PortfolioState.INFEASIBLE


QUANTITIES = st.one_of(st.none(), st.integers(0, 400).map(str), st.decimals(-3, 60, places=3).map(str))
CASH = st.decimals(-900, 30_000, places=2)
FLOW = st.one_of(st.decimals(-9_000, 30_000, places=2), st.decimals(-9_000, 30_000, places=6))
CHOICES = st.builds(
    RebalanceOptions,
    minimum_cash_weight=st.sampled_from([None, D("0.05")]),
    strategy=st.sampled_from(Strategy),
    sides=st.sampled_from([Sides.BUY_AND_SELL, Sides.BUY_AND_SELL, Sides.BUY_ONLY, Sides.SELL_ONLY]),
    lot_sizes=st.sampled_from(
        [(), (LotSize(security_id(0), 10),), (LotSize(security_id(0), 10, LotSides.BUYS),)]
    ),
    maximum_turnover_weight=st.sampled_from([None, None, D("0.8")]),
    minimum_trade_value=st.sampled_from([None, None, D(150)]),
)
POSITIONS = model(*(position(number, "0.3", "0.15", "0.15") for number in range(3)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(CASH, FLOW, st.lists(QUANTITIES, min_size=4, max_size=4)), min_size=1, max_size=4),
    st.lists(st.decimals("0.5", "300", places=2).map(str), min_size=4, max_size=4),
    CHOICES,
)
def test_a_flow_is_as_good_as_cash_that_is_there(
    portfolios: list[tuple[Decimal, Decimal, list[str | None]]], prices: list[str], options: RebalanceOptions
) -> None:
    """In a batch and alone: the same orders for the same reasons; and every number by its definition."""
    securities = Securities(POSITIONS.positions, snapshot(dict(enumerate(prices))))

    def answers(flowing: bool) -> list[PortfolioRebalance]:
        given = []
        for number, (cash, flow, held) in enumerate(portfolios):
            quantities = {place: one for place, one in enumerate(held) if one}
            untried = replace(result(number), cash_flow=flow if flowing and flow else None)
            given.append((untried, holdings(str(cash if flowing else cash + flow), quantities)))
        return rebalance_portfolios(given, securities, options, Deadline.after(30))

    for (cash, flow, held), with_flow, as_cash in zip(portfolios, answers(True), answers(False), strict=True):
        assert with_flow.base_value == as_cash.market_value
        quantities = {place: one for place, one in enumerate(held) if one}
        if with_flow.solution is None:
            assert as_cash.solution is None
            continue
        assert _decided(with_flow) == _decided(as_cash)
        check(
            with_flow,
            holdings(str(cash), quantities),
            POSITIONS,
            dict(enumerate(prices)),
            Rules(
                to_band=options.strategy is Strategy.TO_BAND,
                lots={one.security_id: one.shares for one in options.lot_sizes},
                odd_sells=frozenset(
                    one.security_id for one in options.lot_sizes if one.applies_to is LotSides.BUYS
                ),
                only={Sides.BUY_ONLY: "BUY", Sides.SELL_ONLY: "SELL"}.get(options.sides, ""),
                minimum_trade_value=_fraction(options.minimum_trade_value),
                maximum_turnover_weight=_fraction(options.maximum_turnover_weight),
            ),
        )
        if not flow:
            assert with_flow.cash_flow is None


def _fraction(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def _decided(answer: PortfolioRebalance) -> tuple[object, ...]:
    assert answer.solution
    return (
        answer.state,
        answer.cash_after,
        answer.drift_before,
        answer.drift_after,
        answer.positions,
        answer.transactions,
        answer.solution.objective,
        answer.solution.proven_optimal,
    )


FLOWS = {portfolio_id(0): D(-300), portfolio_id(2): D("550.5"), portfolio_id(1): D(0)}


def told(parts: House, portfolio_ids: tuple[str, ...] = ()) -> dict[str, PortfolioRebalance]:
    """What becomes of each portfolio of a run with these flows."""
    begun = parts.rebalancers.model.start(
        MODEL_ID, OPTIONS, PATIENCE, cash_flows=FLOWS, portfolio_ids=portfolio_ids
    )
    assert parts.ended(begun.rebalance_id)
    return {one.portfolio_id: one for one in parts.runs.results}


def test_flows_reach_their_portfolios_however_a_run_is_asked_for() -> None:
    """One of 1,000 in cash gives 300 away, one of 100 gets 550.50; for the others nothing comes or goes."""
    with house(BUYS, RESTS, RESTS, BUYS) as parts:
        stored = told(parts)
        events = parts.rebalancers.previews.preview(
            MODEL_ID, OPTIONS, Deadline.after(PATIENCE), cash_flows=FLOWS
        )
        tried = [one.event for one in each(events)]
        events = parts.rebalancers.model.rebalance(
            MODEL_ID, OPTIONS, Deadline.after(PATIENCE), cash_flows=FLOWS
        )
        streamed = [one.event for one in each(events)]
    for found in (stored.values(), tried, streamed):
        results = {one.portfolio_id: one for one in found if isinstance(one, PortfolioRebalance)}
        flows = [results[portfolio_id(number)].cash_flow for number in range(4)]
        assert flows == [D(-300), None, D("550.5"), None]
        shares = [sum(orders(results[portfolio_id(number)])) for number in range(4)]
        assert shares == [7, 0, 6, 10]


def test_a_flow_of_a_single_portfolio() -> None:
    with house(BUYS) as parts:
        rebalance = parts.rebalancers.portfolio.rebalance
        answer = rebalance(portfolio_id(0), OPTIONS, Deadline.after(PATIENCE), cash_flow=D(-300))
        assert (answer.cash_flow, orders(answer)) == (D(-300), [7])
        assert parts.runs.results[0].cash_flow == D(-300)
        none = rebalance(portfolio_id(0), OPTIONS, Deadline.after(PATIENCE), cash_flow=D(0))
        assert (none.cash_flow, orders(none)) == (None, [10])


def test_flows_of_portfolios_that_are_none_of_the_runs_are_named_each_by_its_place() -> None:
    with house(BUYS, RESTS, RESTS) as parts:
        for portfolio_ids in ((portfolio_id(0), portfolio_id(1)), (portfolio_id(1),)):
            with pytest.raises(InvalidArgument) as raised:
                told(parts, portfolio_ids)
            paths = [one.subject for one in raised.value.violations]
            outside = [place for place, one in enumerate(FLOWS) if one not in portfolio_ids]
            assert paths == [f"cash_flows[{place}].portfolio_id" for place in outside]
        assert parts.runs.headers == {}


def test_a_portfolio_without_its_turn_has_its_flow() -> None:
    down = SiblingUnavailable("down", metadata={"service": "portfolio accounting"})
    with house(down, RESTS, RESTS, workers=1, window=1) as parts:
        found = told(parts)
    states = {one.state for one in found.values()}
    assert states == {PortfolioState.FAILED, PortfolioState.SKIPPED}
    assert [found[portfolio_id(number)].cash_flow for number in range(3)] == [D(-300), None, D("550.5")]


def test_a_run_that_is_taken_over_has_its_flows() -> None:
    """They are in its chunks, whoever works them off: nothing of them is with who began the run."""
    with house(BUYS, RESTS, RESTS) as parts:
        held = parts.held(cash_flows=FLOWS)
        parts.clock.move(3600)
        parts.holder.tend()
        assert parts.ended(held.rebalance_id)
        flows = {one.portfolio_id: one.cash_flow for one in parts.runs.results}
    assert flows == {portfolio_id(0): D(-300), portfolio_id(1): D(0), portfolio_id(2): D("550.5")}


def test_a_repeated_request_joins_the_run_and_its_flows() -> None:
    with house(BUYS, RESTS, RESTS) as parts:
        first = parts.rebalancers.model.start(MODEL_ID, OPTIONS, PATIENCE, cash_flows=FLOWS, request=REQUEST)
        again = parts.rebalancers.model.start(MODEL_ID, OPTIONS, PATIENCE, request=REQUEST)
        assert again.rebalance_id == first.rebalance_id
        assert parts.ended(first.rebalance_id)
        assert parts.runs.get_portfolio(first.rebalance_id, portfolio_id(0)).cash_flow == D(-300)
