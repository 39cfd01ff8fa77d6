"""Open orders in a run: who has some fails, or is rebalanced as if they were filled, or is not looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.explanations import Explanation
from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, SettingsContent
from ordergen_server.domain.errors import (
    HasOpenOrders,
    InternalError,
    MissingData,
    NotToBeTraded,
    PreconditionFailed,
    SiblingUnavailable,
    Violation,
)
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.open_orders import OpenOrder, OpenOrders, OrdersByPortfolio
from ordergen_server.domain.rebalances.lines import RuleSource
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState, RunStarted
from ordergen_server.services.configured import Configured
from ordergen_server.services.portfolios.open_orders import with_open_orders
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.rebalancing.rebalancers import Rebalancers, rebalancers
from tests.builders import MODEL_ID, holdings, portfolio_id, position, security_id, snapshot
from tests.limits import PATIENCE
from tests.unit.services.open_orders import FakeOrders, order
from tests.unit.services.runs import BUYS, OPTIONS, RESTS, House, each, house

CLOSED = SettingsContent(DoNotTrade("Closed."))
REFUSE, COUNT, IGNORE = OpenOrders.REFUSE, OpenOrders.COUNT, OpenOrders.IGNORE


def securities(open_orders: OrdersByPortfolio | None, prices: Mapping[int, str] | None = None) -> Securities:
    market = replace(snapshot(prices or {1: "10.25", 2: "7"}), open_orders=open_orders)
    return Securities([position(1)], market)


def standing(
    how: OpenOrders | None, *orders: OpenOrder, held: Holdings = RESTS
) -> Holdings | PreconditionFailed:
    return with_open_orders(held, securities({portfolio_id(0): orders}), how)


@pytest.mark.parametrize("how", [None, IGNORE])
def test_what_is_ignored_changes_nothing(how: OpenOrders | None) -> None:
    assert standing(how, order(1, "BUY", "5")) is RESTS
    assert with_open_orders(RESTS, securities(None), how) is RESTS


@pytest.mark.parametrize("how", [REFUSE, COUNT])
def test_who_has_none_is_as_he_is(how: OpenOrders) -> None:
    orders = {portfolio_id(1): [order(1, "BUY", "5")]}
    assert with_open_orders(RESTS, securities(orders), how) is RESTS


@pytest.mark.parametrize("how", [REFUSE, COUNT])
def test_what_was_not_read_is_not_taken_for_none(how: OpenOrders) -> None:
    with pytest.raises(InternalError):
        with_open_orders(RESTS, securities(None), how)


def test_who_has_some_is_refused_and_they_are_named() -> None:
    found = standing(REFUSE, order(7, "BUY", "5"), order(9, "SELL", "2.5", of=2, status="PART"))
    assert found == HasOpenOrders(
        "The portfolio has 2 open orders: order 7 (BUY 5 T1, NEW); order 9 (SELL 2.5 T2, PART):"
        " wait until they are filled, or cancel them, or have them counted or ignored (open_orders).",
        metadata={"open_order_count": "2"},
        violations=[
            Violation(security_id(1), "order 7 (BUY 5 T1, NEW)", "OPEN_ORDER"),
            Violation(security_id(2), "order 9 (SELL 2.5 T2, PART)", "OPEN_ORDER"),
        ],
    )


def test_of_very_many_the_first_are_named_and_how_many_more() -> None:
    found = standing(REFUSE, *(order(number, "BUY", "5") for number in range(1, 101)))
    assert isinstance(found, HasOpenOrders)
    assert len(found.violations) == 32
    assert found.metadata == {"open_order_count": "100", "more_violations": "68"}
    assert found.message.startswith("The portfolio has 100 open orders: order 1 (BUY 5 T1, NEW); order 2 ")
    assert " (and 90 more): wait" in found.message


def test_what_counts_moves_shares_and_cash_to_the_last_digit() -> None:
    held = holdings("90.01", {1: "1.5"})
    orders = [order(1, "BUY", "5"), order(2, "SELL", "0.00000001"), order(3, "SELL", "2", of=2)]
    assert standing(COUNT, *orders, held=held) == Holdings(
        portfolio_id(0),
        Decimal("90.01") - Decimal("4.99999999") * Decimal("10.25") + 14,
        {security_id(1): Decimal("6.49999999"), security_id(2): Decimal(-2)},
    )


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (order(2, "BUY", "5", status="PART"), "order 2 (BUY 5 T1, PART)"),
        (order(2, "", "5"), "order 2 (neither a buy nor a sell, 5 T1, NEW)"),
    ],
)
def test_what_cannot_be_counted_is_named_alone(one: OpenOrder, told: str) -> None:
    found = standing(COUNT, order(1, "BUY", "5"), one)
    assert isinstance(found, HasOpenOrders)
    assert [each.rule for each in found.violations] == [told]
    assert "1 open order of which nobody can say what is left to trade" in found.message


def test_what_has_no_price_cannot_be_counted() -> None:
    orders = {portfolio_id(0): [order(1, "BUY", "5", of=3)]}
    assert isinstance(with_open_orders(RESTS, securities(orders), COUNT), MissingData)


def looking(parts: House, orders: FakeOrders | None) -> Rebalancers:
    """The house's use cases with an order service, or with none."""
    work = parts.rebalancers.portfolio._work  # noqa: SLF001 - the same house
    work._orders = orders  # noqa: SLF001 - as bootstrap would have given it
    return rebalancers(
        models=parts.models,
        store=parts.runs,
        settings=parts.settings,
        work=work,
        runs=parts.holder,
        clock=parts.clock,
        configured=Configured(has_order_service=orders is not None),
    )


