"""Where the extra of reports is not installed, it is named."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from ordergen_client import AsyncRun, Run
from ordergen_client.report.loading import of_the_extra

EXTRA = r"^A report needs jinja2, which is not installed: install globeco-ordergen-client\[report\]\.$"


@pytest.fixture
def without_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("write", "awaited"):
        monkeypatch.delitem(sys.modules, f"ordergen_client.report.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)


@pytest.mark.usefixtures("without_jinja")
def test_a_report_without_its_extra_names_it(tmp_path: Path) -> None:
    nobody: Any = None  # nothing is asked before
    path = tmp_path / "page.html"
    with pytest.raises(ImportError, match=EXTRA) as raised:
        Run(nobody, "0" * 24).report(path)
    assert raised.value.name == "jinja2"
    with pytest.raises(ImportError, match=EXTRA):
        asyncio.run(AsyncRun(nobody, "0" * 24).report(path))


def test_what_is_missing_of_ours_is_a_mistake_of_ours() -> None:
    for name in ("ordergen_client.report.gone", None):
        with pytest.raises(ModuleNotFoundError) as raised, of_the_extra():
            raise ModuleNotFoundError("gone", name=name)
        assert raised.value.__cause__ is None
