"""Prices that are too old fail who needs them, and nobody else, however a run is carried out."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import StalePrice
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState, RunFinished
from ordergen_server.services.configured import Configured
from ordergen_server.services.rebalancing.rebalancers import Rebalancers, rebalancers
from tests.builders import (
    MODEL_ID,
    NOW,
    TODAY,
    holdings,
    portfolio_id,
    position,
    rebalanced,
    result,
    security_id,
    snapshot,
)
from tests.limits import PATIENCE
from tests.unit.services.runs import BUYS, OPTIONS, RESTS, House, each, house

WEEK = RebalanceOptions(solver_timeout_seconds=3, maximum_price_age_days=7)
EMPTY = holdings("0")
#: It holds what the model does not list.
OTHER = holdings("500", {2: "5"})


def market(first: date | None, second: date | None = TODAY) -> MarketSnapshot:
    """What the model lists at 10, and another security at 20."""
    quotes = {
        **snapshot({1: "10"}, first).quotes,
        **snapshot({2: "20"}, second).quotes,
    }
    return MarketSnapshot(quotes, NOW)


@given(
    st.none() | st.dates(TODAY - timedelta(days=20), TODAY + timedelta(days=3)),
    st.none() | st.integers(0, 15),
)
def test_a_price_is_good_for_so_many_days(day: date | None, days: int | None) -> None:
    """One of a day to come is not old; one of no day is, as soon as somebody asks."""
    options = RebalanceOptions(maximum_price_age_days=days)
    answer = rebalanced(result(), holdings("1000"), [position(1)], market(day), options)
    stale = days is not None and (day is None or (TODAY - day).days > days)
    assert (answer.state is PortfolioState.FAILED) == stale
    assert isinstance(answer.error, StalePrice) == stale
    assert [line.security.price_date for line in answer.positions] == ([] if stale else [day])


def test_the_error_says_how_old_it_is_and_how_old_it_may_be() -> None:
    held = holdings("1000", {2: "1"})
    for day, known in ((date(2026, 2, 22), "is of 2026-02-22"), (None, "has no date")):
        error = rebalanced(result(), held, [position(1)], market(TODAY, day), WEEK).error
        assert error is not None
        [cause] = error.violations
        rule = f"the price of T2 {known}, and must be of 2026-02-23 or later"
        assert (cause.subject, cause.rule, cause.kind) == (security_id(2), rule, "STALE_PRICE")
        assert rule in error.message
        assert error.metadata["oldest_date"] == "2026-02-23"


def ended(parts: House, options: RebalanceOptions) -> tuple[Rebalance, dict[str, PortfolioRebalance]]:
    begun = parts.rebalancers.model.start(MODEL_ID, options, PATIENCE)
    assert parts.ended(begun.rebalance_id)
    return parts.runs.get(begun.rebalance_id), {one.portfolio_id: one for one in parts.runs.results}


def previewed(parts: House, options: RebalanceOptions) -> tuple[Rebalance, dict[str, PortfolioRebalance]]:
    told = [
        one.event
        for one in each(parts.rebalancers.previews.preview(MODEL_ID, options, Deadline.after(PATIENCE)))
    ]
    last = told[-1]
    assert isinstance(last, RunFinished)
    return last.rebalance, {one.portfolio_id: one for one in told if isinstance(one, PortfolioRebalance)}


@pytest.mark.parametrize("carried_out", [ended, previewed])
def test_who_does_not_need_an_old_price_goes_on(carried_out: object) -> None:
    """The model targets the first security; the second is held by one alone, and another holds nothing."""
    with house(BUYS, OTHER, RESTS, EMPTY, market=market(TODAY, date(2026, 2, 1))) as parts:
        run, results = carried_out(parts, WEEK)  # type: ignore[operator] # one of both
    assert [results[portfolio_id(number)].state for number in range(4)] == [
        PortfolioState.REBALANCED,
        PortfolioState.FAILED,
        PortfolioState.NO_ACTION,
        PortfolioState.NO_ACTION,
    ]
    assert isinstance(results[portfolio_id(1)].error, StalePrice)
    assert (run.state, run.error) == (RebalanceState.COMPLETED_WITH_ERRORS, None)


def test_one_portfolio_is_refused_and_stored() -> None:
    with house(BUYS, market=market(None)) as parts:
        with pytest.raises(StalePrice) as raised:
            parts.rebalancers.portfolio.rebalance(portfolio_id(0), WEEK, Deadline.after(PATIENCE))
        stored = parts.runs.get(raised.value.metadata["rebalance_id"])
        assert stored.counts == {PortfolioState.FAILED: 1}
        assert parts.rebalancers.portfolio.rebalance(
            portfolio_id(0), OPTIONS, Deadline.after(PATIENCE)
        ).transactions


def configured(parts: House, days: int | None) -> Rebalancers:
    return rebalancers(
        models=parts.models,
        store=parts.runs,
        settings=parts.settings,
        work=parts.rebalancers.portfolio._work,  # noqa: SLF001 - the same house
        runs=parts.holder,
        clock=parts.clock,
        configured=Configured(maximum_price_age_days=days),
    )


@pytest.mark.parametrize(
    ("configured_days", "asked", "held_to"),
    [(None, None, None), (7, None, 7), (7, 0, 0), (7, 30, 30), (None, 3, 3)],
)
def test_what_the_server_is_configured_with_holds_where_a_call_says_nothing(
    configured_days: int | None, asked: int | None, held_to: int | None
) -> None:
    """It stands in the options of the run: who takes it over knows it, and who reads it."""
    options = replace(OPTIONS, maximum_price_age_days=asked)
    with house(BUYS, market=market(TODAY - timedelta(days=5))) as parts:
        begun = configured(parts, configured_days).model.start(MODEL_ID, options, PATIENCE)
        assert parts.ended(begun.rebalance_id)
        [found] = parts.runs.results
        run = parts.runs.get(begun.rebalance_id)
    assert run.options == replace(options, maximum_price_age_days=held_to)
    failed = held_to is not None and held_to < 5
    assert found.state is (PortfolioState.FAILED if failed else PortfolioState.REBALANCED)
