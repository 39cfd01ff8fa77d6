"""What the browser shows and draws is what the service answered."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab

from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.report.blocks import Limits
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.report.write import write_report
from tests.integration.client.report.conftest import Opened
from tests.limits import sized
from tests.made_runs import answered, events, known, portfolio_id, run, without_answer
from tests.report_pages import Page, digits, written

FINE = Decimal("1234567890123456789.123456789")
PORTFOLIOS = [
    *(answered(number, 15, proven=number != 4) for number in range(30)),
    replace(answered(30, 2), cash_after=FINE),
    without_answer(31, "FAILED", "There is no price."),
    answered(32, 15, flow="-120000.50"),
    replace(answered(33, 15, flow="80000"), cost=Decimal("1119.955")),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return written(PORTFOLIOS, tmp_path_factory.mktemp("report") / "page.html")


@pytest.fixture(scope="module")
def tab(page: Page, opened: Opened) -> Iterator[Tab]:
    with opened(page.path) as (tab, said):
        yield tab
        assert said == []


def minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def money(value: Decimal | None) -> tuple[str | None, str]:
    """All digits, and what is shown."""
    return (None, "–") if value is None else (digits(value), minus(f"{value:,.2f}"))  # noqa: RUF001 - an en dash


def percent(value: Decimal | None) -> tuple[str | None, str]:
    shown = "–" if value is None else minus(f"{value:.2%}").replace("%", "\N{NO-BREAK SPACE}%")  # noqa: RUF001 - an en dash
    return digits(value), shown


def cells(tab: Tab, rows: str) -> list[list[tuple[str | None, str]]]:
    """Of each row of a table the cells: what one sees who points at them, and their text."""
    found: list[list[list[str | None]]] = tab.eval_on_selector_all(
        rows,
        """rows => rows.map(row => [...row.cells].map(cell => {
             const titled = cell.querySelector("span[title]");
             return [titled ? titled.title : null, (titled ?? cell).textContent];
           }))""",
    )
    return [[(title, text or "") for title, text in row] for row in found]


def reset(tab: Tab) -> None:
    tab.fill("#filter-text", "")
    tab.select_option("#filter-state", "")
    tab.uncheck("#filter-look")
    tab.select_option("#page-size", "100")


def test_the_table_has_the_numbers_of_the_service(tab: Tab) -> None:
    reset(tab)
    rows = {row[0][1][-24:]: row for row in cells(tab, "#portfolio-table tbody tr")}
    assert len(rows) == len(PORTFOLIOS)
    for one in PORTFOLIOS:
        row = rows[one.portfolio_id]
        expected = [
            money(one.market_value),
            percent(one.drift_before),
            percent(one.drift_after),
            money(one.cash_after),
        ]
        assert [row[2], row[3], row[4], row[7]] == expected
        its = figures(one)
        weight = its.turnover / one.base_value if one.base_value else None
        assert row[5] == (f"{digits(its.turnover)} in money", percent(weight)[1])
        assert row[6] == (f"{its.buys} buys, {its.sells} sells", str(its.buys + its.sells))


def test_the_lines_of_a_portfolio_have_the_numbers_of_the_service(tab: Tab) -> None:
    for portfolio in (PORTFOLIOS[0], PORTFOLIOS[4], PORTFOLIOS[29], PORTFOLIOS[32]):
        show(tab, portfolio)
        found = tab.eval_on_selector_all("table.lines tbody tr", READ_LINES)
        assert sorted(map(tuple, found)) == sorted(expected_lines(portfolio))


READ_LINES = """rows => rows.map(row => {
  const titles = (cell) => [...row.querySelectorAll(`${cell} span[title]`)].map(one => one.title);
  return [row.cells[0].title, row.querySelector(".side")?.textContent ?? "No trade",
          titles('[data-name="Value; price"] .sub')[0], row.cells[1].querySelector(".sub").textContent,
          titles('[data-name="Weight"]')[1], titles('[data-name="Target"]')[0],
          row.querySelector("td.drawn .sub").textContent];
})"""


def expected_lines(portfolio: PortfolioRebalance) -> list[tuple[str | None, ...]]:
    return [
        (
            line.security_id,
            f"{'Buy' if line.trade_quantity > 0 else 'Sell'} {abs(line.trade_quantity):,}"
            if line.trade_quantity
            else "No trade",
            digits(line.price),
            f"{line.original_quantity:,f} → {line.adjusted_quantity:,f}"
            if line.trade_quantity
            else f"{line.original_quantity:,f}",
            digits(line.actual),
            digits(line.target),
            "nearest whole share to target" if line.trade_quantity else "already the best number of shares",
        )
        for line in portfolio.positions
    ]


def show(tab: Tab, portfolio: PortfolioRebalance) -> None:
    tab.evaluate("id => { location.hash = `portfolio-${id}`; }", portfolio.portfolio_id)
    tab.wait_for_selector(f"#portfolio:not([hidden]) code:text('{portfolio.portfolio_id}')")


def test_money_that_comes_or_goes_is_told_and_weights_are_of_what_is_there_then(tab: Tab) -> None:
    for portfolio, told in ((PORTFOLIOS[32], "\N{MINUS SIGN}120,000.50"), (PORTFOLIOS[0], None)):
        show(tab, portfolio)
        facts = dict(tab.eval_on_selector_all("#portfolio .facts-list div", READ_FACTS))
        assert facts.get("Cash flow") == told
        assert facts["Market value"] == money(portfolio.market_value)[1]
        its = figures(portfolio)
        weight = percent(its.turnover / (portfolio.base_value or 1))[1]
        assert facts["Turnover"] == f"{money(its.turnover)[1]} ({weight})"
    assert "Of market value plus cash flow" in (tab.text_content("#turnover-chart") or "")


def test_costs_are_told_in_sum_and_of_each_portfolio_that_has_them(tab: Tab) -> None:
    assert tab.eval_on_selector_all("#totals dl > div", READ_FACTS).count(
        ["Costs", "1,120", "of all trades, paid from cash"]
    )
    for portfolio, told in ((PORTFOLIOS[33], "1,119.96"), (PORTFOLIOS[0], None)):
        show(tab, portfolio)
        assert dict(tab.eval_on_selector_all("#portfolio .facts-list div", READ_FACTS)).get("Costs") == told


READ_FACTS = "rows => rows.map(row => [...row.children].map(one => one.textContent))"


@pytest.mark.parametrize("row", [3, 33])
def test_bullets_are_drawn_where_the_weights_are(tab: Tab, row: int) -> None:
    portfolio = PORTFOLIOS[row]
    value = portfolio.base_value or Decimal(1)
    show(tab, portfolio)
    drawn = tab.eval_on_selector_all(
        "table.lines tbody tr",
        """rows => rows.map(row => {
             const wide = row.querySelector("svg.bullet").getBoundingClientRect();
             const at = (mark) => {
               const box = row.querySelector(mark).getBoundingClientRect();
               return ((box.left + box.right) / 2 - wide.left) / wide.width;
             };
             const band = row.querySelector(".band").getBoundingClientRect();
             return [row.cells[0].title, at(".target"), at(".before"), at(".after"),
                     (band.left - wide.left) / wide.width, (band.right - wide.left) / wide.width];
           })""",
    )
    far = {
        line.security_id: (
            float(known(line.original_market_value) / value - line.target),
            float(known(line.adjusted_market_value) / value - line.target),
        )
        for line in portfolio.positions
    }
    scale = float(tab.inner_text(".legend").split("all lines, ")[1].split("\N{NO-BREAK SPACE}%")[0]) / 100
    bands = {one.security_id: (float(one.low_drift), float(one.high_drift)) for one in portfolio.positions}
    assert len(drawn) == len(far)
    for security, target, before, after, low, high in drawn:
        assert target == pytest.approx(0.5, abs=0.01)
        for place, weight in zip((before, after), far[security], strict=True):
            assert place == pytest.approx(0.5 + max(-1.0, min(1.0, weight / scale)) * 0.47, abs=0.02)
        below, above = bands[security]
        assert (low, high) == (
            pytest.approx(0.5 - below / scale * 0.47, abs=0.01),
            pytest.approx(0.5 + above / scale * 0.47, abs=0.01),
        )


def test_drift_is_drawn_where_it_is(tab: Tab) -> None:
    marks = tab.eval_on_selector_all(
        "#drift-chart .point",
        """points => points.map(point => {
             const box = point.getBoundingClientRect();
             const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
             return [Number(point.dataset.row), x, y, point.tagName];
           })""",
    )
    known = {row: one for row, one in enumerate(PORTFOLIOS) if one.drift_after is not None}
    places = {row: (x, y) for row, x, y, _ in marks}
    assert places.keys() == known.keys()
    looks = {row for row, _, _, shape in marks if shape == "path"}
    assert looks == {4}
    for coordinate, name, upward in ((0, "drift_before", 1), (1, "drift_after", -1)):
        value = {row: float(getattr(one, name)) for row, one in known.items()}
        least, most = min(value, key=value.__getitem__), max(value, key=value.__getitem__)
        step = (places[most][coordinate] - places[least][coordinate]) / (value[most] - value[least])
        assert step * upward > 0
        for row, place in places.items():
            expected = places[least][coordinate] + (value[row] - value[least]) * step
            assert place[coordinate] == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(("chart", "name"), [("turnover-chart", "turnover"), ("cash-chart", "cash_after")])
def test_bars_have_the_height_of_their_counts(tab: Tab, chart: str, name: str) -> None:
    bars = tab.eval_on_selector_all(
        f"#{chart} .bar",
        """bars => bars.map(bar => [
             Number(bar.dataset.count), Number(bar.dataset.from), bar.getBoundingClientRect().height])""",
    )
    known = [one for one in PORTFOLIOS if one.market_value]
    values = [
        float((figures(one).turnover if name == "turnover" else one.cash_after or 0) / (one.base_value or 1))
        for one in known
    ]
    assert sum(count for count, _, _ in bars) == len(values)
    unit = max(height for _, _, height in bars) / max(count for count, _, _ in bars)
    assert [height for _, _, height in bars] == [pytest.approx(count * unit, abs=0.5) for count, _, _ in bars]
    edges = [start for _, start, _ in bars[1:-1]]
    width = bars[1][1] - bars[0][1]
    for (count, _, _), start in zip(bars[1:-1], edges, strict=True):
        assert count == sum(start - 1e-9 <= value < start + width - 1e-9 for value in values)


def first_ids(tab: Tab) -> list[str]:
    return [row[0][1][-24:] for row in cells(tab, "#portfolio-table tbody tr")]


def test_the_table_sorts_by_any_column(tab: Tab) -> None:
    reset(tab)
    known = [one for one in PORTFOLIOS if one.drift_after is not None]
    down = [one.portfolio_id for one in sorted(known, key=lambda one: one.drift_after or 0, reverse=True)]
    tab.click("th[data-key=drift_after] button")
    assert tab.get_attribute("th[data-key=drift_after]", "aria-sort") == "descending"
    assert first_ids(tab) == [*down, portfolio_id(31)]
    tab.click("th[data-key=drift_after] button")
    assert first_ids(tab) == [*down[::-1], portfolio_id(31)]
    tab.click("th[data-key=name] button")
    assert first_ids(tab)[0] == PORTFOLIOS[2].portfolio_id  # Balanced Portfolio 3


def test_the_table_filters_and_turns_pages(tab: Tab) -> None:
    reset(tab)
    tab.fill("#filter-text", "PENSION")
    assert set(first_ids(tab)) == {one.portfolio_id for one in PORTFOLIOS if "Pension" in one.portfolio_name}
    assert tab.inner_text("#shown").startswith(f"4 of {len(PORTFOLIOS)} portfolios;")
    reset(tab)
    tab.check("#filter-look")
    assert set(first_ids(tab)) == {portfolio_id(4), portfolio_id(31)}
    tab.select_option("#filter-state", "FAILED")
    assert first_ids(tab) == [portfolio_id(31)]
    reset(tab)
    tab.select_option("#page-size", "10")
    seen = first_ids(tab)
    for _ in range(3):
        tab.click("#page-next")
        seen += first_ids(tab)
    assert sorted(seen) == [one.portfolio_id for one in PORTFOLIOS]
    assert tab.is_disabled("#page-next")
    tab.click("#page-first")
    assert first_ids(tab) == seen[:10]


def test_a_portfolio_is_opened_from_the_keyboard_and_closed(tab: Tab) -> None:
    reset(tab)
    tab.focus("#portfolio-table tbody tr a")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#portfolio:not([hidden]) h3:focus")
    tab.click("#portfolio button")
    tab.wait_for_selector("#portfolio", state="hidden")


def test_lines_that_were_left_out_are_said_to_be(tmp_path: Path, opened: Opened) -> None:
    found = [answered(number, 2) for number in range(2)]
    page = written(found, tmp_path / "page.html", limits=Limits(lines=1, bytes=1))
    assert "The lines of 1 portfolio are not in this file" in page.text
    with opened(page.path) as (tab, said):
        show(tab, found[1])
        command = f"ordergen runs show {found[1].rebalance_id} --portfolio {found[1].portfolio_id}"
        assert command in tab.inner_text("#portfolio .warning")
        assert said == []


def test_a_run_of_many_portfolios_opens(tmp_path: Path, opened: Opened) -> None:
    """In its long form 10,000 of 100 lines, in 15 MB."""
    count, lines = sized(1_500, 10_000), sized(5, 100)
    whole = run(count)
    path = tmp_path / "page.html"
    made = (answered(number, lines) for number in range(count))
    write_report(events(made, whole), path, force=False, progress=lambda _done, _all: None)
    assert path.stat().st_size < 15_000_000
    with opened(path) as (tab, said):
        assert tab.inner_text("#shown").startswith(f"{count:,} portfolios, 1 to 25 shown")
        assert tab.locator("#drift-chart .point").count() == count
        assert said == []
