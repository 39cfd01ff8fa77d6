"""The pages as a browser sees them: whole, without an error, and without another origin."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.browsers import launched, needs_chromium
from tests.e2e.api import Api
from tests.fronts import Front, front_process
from tests.limits import PATIENCE

PREFIX = "/order-gen"


@dataclass
class Seen:
    """What a page asked for, and what went wrong in it."""

    page: Page
    origins: set[str] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob"):
            self.origins.add(f"{parts.scheme}://{parts.netloc}")
            self.paths.append(parts.path)


@pytest.fixture(scope="module")
def prefixed(rest_api: Api) -> Iterator[Front]:
    with front_process(f"127.0.0.1:{rest_api.port}", ORDERGEN_REST_ROOT_PATH=PREFIX) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as one:
        yield one


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Seen]:
    """A page that has been opened; fails where it said an error, or asked another origin."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    seen = Seen(page)
    page.on("console", lambda said: seen.problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: seen.problems.append(str(error)))
    page.on("request", lambda request: seen.asked(request.url))
    page.goto(url)
    yield seen
    page.close()
    assert seen.problems == []
    assert seen.origins == {"://".join(urlsplit(url)[:2])}


@needs_chromium
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_a_call_can_be_tried_from_the_page(
    browser: Browser, front: Front, prefixed: Front, prefix: str
) -> None:
    url = (prefixed if prefix else front).url + prefix
    with opened(browser, f"{url}/docs") as seen:
        operation = seen.page.locator("#operations-ModelService-ModelService_ListModels")
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response").first
        answer.wait_for()
        assert answer.locator(".response-col_status").inner_text().startswith("200")
        assert "x-correlation-id" in answer.inner_text()
    assert f"{prefix}/api/v2/models" in seen.paths


@needs_chromium
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_the_document_can_be_read(browser: Browser, front: Front, prefixed: Front, prefix: str) -> None:
    url = (prefixed if prefix else front).url + prefix
    with opened(browser, f"{url}/redoc") as seen:
        seen.page.get_by_role("heading", name="Creates a model and answers it as stored").wait_for()
        seen.page.get_by_placeholder("Search...").fill("cancel")
        seen.page.locator("[data-role='search:results'] li").first.wait_for()
    assert f"{prefix}/openapi.json" in seen.paths


@pytest.mark.parametrize("name", ["docs", "redoc"])
def test_a_page_allows_no_other_origin_and_no_script_in_itself(front: Front, name: str) -> None:
    page = front.ask("GET", f"/{name}")
    assert page.status == 200
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["connect-src"]) == ("'self'", "'self'")
    assert "unsafe-eval" not in page.headers["content-security-policy"]
    assert "http" not in page.headers["content-security-policy"]
    assert b"http" not in page.body
    others = front.ask("GET", "/openapi.json").headers["content-security-policy"]
    assert others == "default-src 'none'; frame-ancestors 'none'"


def test_the_document_names_the_prefix_that_it_was_asked_with(prefixed: Front) -> None:
    assert prefixed.ask("GET", f"{PREFIX}/openapi.json").json["servers"] == [{"url": PREFIX}]
    assert "servers" not in prefixed.ask("GET", "/openapi.json").json


def test_files_of_the_pages_are_there_and_no_others(front: Front) -> None:
    icon = front.ask("GET", "/docs-files/favicon.png")
    assert (icon.status, icon.headers["content-type"]) == (200, "image/png")
    assert front.ask("GET", "/docs-files/../core.py").status == 404
    assert front.ask("GET", "/docs-files/%2e%2e/core.py").status == 404
    assert front.ask("GET", "/docs-files/").status == 404