def asked(how: OpenOrders | None) -> RebalanceOptions:
    return replace(OPTIONS, open_orders=how)


ONE = {portfolio_id(0): [order(1, "BUY", "5")]}


@pytest.mark.parametrize(
    ("how", "stands", "reads", "states"),
    [
        (None, REFUSE, 1, [PortfolioState.FAILED, PortfolioState.REBALANCED]),
        (REFUSE, REFUSE, 1, [PortfolioState.FAILED, PortfolioState.REBALANCED]),
        (COUNT, COUNT, 1, [PortfolioState.REBALANCED, PortfolioState.REBALANCED]),
        (IGNORE, IGNORE, 0, [PortfolioState.REBALANCED, PortfolioState.REBALANCED]),
    ],
)
def test_a_run_reads_open_orders_once_for_all_its_portfolios(
    how: OpenOrders | None, stands: OpenOrders, reads: int, states: Sequence[PortfolioState]
) -> None:
    """It keeps them with its market: who works its chunks off, or takes it over, has the same."""
    orders = FakeOrders(ONE)
    with house(BUYS, replace(BUYS, portfolio_id=portfolio_id(1))) as parts:
        begun = looking(parts, orders).model.start(MODEL_ID, asked(how), PATIENCE)
        assert parts.ended(begun.rebalance_id)
        kept = parts.runs.kept_snapshot(begun.rebalance_id)
        found = sorted(parts.runs.results, key=lambda one: one.portfolio_id)
    assert kept
    assert kept.open_orders == (ONE if reads else None)
    assert (begun.options, orders.asked) == (replace(OPTIONS, open_orders=stands), reads)
    assert [one.state for one in found] == states


def test_what_counts_is_bought_no_second_time() -> None:
    """Of 1,000 in cash a tenth is for the position: 10 shares, of which 5 are ordered already."""
    with house(BUYS) as parts:
        rebalancer = looking(parts, FakeOrders(ONE)).portfolio
        found = {
            how: rebalancer.rebalance(portfolio_id(0), asked(how), Deadline.after(PATIENCE))
            for how in (COUNT, IGNORE)
        }
    assert [one.quantity for one in found[IGNORE].transactions] == [10]
    assert [one.quantity for one in found[COUNT].transactions] == [5]
    assert found[COUNT].cash_before == Decimal(950)
    assert found[COUNT].positions[0].original_quantity == Decimal(5)
    assert found[COUNT].market_value == found[IGNORE].market_value


def test_one_portfolio_that_has_some_is_its_error() -> None:
    with house(BUYS) as parts, pytest.raises(HasOpenOrders) as raised:
        looking(parts, FakeOrders(ONE)).portfolio.rebalance(
            portfolio_id(0), asked(None), Deadline.after(PATIENCE)
        )
    assert raised.value.metadata["rebalance_id"]


