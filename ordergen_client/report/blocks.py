"""The data of the page, packed: JSON, deflated, in base64; in blocks, so that few portfolios are in memory.

A block is an element `<script type="text/plain" class="CLASS">`. Base64 has no character that could end it.
"""

import json
import zlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Final, Protocol

from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.report.decided import NOTHING, Decided
from ordergen_client.report.figures.exact import digits, minus
from ordergen_client.report.figures.portfolios import Figures
from ordergen_client.report.figures.securities import Securities

#: Columns of a portfolio that are numbers of its record.
_NUMBERS: Final = (
    *("market_value", "cash_before", "cash_flow", "cost", "cash_after"),
    *("drift_before", "drift_after"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a page may be, and its blocks.

    Attributes:
        rows: portfolios of a block.
        lines: lines of a block, about.
        bytes: of packed lines, after which those of portfolios that need a look alone are kept.
        bytes_needed: of packed lines, after which none are kept.
    """

    rows: int = 1_000
    lines: int = 4_000
    bytes: int = 10_500_000
    bytes_needed: int = 12_000_000


class Sink(Protocol):
    """Where blocks are written."""

    def write(self, data: bytes, /) -> int:
        """Write them."""
        ...


def block(name: str, value: object) -> bytes:
    """One element."""
    packed = b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9))
    return b'<script type="text/plain" class="%s">%s</script>\n' % (name.encode(), packed)


class Blocks:
    """Writes portfolios and their lines, column by column; numbers are text, digit for digit.

    Args:
        sink: where they are written.
        securities: what lines refer to.
        limits: how much is written.
        decided: what was approved and sent; where nothing was, portfolios and lines say nothing of it.

    Attributes:
        left_out: portfolios whose lines are not written, as there are too many.
    """

    def __init__(
        self, sink: Sink, securities: Securities, limits: Limits, decided: Decided = NOTHING
    ) -> None:
        self._sink = sink
        self._decided = decided
        self._securities = securities
        self._limits = limits
        self._rows: dict[str, list[object]] = {}
        self._lines: dict[str, list[object]] = {}
        self._line_count = self._line_bytes = self._line_blocks = 0
        self._count = 0
        self.left_out = 0

    def add(self, portfolio: PortfolioRebalance, its: Figures, look: list[str]) -> None:
        """Write one more portfolio."""
        most = self._limits.bytes_needed if look else self._limits.bytes
        kept = bool(portfolio.positions) and self._line_bytes < most
        self.left_out += bool(portfolio.positions) and not kept
        row = {**_row(portfolio, its), "look": look, "lines": self._line_blocks if kept else None}
        if not portfolio.positions:
            row["lines"] = -1
        if self._decided:
            row["review"] = self._decided.review_told(portfolio.portfolio_id)
            row["sent"] = self._decided.orders_told(portfolio.portfolio_id)
        for name, value in row.items():
            self._rows.setdefault(name, []).append(value)
        if kept:
            self._add_lines(portfolio)
        self._count += 1
        if self._count % self._limits.rows == 0:
            self._flush_rows()

    def finish(self) -> None:
        """Write what is left."""
        self._flush_rows()
        self._flush_lines()

    def _add_lines(self, portfolio: PortfolioRebalance) -> None:
        lines = portfolio.positions
        columns: dict[str, object] = {
            "row": self._count,
            "security": [self._securities.index(line) for line in lines],
            "held": [digits(line.original_quantity) for line in lines],
            "trade": [line.trade_quantity for line in lines],
            "reason": [self._securities.reason(line) for line in lines],
        }
        if self._decided:
            its_id = portfolio.portfolio_id
            columns["sent"] = [self._decided.order_told(its_id, line.security_id) for line in lines]
        for name, column in columns.items():
            self._lines.setdefault(name, []).append(column)
        self._line_count += len(lines)
        if self._line_count >= self._limits.lines:
            self._flush_lines()

    def _flush_rows(self) -> None:
        if self._rows:
            self._sink.write(block("portfolios", self._rows))
            self._rows = {}

    def _flush_lines(self) -> None:
        if self._lines:
            written = block("lines", self._lines)
            self._sink.write(written)
            self._line_bytes += len(written)
            self._line_blocks += 1
            self._line_count, self._lines = 0, {}


def _row(portfolio: PortfolioRebalance, its: Figures) -> dict[str, object]:
    numbers = {name: getattr(portfolio, name) for name in _NUMBERS}
    solution = portfolio.solution
    return {
        "id": portfolio.portfolio_id,
        "name": portfolio.portfolio_name,
        "state": portfolio.state,
        **{name: None if value is None else digits(value) for name, value in numbers.items()},
        "bought": digits(its.bought),
        "sold": digits(its.sold),
        "turnover": digits(its.turnover),
        "buys": its.buys,
        "sells": its.sells,
        "outside_before": its.outside_before,
        "outside_after": its.outside_after,
        "status": solution.status if solution else None,
        "objective": digits(solution.objective) if solution else None,
        "gap": digits(minus(solution.objective, solution.lower_bound)) if solution else None,
        "lower_bound": digits(solution.lower_bound) if solution else None,
        "tie_broken": solution.tie_broken if solution else None,
        "seconds": solution.solve_seconds if solution else None,
        "error": portfolio.error.message if portfolio.error else None,
    }
