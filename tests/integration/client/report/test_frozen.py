"""Lines without a usable price in the page: told, with dashes for numbers, and drawn nowhere."""

from pathlib import Path

from tests.browsers import hindrances
from tests.integration.client.report.conftest import Opened
from tests.made_runs import answered, with_frozen
from tests.report_pages import written

PORTFOLIOS = [with_frozen(answered(0, 5), 1, 3), answered(1, 5), with_frozen(answered(2, 2), 0, 1)]


def test_what_is_frozen_is_told_beside_what_is_drawn(tmp_path: Path, opened: Opened) -> None:
    page = written(PORTFOLIOS, tmp_path / "page.html")
    with opened(page.path) as (tab, said):
        assert "Frozen: 4 positions of 2 portfolios without a usable price" in (
            tab.text_content("#frozen") or ""
        )
        for portfolio, drawn in zip(PORTFOLIOS, (3, 5, 0), strict=True):
            tab.evaluate("id => { location.hash = `portfolio-${id}`; }", portfolio.portfolio_id)
            tab.wait_for_selector(f"#portfolio:not([hidden]) code:text('{portfolio.portfolio_id}')")
            rows = tab.eval_on_selector_all("table.lines tbody tr", READ)
            assert sum(bullet for _, bullet, _ in rows) == drawn
            frozen = {ticker: why for ticker, bullet, why in rows if not bullet}
            expected = [line.ticker for line in portfolio.positions if line.price is None]
            assert frozen == dict.fromkeys(expected, "at – | frozen: it has no price | – → –")  # noqa: RUF001 - en dashes
        assert hindrances(tab) == []
    assert said == []


READ = """rows => rows.map(row => [
  row.cells[0].textContent, row.querySelector("svg.bullet") !== null,
  ['[data-name="Value; price"] .sub', "td.drawn .sub", '[data-name="Weight"]']
    .map(one => row.querySelector(one).textContent).join(" | "),
])"""
