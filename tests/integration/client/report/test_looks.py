"""The report in a browser: at every width, in dark and light, on paper; for everybody."""

from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab

from ordergen_client.records.values import PortfolioRebalance
from tests.browsers import hindrances
from tests.integration.client.report.conftest import Opened
from tests.made_runs import answered, portfolio_id, run, without_answer
from tests.report_pages import Page, written

HOSTILE = """</script><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7 * 7 }}"""
LONG_NAME = "Endowment of the " + "Very" * 30 + " Long Name"
#: What is wider than its box, or than the screen; drawings clip, and headings of cards are unseen.
OVERFLOWING = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const style = getComputedStyle(element);
  if (element.closest("svg, .unseen, noscript, script") || style.clipPath !== "none") return false;
  const head = element.closest("thead");
  if (head && getComputedStyle(head).clipPath !== "none") return false;
  const box = element.getBoundingClientRect();
  const wide = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
  return box.right > innerWidth + 1 || (style.display !== "inline" && wide);
}).map((element) => `${element.tagName} ${element.className}: ${element.textContent.slice(0, 40)}`)"""


def portfolios() -> list[PortfolioRebalance]:
    infeasible = "No whole shares satisfy every band and the cash floor: " + "x" * 200
    return [
        *(answered(number, 20, proven=number % 9 != 4) for number in range(25)),
        answered(25, 3, name=LONG_NAME),
        without_answer(26, "FAILED", "There is no price of 12.50.", HOSTILE),
        without_answer(27, "INFEASIBLE", infeasible),
        without_answer(28, "SKIPPED", "The run was cancelled.", ""),
    ]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    found = portfolios()
    whole = run(len(found), state="COMPLETED_WITH_ERRORS", model_name=HOSTILE)
    return written(found, tmp_path_factory.mktemp("report") / "page.html", whole)


def shown(tab: Tab, number: int) -> None:
    tab.evaluate("id => { location.hash = `portfolio-${id}`; }", portfolio_id(number))
    tab.wait_for_selector(f"#portfolio:not([hidden]) code:text('{portfolio_id(number)}')")


@pytest.mark.parametrize("width", [360, 1024, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_nobody_is_kept_out(
    page: Page, opened: Opened, width: int, scheme: str
) -> None:
    with opened(page.path, width, color_scheme=scheme) as (tab, said):
        shown(tab, 1)
        tab.evaluate("document.querySelector('details').open = true")
        assert tab.evaluate(OVERFLOWING) == []
        assert said == []
        assert hindrances(tab) == []


def test_what_others_wrote_does_nothing(page: Page, opened: Opened) -> None:
    with opened(page.path) as (tab, said):
        shown(tab, 26)
        assert tab.inner_text("#portfolio h3") == HOSTILE
        assert tab.inner_text("h1") == HOSTILE
        assert tab.locator("img").count() == 0
        assert said == []


def test_a_script_that_is_not_ours_does_not_run(page: Page, opened: Opened) -> None:
    """The page says so itself, should a name ever get through."""
    with opened(page.path) as (tab, said):
        tab.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {text: 'alert(3)'}))"
        )
        with tab.expect_event("requestfailed") as failed:
            tab.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://example.com/'}))")
        assert failed.value.failure == "csp"
        assert "3" not in said


@pytest.mark.parametrize("count", [0, 3])
def test_a_run_without_an_answer(tmp_path: Path, opened: Opened, count: int) -> None:
    found = [without_answer(number, "FAILED", "There is no price.") for number in range(count)]
    for width in (360, 1600):
        with opened(written(found, tmp_path / "page.html").path, width) as (tab, said):
            assert tab.locator("#portfolio-table tbody tr").count() == count
            assert tab.locator("svg").count() == 0
            assert (tab.evaluate(OVERFLOWING), said) == ([], [])


def test_on_paper_all_portfolios_are_there(page: Page, opened: Opened) -> None:
    with opened(page.path, 700) as (tab, said):
        tab.emulate_media(media="print")
        assert tab.evaluate(OVERFLOWING) == []
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.locator("#portfolio-table tbody tr").count() == len(portfolios())
        tab.evaluate("dispatchEvent(new Event('afterprint'))")
        assert tab.locator("#portfolio-table tbody tr").count() == 25
        paper = tab.pdf(prefer_css_page_size=True)
        assert paper.startswith(b"%PDF")
        assert said == []


def test_without_scripts_the_page_says_what_is_missing(page: Page, opened: Opened) -> None:
    with opened(page.path) as (tab, _):
        context = tab.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr] # a launched one
        plain = context.new_page()
        plain.goto(page.path.as_uri())
        assert "need JavaScript, which is off here" in plain.inner_text("body")
        assert plain.is_visible("text=Largest trades >> nth=1")
        assert not plain.is_visible("#portfolio-table")
        context.close()
