"""The built site is whole, leads where it says, and asks no other origin for anything."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.unit.tools.site.built import Page, pages, read
from tools.protos import ROOT

DOCS = ROOT / "docs"
#: Of what a style sheet fetches; what is in the sheet itself (data:) is fetched from nowhere.
FETCHED = re.compile(r"""url\(\s*["']?(?!data:)([^)"']+)|@import\s+["']([^"']+)""")


def elsewhere(address: str) -> bool:
    return bool(urlsplit(address).scheme or address.startswith("//"))


def broken(page: Page) -> Iterator[str]:
    """The links of a page within the site that lead nowhere."""
    for link in page.links:
        if elsewhere(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        anchored = anchor and target.suffix == ".html"
        if not target.is_file() or (anchored and anchor not in read(target).ids):
            yield link


def test_every_page_of_ours_is_there(site: Path) -> None:
    sources = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert len(sources) > 50
    assert sources <= {page.path.relative_to(site) for page in pages(site)}


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    found = [f"{page.path.relative_to(site)}: {link}" for page in pages(site) for link in broken(page)]
    assert found == []
    assert sum(len(page.links) for page in pages(site)) > 1000


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<p id="there"><a href="#there"><a href="#gone"><a href="no.html"><a href="https://a.b/#c">'
    )
    assert list(broken(read(page))) == ["#gone", "no.html"]


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    loaded = {(page.path.name, address) for page in pages(site) for address in page.loaded}
    assert len(loaded) > 100
    assert [one for one in loaded if elsewhere(one[1])] == []


def test_style_sheets_load_nothing_from_elsewhere(site: Path) -> None:
    sheets = [path.read_text() for path in [*site.rglob("*.css"), *site.rglob("*.html")]]
    fetched = {"".join(found) for text in sheets for found in FETCHED.findall(text)}
    assert [one for one in fetched if elsewhere(one)] == []


def test_formulas_need_no_script(site: Path) -> None:
    text = (site / "explanation" / "formulation.html").read_text()
    assert text.count("<math ") > 30
    assert "tex-mml" not in text  # of MathJax
    assert "<merror" not in text


def test_nothing_of_this_machine_is_in_it(site: Path) -> None:
    named = {str(ROOT), str(Path.home()) + "/", str(site.parent)}
    for page in pages(site):
        text = page.path.read_text()
        assert [one for one in named if one in text] == [], page.path.relative_to(site)
