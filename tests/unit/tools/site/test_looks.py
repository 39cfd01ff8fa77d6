"""The site in a real browser: nothing is asked of anybody, nothing fails, nothing is wider than a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browsers import hindrances, launched, needs_chromium

pytestmark = needs_chromium
#: Each has something that the others have not: doors, code, tables, formulas, docstrings, the contract.
PAGES = (
    "index", "tutorial", "howto/run-every-night", "explanation/glossary", "explanation/formulation",
    "reference/contract", "reference/python", "reference/commands", "configuration", "operations",
)  # fmt: skip
PHONE, DESK = 360, 1600


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test where a script fails, or anything but a file is asked for."""
    context = browser.new_context(viewport={"width": PHONE, "height": 800})
    asked: list[str] = []
    wrong: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_everybody_can_read_it(site: Path, page: Page, name: str) -> None:
    page.goto((site / f"{name}.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert hindrances(page) == []


def test_words_are_found(site: Path, page: Page) -> None:
    """The search is a script and an index that lie beside the pages."""
    page.set_viewport_size({"width": DESK, "height": 1000})
    page.goto((site / "search.html").as_uri() + "?q=infeasible")
    page.wait_for_selector("#search-results li a")
    assert "How to read an infeasible answer" in page.inner_text("#search-results")
