"""A real browser, where the machine has one (`apt-get install chromium`)."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browsers import CHROMIUM, launched
from tests.limits import PATIENCE

#: Opens a file at so many pixels; whatever the page says on its console, or asks for, is in the list.
Opened = Callable[..., AbstractContextManager[tuple[Page, list[str]]]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("this machine has no Chromium to see pages with")
    with launched() as one:
        yield one


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Opened:
    @contextmanager
    def open_page(
        path: Path,
        width: int = 1280,
        address: str = "",
        **options: Any,  # noqa: ANN401 - those of a context
    ) -> Iterator[tuple[Page, list[str]]]:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: said.append(request.url) if request.url[:5] != "file:" else None)
        page.goto(f"{path.absolute().as_uri()}{address}")
        page.wait_for_selector("html[data-ready]", state="attached")
        yield page, said
        context.close()

    return open_page
