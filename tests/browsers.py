"""A real browser without a window, where the machine has one (`apt-get install chromium`)."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.limits import PATIENCE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: As root it has no sandbox of its own; and it asks nobody for anything by itself.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
#: It would ask for style sheets a second time, which a page from the disk may not.
_SERIOUS = """async () => (await axe.run(document, {preload: false})).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes[0].html} ${one.nodes[0].failureSummary}`)"""

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="this machine has no Chromium to see pages with")


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser for the time of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), timeout=PATIENCE * 1000
        )
        try:
            yield browser
        finally:
            browser.close()


def hindrances(page: Page) -> list[str]:
    """What axe-core finds serious in a page: what it keeps from people who cannot see it, or use a mouse."""
    page.evaluate(_AXE)
    found: list[str] = page.evaluate(_SERIOUS)
    return found