@pytest.mark.parametrize("how", [REFUSE, COUNT])
def test_without_an_order_service_nobody_can_look(how: OpenOrders) -> None:
    with house(BUYS) as parts:
        rebalancer = looking(parts, None)
        with pytest.raises(PreconditionFailed) as raised:
            rebalancer.model.start(MODEL_ID, asked(how), PATIENCE)
        assert [one.subject for one in raised.value.violations] == ["options.open_orders"]
        with pytest.raises(PreconditionFailed, match="the server has no order service"):
            rebalancer.portfolio.rebalance(portfolio_id(0), asked(how), Deadline.after(PATIENCE))
        assert parts.runs.headers == {}


def test_who_is_not_to_be_traded_is_not_looked_at() -> None:
    """Its settings come before its orders, alone and in a run, which ends without errors."""
    with house(BUYS) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        looks = looking(parts, FakeOrders(ONE))
        with pytest.raises(NotToBeTraded):
            looks.portfolio.rebalance(portfolio_id(0), asked(REFUSE), Deadline.after(PATIENCE))
        begun = looks.model.start(MODEL_ID, asked(REFUSE), PATIENCE)
        assert parts.ended(begun.rebalance_id)
        assert parts.runs.get(begun.rebalance_id).state is RebalanceState.COMPLETED
        assert isinstance(parts.runs.results[-1].error, NotToBeTraded)


def test_what_counts_is_spent_before_the_cash_that_settings_keep() -> None:
    """Of 1,000 in cash 5 ordered shares take 50: 920 must stay, so that 3 more are bought, for 30."""
    with house(BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_amount=Decimal(920)))
        rebalancer = looking(parts, FakeOrders(ONE)).portfolio
        found = rebalancer.rebalance(portfolio_id(0), asked(COUNT), Deadline.after(PATIENCE))
    assert [one.quantity for one in found.transactions] == [3]
    assert (found.cash_before, found.cash_after) == (Decimal(950), Decimal(920))
    assert found.positions[0].bound_by is RuleSource.SETTINGS


@pytest.mark.parametrize("draft", [(), (position(1, "0.2"),)])
def test_a_preview_looks_as_a_run_does(draft: Sequence[Position]) -> None:
    orders = FakeOrders(ONE)
    with house(BUYS, replace(BUYS, portfolio_id=portfolio_id(1))) as parts:
        previews = looking(parts, orders).previews
        told = [*each(previews.preview(MODEL_ID, asked(None), Deadline.after(PATIENCE), draft=draft))]
    started = told[0].event
    assert isinstance(started, RunStarted)
    assert started.rebalance.open_orders is REFUSE
    results = {one.event.portfolio_id: one.event for one in told if isinstance(one.event, PortfolioRebalance)}
    assert isinstance(results[portfolio_id(0)].error, HasOpenOrders)
    assert results[portfolio_id(1)].state is PortfolioState.REBALANCED
    assert orders.asked == 1


def test_rules_are_explained_as_if_what_counts_were_filled() -> None:
    """Without the floor 5 shares more were bought; where the portfolio is refused there is nothing to say."""
    explained = list[Explanation]()
    keeps = replace(asked(COUNT), minimum_cash_amount=Decimal(950))
    with house(BUYS) as parts:
        rebalancer = looking(parts, FakeOrders(ONE)).portfolio
        found = rebalancer.rebalance(
            portfolio_id(0), keeps, Deadline.after(PATIENCE), validate_only=True, explained=explained.append
        )
        with pytest.raises(HasOpenOrders):
            rebalancer.rebalance(
                portfolio_id(0), asked(None), Deadline.after(PATIENCE), explained=explained.append
            )
    assert found.transactions == ()
    [only] = explained
    assert [one.drift_saved for one in only.rule_prices] == [Decimal("0.05")]


def test_a_run_stops_where_the_order_service_does_not_answer() -> None:
    with house(BUYS) as parts:
        down = FakeOrders(SiblingUnavailable("The order service is down."))
        begun = looking(parts, down).model.start(MODEL_ID, asked(None), PATIENCE)
        assert parts.ended(begun.rebalance_id)
        run = parts.runs.get(begun.rebalance_id)
        assert parts.portfolios.asked == []
    assert (run.state, run.error) == (RebalanceState.FAILED, down.answer)


def test_a_run_that_looks_is_not_finished_by_a_server_that_cannot() -> None:
    with house(BUYS) as parts:
        held = parts.held(options=asked(REFUSE))
        parts.execution.carry_out(held)
        run = parts.runs.get(held.rebalance_id)
    assert run.state is RebalanceState.FAILED
    assert isinstance(run.error, SiblingUnavailable)
    assert run.error.metadata["service"] == "order"
