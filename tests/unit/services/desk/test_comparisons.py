"""Comparisons, with fakes around them: one snapshot, one reading, and each variant as a rebalance."""

from decimal import Decimal
from threading import Event

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.comparisons import ComparedPortfolio, ComparedVariant, Comparison, Variant
from ordergen_server.domain.errors import (
    Cancelled,
    DeadlineExceeded,
    ModelWithoutPositions,
    NotFound,
    OrderGenerationError,
    ResourceExhausted,
    SiblingUnavailable,
)
from ordergen_server.domain.rebalances.results import PortfolioState
from tests.builders import MODEL_ID, model, portfolio_id, position
from tests.limits import PATIENCE
from tests.unit.services.desk.comparing import BAD, BOTH, EMPTY, ON_TARGET, OVER, TARGET, comparing, told
from tests.unit.services.runs import each, house


def test_each_portfolio_is_read_once_and_each_variant_is_as_a_rebalance() -> None:
    with house(OVER, ON_TARGET, BAD, EMPTY) as parts:
        rows, sums = told(parts)
    assert sorted(parts.portfolios.asked) == [portfolio_id(number) for number in range(4)]
    assert parts.market.calls == 1
    assert (parts.runs.headers, parts.runs.results) == ({}, [])
    assert [(one.portfolio_id, one.variant, one.state.name) for one in rows] == [
        (portfolio_id(0), "band", "REBALANCED"),
        (portfolio_id(0), "target", "REBALANCED"),
        (portfolio_id(1), "band", "NO_ACTION"),
        (portfolio_id(1), "target", "NO_ACTION"),
        (portfolio_id(2), "band", "FAILED"),
        (portfolio_id(2), "target", "FAILED"),
        (portfolio_id(3), "band", "NO_ACTION"),
        (portfolio_id(3), "target", "NO_ACTION"),
    ]
    assert rows[0] == ComparedPortfolio(
        portfolio_id(0),
        f"Name of {portfolio_id(0)}",
        "band",
        PortfolioState.REBALANCED,
        market_value=Decimal(1000),
        drift_before=Decimal("0.4"),
        drift_after=Decimal("0.05"),
        bought=Decimal(0),
        sold=Decimal(350),
        turnover_weight=Decimal("0.35"),
        trade_count=1,
        cash_after=Decimal(850),
        proven_optimal=True,
    )
    assert (rows[4].error, rows[4].turnover, rows[4].trade_count) == (BAD, None, None)
    assert (rows[6].turnover, rows[6].turnover_weight, rows[6].drift_after) == (Decimal(0), None, None)
    states = {PortfolioState.REBALANCED: 1, PortfolioState.NO_ACTION: 2, PortfolioState.FAILED: 1}
    assert [one.counts for one in sums] == [states, states]
    worth, nothing = Decimal(1100), Decimal(0)
    assert [(one.market_value, one.turnover, one.bought, one.sold, one.trade_count) for one in sums] == [
        (worth, Decimal(350), nothing, Decimal(350), 1),
        (worth, Decimal(400), nothing, Decimal(400), 1),
    ]
    assert [(one.drift_before, one.drift_after) for one in sums] == [
        (Decimal("0.363636363636"), Decimal("0.045454545455")),
        (Decimal("0.363636363636"), Decimal(0)),
    ]


def test_one_portfolio_by_itself() -> None:
    with house(OVER, ON_TARGET) as parts:
        rows, sums = told(parts, asked=Comparison(portfolio_id(1), "", BOTH))
    assert [(one.portfolio_id, one.variant) for one in rows] == [
        (portfolio_id(1), "band"),
        (portfolio_id(1), "target"),
    ]
    assert [one.counts for one in sums] == [{PortfolioState.NO_ACTION: 1}] * 2
    assert parts.portfolios.asked == [portfolio_id(1)]


def test_what_is_not_there_and_what_has_no_positions() -> None:
    with house(OVER) as parts:
        with pytest.raises(NotFound):
            told(parts, asked=Comparison("", "f" * 24, BOTH))
        with pytest.raises(NotFound):
            told(parts, asked=Comparison(portfolio_id(7), "", BOTH))
        with pytest.raises(ModelWithoutPositions, match="draft"):
            told(parts, BOTH[0], Variant("none", TARGET, (position(1, "0"),)))
    with house(OVER, wanted=model(portfolios=1)) as parts:
        with pytest.raises(ModelWithoutPositions):
            told(parts)
        assert parts.portfolios.asked == []


def test_a_model_without_portfolios_has_sums_of_nothing() -> None:
    with house() as parts:
        rows, sums = told(parts, points=2)
        assert (rows, [one.variant for one in sums]) == ([], ["band", "target", "frontier-1", "frontier-2"])
        assert (sums[0], parts.market.calls) == (ComparedVariant("band"), 0)


@pytest.mark.parametrize("problem", [SiblingUnavailable("down"), DeadlineExceeded("late")])
def test_what_stops_it_is_raised_after_what_was_computed(problem: OrderGenerationError) -> None:
    with house(OVER, OVER, problem, OVER) as parts, comparing(parts, window=1) as comparisons:
        found: list[object] = []
        with pytest.raises(type(problem)):
            found.extend(each(comparisons.compare(Comparison("", MODEL_ID, BOTH), Deadline.after(PATIENCE))))
    assert len(found) == 4


def test_time_that_ends_while_it_solves_stops_it() -> None:
    with house(OVER) as parts, comparing(parts) as comparisons:
        ends = iter([False] * 3)
        deadline = Deadline.after(PATIENCE).unless(lambda: next(ends, True))
        with pytest.raises(Cancelled):
            list(each(comparisons.compare(Comparison("", MODEL_ID, BOTH, 5), deadline)))


def test_comparisons_have_room_of_their_own_and_give_it_back() -> None:
    asked = Comparison("", MODEL_ID, BOTH)
    with house(*[OVER] * 3) as parts, comparing(parts, window=1) as comparisons:
        first, second, third = (comparisons.compare(asked, Deadline.after(PATIENCE)) for _ in range(3))
        next(first)
        next(second)
        with pytest.raises(ResourceExhausted) as refused:
            next(third)
        assert refused.value.metadata == {"kind": "comparisons"}
        first.close()
        assert next(comparisons.compare(asked, Deadline.after(PATIENCE)))
        second.close()


def test_a_caller_that_leaves_ends_it() -> None:
    gate, gone = Event(), Event()

    def leave(_: str) -> None:
        gone.set()
        gate.wait(PATIENCE)

    with house(*[OVER] * 20, before=leave) as parts, comparing(parts) as comparisons:
        deadline = Deadline.after(PATIENCE).unless(gone.is_set)
        try:
            with pytest.raises(Cancelled):
                list(comparisons.compare(Comparison("", MODEL_ID, BOTH), deadline))
        finally:
            gate.set()
    assert len(parts.portfolios.asked) < 20
