"""Settings in runs: read once, together, and a run keeps those that it began with."""

from decimal import Decimal

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.portfolio_settings import SettingsContent
from ordergen_server.domain.errors import NotToBeTraded
from ordergen_server.domain.rebalances.options import MinimumCash
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState, RunFinished
from tests.builders import MODEL_ID, portfolio_id
from tests.limits import PATIENCE
from tests.unit.services.portfolios.with_settings import CLOSED
from tests.unit.services.runs import BUYS, OPTIONS, RESTS, carry_out, each, house, only_run, rebalance_one
from tests.waiting import eventually


def test_cash_flows_and_settings_of_a_run_hold_together() -> None:
    """A floor is a weight of market value with the flow; who is not to be traded has one, and no orders."""
    flows = {portfolio_id(0): Decimal(1000), portfolio_id(1): Decimal(-100)}
    with house(BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_weight=Decimal("0.95")))
        parts.settings.put(portfolio_id(1), CLOSED)
        told = parts.rebalancers.previews.preview(
            MODEL_ID, OPTIONS, Deadline.after(PATIENCE), cash_flows=flows
        )
        _, *results, finished = [one.event for one in each(told)]
        started = parts.rebalancers.model.start(MODEL_ID, OPTIONS, PATIENCE, cash_flows=flows)
        eventually(lambda: parts.runs.get(started.rebalance_id).finish_time)
        stored = {one.portfolio_id: one for one in parts.runs.results}
    tried = {one.portfolio_id: one for one in results if isinstance(one, PortfolioRebalance)}
    for found in (tried, stored):
        first, second = found[portfolio_id(0)], found[portfolio_id(1)]
        assert (first.cash_after, first.cash_flow) == (Decimal(1900), Decimal(1000))
        assert (first.settings_version, first.settings_floor) == (1, MinimumCash(weight=Decimal("0.95")))
        assert (second.state, second.cash_flow) == (PortfolioState.SKIPPED, Decimal(-100))
        assert isinstance(second.error, NotToBeTraded)
    assert isinstance(finished, RunFinished)
    assert finished.rebalance.summary is not None
    assert finished.rebalance.summary.cash_flow == Decimal(1000)


def test_what_is_infeasible_says_that_settings_were_applied() -> None:
    """Which of the rules are the run's its options say."""
    with house(BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_weight=Decimal("0.99")))
        carry_out(parts)
        (refused,) = [one for one in parts.runs.results if one.state is PortfolioState.INFEASIBLE]
    assert refused.error
    assert "floor, with the portfolio's settings (version 1) applied: cash floor " in refused.error.message


def test_a_run_goes_on_with_the_settings_it_began_with() -> None:
    """What is set, changed and deleted under it changes nothing, though another server takes it over."""
    with house(BUYS, BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        floor = parts.settings.put(portfolio_id(1), SettingsContent(minimum_cash_amount=Decimal(950)))
        held = parts.held()
        parts.settings.delete(portfolio_id(0), 1)
        parts.settings.put(portfolio_id(1), SettingsContent(minimum_cash_amount=Decimal(1)))
        parts.settings.put(portfolio_id(2), CLOSED)
        parts.execution.carry_out(held)
        results = {one.portfolio_id: one for one in parts.runs.results}
    first, second, third = (results[portfolio_id(number)] for number in range(3))
    assert (first.state, first.settings_version) == (PortfolioState.SKIPPED, 1)
    assert (second.cash_after, second.settings_version) == (Decimal(950), floor.version)
    assert (third.state, third.settings_version) == (PortfolioState.REBALANCED, 0)


def test_settings_of_all_portfolios_of_a_run_are_read_together() -> None:
    with house(*[RESTS] * 30) as parts:
        parts.settings.put(portfolio_id(3), CLOSED)
        carry_out(parts)
        assert [len(one) for one in parts.settings.reads] == [30]


def test_a_single_portfolio_reads_its_own_settings() -> None:
    with house(BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_amount=Decimal(950)))
        done = rebalance_one(parts)
        assert (done.cash_after, done.settings_version) == (Decimal(950), 1)
        assert parts.settings.reads == [[portfolio_id(0)]]
        assert only_run(parts).state is RebalanceState.COMPLETED


def test_a_preview_applies_settings_and_reads_them_once() -> None:
    with house(BUYS, BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        parts.settings.put(portfolio_id(1), SettingsContent(minimum_cash_amount=Decimal(950)))
        told = parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE))
        _, *results, finished = [one.event for one in each(told)]
        reads = parts.settings.reads
    assert isinstance(finished, RunFinished)
    assert (finished.rebalance.state, finished.rebalance.not_traded) == (RebalanceState.COMPLETED, 1)
    cash = {one.portfolio_id: one.cash_after for one in results if isinstance(one, PortfolioRebalance)}
    assert cash == {portfolio_id(0): None, portfolio_id(1): Decimal(950), portfolio_id(2): Decimal(900)}
    assert [len(one) for one in reads] == [3]
