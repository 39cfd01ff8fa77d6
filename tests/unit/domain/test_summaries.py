"""The sums of a run: exact, of those that have an answer, the same whatever chunks they come in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.api.messages import encoding
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    PortfolioState,
    RebalancePosition,
    RunSecurity,
    SolutionQuality,
    summary_of,
    transactions_of,
)
from ordergen_server.domain.summaries import RebalanceSummary
from tests.builders import TODAY, rebalance, result, security_id
from tests.summaries import check_summary

MONEY = st.decimals("-1e20", "1e20", places=8)
POSITIVE = st.decimals("0.00000001", "1e25", places=8)
DRIFTS = st.decimals(0, 3, places=12)
ZERO = Decimal(0)


@st.composite
def lines(draw: st.DrawFn) -> tuple[RebalancePosition, ...]:
    found = []
    for number in range(draw(st.integers(0, 3))):
        price = draw(st.decimals("0.00000001", "9999999999", places=8))
        security = RunSecurity(security_id(number), f"T{number}", price, ZERO, ZERO, ZERO)
        found.append(RebalancePosition(security, ZERO, draw(st.integers(-(10**9), 10**9)), "NOT_IN_MODEL"))
    return tuple(found)


@st.composite
def results(draw: st.DrawFn) -> PortfolioRebalance:
    """Of any state; one that has no answer may have numbers, too, and of one that has, drift may lack."""
    positions = draw(lines())
    quality = SolutionQuality(draw(st.booleans()), draw(POSITIVE), draw(MONEY), timedelta(0))
    orders = [(one.security.security_id, one.trade_quantity) for one in positions]
    return replace(
        result(state=draw(st.sampled_from(PortfolioState))),
        market_value=draw(POSITIVE),
        cash_before=draw(MONEY),
        cash_after=draw(MONEY),
        drift_before=draw(st.none() | DRIFTS),
        drift_after=draw(st.none() | DRIFTS),
        positions=positions,
        transactions=transactions_of(orders, TODAY),
        solution=draw(st.sampled_from([None, quality])),
    )


@given(st.lists(results(), max_size=6))
def test_it_is_that_of_the_portfolios_that_have_an_answer(found: Sequence[PortfolioRebalance]) -> None:
    run = encoding.rebalance(replace(rebalance(), summary=summary_of(found)))
    check_summary(run, map(encoding.portfolio_rebalance, found))


@given(st.lists(results(), max_size=8), st.data())
def test_chunks_of_any_size_in_any_order_have_the_same(
    found: list[PortfolioRebalance], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(found))
    size = data.draw(st.integers(1, 8))
    chunks = [summary_of(order[start : start + size]) for start in range(0, len(order), size)]
    assert reduce(RebalanceSummary.plus, chunks, RebalanceSummary()) == summary_of(found)


def test_of_no_portfolio_there_is_nothing_to_divide_by() -> None:
    nothing = summary_of([])
    assert nothing == RebalanceSummary()
    weights = nothing.turnover_weight, nothing.drift_before, nothing.drift_after, nothing.worst_unproven_gap
    assert weights == (None,) * 4


def test_a_new_and_empty_portfolio_counts_nothing_and_has_nothing_to_prove() -> None:
    empty = replace(result(), market_value=ZERO, cash_before=ZERO, cash_after=ZERO)
    assert summary_of([empty]) == RebalanceSummary()


def test_no_digit_is_lost_however_far_apart_numbers_are() -> None:
    """The database's own numbers have 34 digits."""
    large, small = Decimal("9" * 34), Decimal("0.00000001")
    found = summary_of([replace(result(), market_value=one) for one in (large, small)])
    assert Fraction(found.market_value) == Fraction(large) + Fraction(small)
