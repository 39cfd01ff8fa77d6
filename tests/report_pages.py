"""Reports of tests: written to a file, and read back as programs and browsers do."""

import json
import re
import zlib
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalancePosition
from ordergen_client.report.blocks import Limits
from ordergen_client.report.write import write_report
from tests.made_runs import events, run

_BLOCK = re.compile(r'<script type="text/plain" class="(\w+)">([A-Za-z0-9+/=]*)</script>')
Lines = dict[str, list[Any]]


@dataclass(frozen=True)
class Page:
    """A report that was written: its text, and its blocks by class."""

    path: Path
    text: str
    blocks: dict[str, list[dict[str, Any]]]

    def column(self, name: str) -> list[Any]:
        """A column of all portfolios."""
        return [value for block in self.blocks["portfolios"] for value in block[name]]

    def lines(self, row: int) -> Lines:
        """The lines of a portfolio that has some."""
        block = self.blocks["lines"][self.column("lines")[row]]
        place = block["row"].index(row)
        return {name: column[place] for name, column in block.items() if name != "row"}


def read_page(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    blocks: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, packed in _BLOCK.findall(text):
        blocks[name].append(json.loads(zlib.decompress(b64decode(packed))))
    return Page(path, text, blocks)


def written(
    portfolios: Sequence[PortfolioRebalance] | Iterable[PortfolioRebalance],
    path: Path,
    whole: Rebalance | None = None,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
) -> Page:
    """The report of a run that did this."""
    found = list(portfolios)
    told = events(found, whole or run(len(found)))
    write_report(told, path, force=True, progress=lambda _done, _all: None, limits=limits)
    return read_page(path)


def digits(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def line_of(page: Page, lines: Lines, place: int) -> dict[str, Any]:
    """One line as the page has it, with what it says of its security."""
    [securities] = page.blocks["securities"]
    security = lines["security"][place]
    return {
        **{
            name: securities[name][security]
            for name in ("id", "ticker", "price", "target", "low_drift", "high_drift")
        },
        "held": lines["held"][place],
        "trade": lines["trade"][place],
        "reason": securities["reasons"][lines["reason"][place]],
    }


def expected_line(line: RebalancePosition, reason: str) -> dict[str, Any]:
    """The same of a record."""
    numbers = {name: digits(getattr(line, name)) for name in ("price", "target", "low_drift", "high_drift")}
    return {
        "id": line.security_id,
        "ticker": line.ticker,
        **numbers,
        "held": digits(line.original_quantity),
        "trade": line.trade_quantity,
        "reason": reason,
    }
