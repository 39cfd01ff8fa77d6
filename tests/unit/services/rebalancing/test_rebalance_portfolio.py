"""Rebalancing one portfolio: a run of its own, stored whole or not at all."""

from threading import Event

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Cancelled,
    InvalidArgument,
    MarketValueNotPositive,
    NotFound,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, summary_of
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.stores import Request
from tests.builders import MODEL_ID, NOW, model, portfolio_id
from tests.limits import PATIENCE
from tests.unit.services.runs import (
    BUYS,
    OPTIONS,
    REQUEST,
    RESTS,
    WORTHLESS,
    House,
    house,
    only_run,
    rebalance_one,
)


def test_one_portfolio_is_a_run_of_its_own() -> None:
    """Also where its model has others."""
    with house(BUYS, RESTS) as parts:
        answer = rebalance_one(parts)
    run = only_run(parts)
    assert parts.runs.results == [answer]
    assert (answer.state, answer.sequence, answer.rebalance_id) == (
        PortfolioState.REBALANCED,
        2,
        run.rebalance_id,
    )
    assert (run.state, run.portfolio_count, run.options) == (RebalanceState.COMPLETED, 1, OPTIONS)
    assert (run.model_id, run.model_name, run.model_version) == (MODEL_ID, "Growth", model().version)
    assert (run.create_time, run.rebalance_date, run.finish_time) == (NOW, NOW.date(), NOW)
    assert run.summary == summary_of([answer])
    assert run.summary.trade_count == 1


def test_one_portfolio_without_an_answer_is_its_error() -> None:
    """It leads to what was stored."""
    with house(WORTHLESS) as parts, pytest.raises(MarketValueNotPositive) as raised:
        rebalance_one(parts)
    assert raised.value.metadata["rebalance_id"] == only_run(parts).rebalance_id
    assert only_run(parts).summary == RebalanceSummary()


def test_a_portfolio_of_no_model() -> None:
    with house() as parts, pytest.raises(NotFound):
        rebalance_one(parts)
    assert parts.runs.headers == {}


def test_a_preview_of_a_portfolio_stores_nothing() -> None:
    with house(BUYS, WORTHLESS) as parts:
        for _ in range(2):
            answer = parts.rebalancers.portfolio.rebalance(
                portfolio_id(0), OPTIONS, Deadline.after(PATIENCE), validate_only=True
            )
            assert (answer.state, answer.rebalance_id) == (PortfolioState.REBALANCED, "")
        with pytest.raises(MarketValueNotPositive) as raised:
            parts.rebalancers.portfolio.rebalance(
                portfolio_id(1), OPTIONS, Deadline.after(PATIENCE), validate_only=True
            )
    assert raised.value.metadata == {}
    assert parts.runs.runs == {}
    assert parts.models.get(MODEL_ID).last_rebalance_time is None


def test_a_portfolio_asked_for_again_answers_its_first_result() -> None:
    """It says so, and its model was rebalanced once, at that time."""
    repeated: list[PortfolioRebalance] = []

    def ask(parts: House, request: Request) -> PortfolioRebalance:
        return parts.rebalancers.portfolio.rebalance(
            portfolio_id(0), OPTIONS, Deadline.after(PATIENCE), request=request, repeated=repeated.append
        )

    with house(BUYS) as parts:
        first = ask(parts, REQUEST)
        assert repeated == []
        parts.clock.move(5)
        assert ask(parts, REQUEST) == first
        assert repeated == [first]
        with pytest.raises(InvalidArgument):
            ask(parts, Request(REQUEST.request_id, "another body"))
        assert parts.models.get(MODEL_ID).last_rebalance_time == NOW
    assert len(parts.runs.runs) == 1


def test_a_portfolio_whose_caller_has_gone_is_not_stored() -> None:
    """Whenever that is: nothing is asked for any more, and at the end nothing is stored."""
    gone = Event()
    deadline = Deadline.after(PATIENCE).unless(gone.is_set)
    with house(BUYS, before=lambda _: gone.set()) as parts:
        for _ in range(2):
            with pytest.raises(Cancelled):
                parts.rebalancers.portfolio.rebalance(portfolio_id(0), OPTIONS, deadline)
    assert parts.runs.runs == {}
    assert (parts.market.calls, len(parts.portfolios.asked)) == (1, 1)


def test_a_single_portfolio_beside_a_run() -> None:
    release = Event()
    with house(BUYS, RESTS, before=lambda _: release.is_set() or release.wait(0.2), workers=1) as parts:
        started = parts.rebalancers.model.start(MODEL_ID, OPTIONS, 1000)
        assert rebalance_one(parts).state is PortfolioState.REBALANCED
        release.set()
        assert parts.ended(started.rebalance_id)
        with pytest.raises(NotFound):
            parts.runs.get_portfolio(started.rebalance_id, portfolio_id(9))
    assert len(parts.runs.runs) == 2
