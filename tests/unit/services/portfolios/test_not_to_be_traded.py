"""Portfolios that are not to be traded, by their settings: skipped unread, and nobody's failure."""

from datetime import timedelta

import pytest

from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, SettingsContent
from ordergen_server.domain.errors import Cancelled, NotToBeTraded
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState
from tests.builders import MODEL_ID, TODAY, holdings, portfolio_id
from tests.unit.services.portfolios.with_settings import CLOSED
from tests.unit.services.runs import BUYS, RESTS, Clock, carry_out, house, only_run, rebalance_one
from tests.waiting import eventually


def test_a_portfolio_that_is_not_to_be_traded_is_skipped_unread_and_the_run_is_complete() -> None:
    with house(BUYS, RESTS, BUYS) as parts:
        parts.settings.put(portfolio_id(1), CLOSED)
        ended = carry_out(parts)
        results = {one.portfolio_id: one for one in parts.runs.results}
        asked = parts.portfolios.asked
    closed = results[portfolio_id(1)]
    assert (ended.state, ended.counts, ended.not_traded) == (
        RebalanceState.COMPLETED,
        {PortfolioState.REBALANCED: 2, PortfolioState.SKIPPED: 1},
        1,
    )
    assert (closed.state, closed.settings_version, closed.market_value) == (PortfolioState.SKIPPED, 1, None)
    assert isinstance(closed.error, NotToBeTraded)
    assert closed.error.message.endswith("The owner has died.")
    assert sorted(asked) == [portfolio_id(0), portfolio_id(2)]


def test_a_run_of_none_that_may_be_traded_is_complete() -> None:
    with house(BUYS, BUYS) as parts:
        for number in range(2):
            parts.settings.put(portfolio_id(number), CLOSED)
        ended = carry_out(parts)
        assert (ended.state, ended.counts) == (RebalanceState.COMPLETED, {PortfolioState.SKIPPED: 2})
        assert parts.models.get(MODEL_ID).last_rebalance_time is None
        assert parts.portfolios.asked == []


def test_one_that_failed_beside_it_makes_a_run_with_errors() -> None:
    with house(BUYS, holdings("-1"), BUYS) as parts:
        parts.settings.put(portfolio_id(2), CLOSED)
        assert carry_out(parts).state is RebalanceState.COMPLETED_WITH_ERRORS


def test_a_run_that_is_cancelled_beside_it_is_cancelled() -> None:
    with house(*[RESTS] * 6, workers=1, window=1) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        held = parts.held()

        def cancel(one: str) -> None:
            if one == portfolio_id(2):
                held.cancelled.set()
                eventually(lambda: parts.runs.get(held.rebalance_id).finish_time)

        parts.portfolios.before = cancel
        parts.execution.carry_out(held)
        ended = parts.runs.get(held.rebalance_id)
        kinds = [type(one.error) for one in parts.runs.results if one.state is PortfolioState.SKIPPED]
    assert ended.state is RebalanceState.CANCELLED
    assert (ended.not_traded, kinds.count(NotToBeTraded)) == (1, 1)
    assert kinds.count(Cancelled) == len(kinds) - 1 > 0


def test_a_single_portfolio_that_is_not_to_be_traded_is_refused_and_stored() -> None:
    with house(BUYS) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        with pytest.raises(NotToBeTraded) as raised:
            rebalance_one(parts)
        run = only_run(parts)
        assert raised.value.metadata["rebalance_id"] == run.rebalance_id
        assert (run.state, run.counts) == (RebalanceState.COMPLETED, {PortfolioState.SKIPPED: 1})
        assert (parts.market.asked, parts.portfolios.asked) == ([], [])


def test_until_midnight() -> None:
    """The day is that of the clock at the beginning, in UTC."""
    clock = Clock()
    with house(BUYS, clock=clock) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(DoNotTrade("Closed.", TODAY)))
        midnight = clock.now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        clock.now = midnight - timedelta(milliseconds=1)
        with pytest.raises(NotToBeTraded):
            rebalance_one(parts)
        clock.now = midnight
        assert rebalance_one(parts).state is PortfolioState.REBALANCED
