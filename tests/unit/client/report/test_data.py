"""The data of a report is what the service answered, digit for digit."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import pytest

from ordergen_client.records.states import PortfolioState, PositionReason
from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.report.blocks import Blocks, Limits
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.report.figures.securities import LARGEST, Securities
from ordergen_client.report.figures.totals import Totals
from ordergen_client.telling.reasons import reason
from tests.made_runs import answered, known, portfolio_id, without_answer
from tests.report_pages import digits, expected_line, line_of, written

PORTFOLIOS = [
    *(answered(number, 12, proven=number != 2) for number in range(4)),
    replace(answered(4, 12, flow="-70000.25"), cost=Decimal("19.0625")),
    without_answer(5, "FAILED", "There is no price of 12.50."),
]


def traded(portfolio: PortfolioRebalance, side: int) -> list[Fraction]:
    values = [Fraction(known(one.price)) * one.trade_quantity * side for one in portfolio.positions]
    return [value for value in values if value > 0]


def test_every_number_of_a_portfolio_is_in_the_page(tmp_path: Path) -> None:
    page = written(PORTFOLIOS, tmp_path / "page.html")
    assert page.column("id") == [portfolio_id(number) for number in range(6)]
    numbers = (
        *("market_value", "cash_before", "cash_flow", "cost", "cash_after"),
        "drift_before",
        "drift_after",
    )
    for name in numbers:
        assert page.column(name) == [digits(getattr(one, name)) for one in PORTFOLIOS]
    for name in ("objective", "lower_bound"):
        assert page.column(name) == [digits(getattr(one.solution, name, None)) for one in PORTFOLIOS]
    assert page.column("state") == [one.state for one in PORTFOLIOS]
    assert page.column("error") == [None] * 5 + ["There is no price of 12.50."]
    assert page.column("look") == [[], [], ["UNPROVEN"], [], [], ["FAILED"]]


def test_every_line_is_in_the_page(tmp_path: Path) -> None:
    page = written(PORTFOLIOS, tmp_path / "page.html")
    for row, portfolio in enumerate(PORTFOLIOS[:5]):
        lines = page.lines(row)
        found = [line_of(page, lines, place) for place in range(12)]
        assert found == [expected_line(line, reason(line.reason)) for line in portfolio.positions]
    assert page.column("lines")[5] == -1


def test_turnover_is_exact() -> None:
    for portfolio in PORTFOLIOS:
        its = figures(portfolio)
        buys, sells = traded(portfolio, 1), traded(portfolio, -1)
        assert (Fraction(its.bought), its.buys) == (sum(buys), len(buys))
        assert (Fraction(its.sold), its.sells) == (sum(sells), len(sells))
        assert Fraction(its.turnover) == sum(buys) + sum(sells)


def test_what_is_outside_its_band_is_counted() -> None:
    portfolio = answered(1, 4)
    lines = list(portfolio.positions)
    value = portfolio.market_value or Decimal(0)
    edge = value * (lines[0].target + lines[0].high_drift)
    lines[0] = replace(lines[0], original_market_value=edge, adjusted_market_value=edge)
    lines[1] = replace(lines[1], adjusted_market_value=value)
    lines[2] = replace(lines[2], adjusted_market_value=value, reason=PositionReason.FRACTIONAL_RESIDUAL)
    lines[3] = replace(lines[3], original_market_value=Decimal(0))
    assert figures(replace(portfolio, positions=tuple(lines))).outside_after == 1
    assert figures(replace(portfolio, positions=tuple(lines[:1]))).outside_before == 0
    assert figures(replace(portfolio, positions=tuple(lines[3:]))).outside_before == 1
    assert figures(replace(portfolio, market_value=None)).outside_before == 0


def test_totals_are_exact_and_count_what_has_no_answer_as_it_stands() -> None:
    held = replace(
        PORTFOLIOS[0], state=PortfolioState.INFEASIBLE, cash_after=None, drift_after=None, solution=None
    )
    all_of_them = [*PORTFOLIOS, held]
    totals = Totals()
    for portfolio in all_of_them:
        totals.add(portfolio, figures(portfolio))
    known = [one for one in all_of_them if one.market_value is not None]
    value = sum(Fraction(one.market_value or 0) for one in known)
    assert Fraction(totals.market_value) == value
    after = [one.cash_before if one.cash_after is None else one.cash_after for one in known]
    assert Fraction(totals.cash_after) == sum(Fraction(one or 0) for one in after)
    drift = [one.drift_before if one.drift_after is None else one.drift_after for one in known]
    money = sum(
        Fraction(one or 0) * Fraction(two.base_value or 0) for one, two in zip(drift, known, strict=True)
    )
    base = value - Fraction("70000.25")
    assert Fraction(totals.drift_after or 0) == pytest.approx(money / base, rel=1e-15)
    assert Fraction(totals.turnover_weight or 0) == pytest.approx(Fraction(totals.turnover) / base, rel=1e-15)
    assert (totals.flows, totals.cash_flow) == (1, Decimal("-70000.25"))
    assert (totals.costly, totals.cost) == (1, Decimal("19.0625"))
    assert (totals.answered, totals.proven, totals.states["FAILED"]) == (5, 4, 1)


def test_sums_keep_every_digit() -> None:
    totals = Totals()
    for value in ("123456789012345678901234567890123.4", "0.0000000000000000000000000000000000000001"):
        totals.add(replace(PORTFOLIOS[0], market_value=Decimal(value), positions=()), figures(PORTFOLIOS[5]))
    assert digits(totals.market_value) == (
        "123456789012345678901234567890123.4000000000000000000000000000000000000001"
    )


@pytest.mark.parametrize(("most", "needed", "kept"), [(10**9, 10**9, 5), (1, 10**9, 2), (1, 1, 1)])
def test_where_lines_are_too_many_those_that_need_a_look_come_first(
    most: int, needed: int, kept: int
) -> None:
    """A block is full with the lines of one portfolio; then there is room for what needs a look, or none."""
    securities, sink = Securities(), BytesIO()
    blocks = Blocks(sink, securities, Limits(lines=12, bytes=most, bytes_needed=needed))
    for portfolio in PORTFOLIOS:
        its = figures(portfolio)
        look = ["UNPROVEN"] if portfolio is PORTFOLIOS[2] else []
        blocks.add(portfolio, its, look)
    blocks.finish()
    assert blocks.left_out == 5 - kept
    assert sink.getvalue().count(b'class="lines"') == kept


def test_the_largest_trades_are_the_largest(tmp_path: Path) -> None:
    securities = Securities()
    for portfolio in PORTFOLIOS:
        securities.add(portfolio)
    values = sorted(
        (value for one in PORTFOLIOS for side in (1, -1) for value in traded(one, side)), reverse=True
    )
    assert [Fraction(one.value) for one in securities.largest()] == values[:LARGEST]
    bought = sum(Fraction(one.bought) for one in securities.by_target())
    assert bought == sum(value for one in PORTFOLIOS for value in traded(one, 1))
    assert written(PORTFOLIOS, tmp_path / "page.html").text.count('data-name="Of the portfolio"') == LARGEST


def test_one_security_at_two_prices_is_two() -> None:
    """It is so in no run; but were it, each line would show its own."""
    securities = Securities()
    line = PORTFOLIOS[0].positions[0]
    numbers = [securities.index(one) for one in (line, replace(line, price=known(line.price) + 1), line)]
    assert numbers == [0, 1, 0]
