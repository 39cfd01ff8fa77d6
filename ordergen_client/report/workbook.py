"""Writes a workbook for those who live in Excel: summary, portfolios, orders and lines, a sheet each."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xlsxwriter import Workbook

from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceEvent, RebalancePosition
from ordergen_client.report import words
from ordergen_client.report.decided import NOTHING, Decided, sheet_rows
from ordergen_client.report.figures.exact import ZERO, ratio
from ordergen_client.report.figures.portfolios import Figures, figures, trade_value
from ordergen_client.report.figures.price_days import PriceDays
from ordergen_client.report.figures.totals import Totals
from ordergen_client.report.sheets import Column, Sheet, Styles
from ordergen_client.report.write import Progress
from ordergen_client.telling.reasons import reason
from ordergen_client.whole_file import FileNotWrittenError, whole_file

_PORTFOLIO = (Column("Portfolio id", "text", 27), Column("Portfolio", "text", 26))
_SECURITY = (Column("Security id", "text", 27), Column("Ticker", "text", 9))
_PORTFOLIOS = (
    *_PORTFOLIO,
    Column("State", "text", 18),
    Column("Proof", "text", 17),
    *(
        Column(name, "money", 17)
        for name in ("Market value", "Cash before", "Cash flow", "Costs", "Cash after")
    ),
    *(Column(name, "weight", 12) for name in ("Drift before", "Drift after")),
    Column("Turnover", "quotient", 12),
    *(Column(name, "money", 17) for name in ("Bought", "Sold")),
    *(Column(name, "quantity", 8) for name in ("Buys", "Sells")),
    *(Column(name, "money", 17) for name in ("Objective", "Lower bound")),
    Column("Error", "text", 60),
)
_ORDERS = (
    *_PORTFOLIO,
    Column("Side", "text", 7),
    *_SECURITY,
    Column("Shares", "quantity", 12),
    Column("Price", "price", 12),
    Column("Value", "money", 17),
    Column("Trade date", "text", 12),
)
_LINES = (
    *_PORTFOLIO,
    *_SECURITY,
    Column("Price", "price", 12),
    *(Column(name, "weight", 12) for name in ("Target", "Low drift", "High drift")),
    *(Column(name, "quotient", 12) for name in ("Weight before", "Weight after")),
    *(Column(name, "quantity", 13) for name in ("Shares before", "Shares traded", "Shares after")),
    *(Column(name, "money", 17) for name in ("Value before", "Value after")),
    Column("Reason", "text", 44),
)
#: Where something was decided or sent.
_DECIDED = (Column("Review", "text", 30), Column("Orders sent", "text", 30))
_SENT = (Column("Sent", "text", 14), Column("Order service's id", "text", 18), Column("Why", "text", 44))
_HISTORY = (
    Column("When (UTC)", "text", 20),
    Column("What", "text", 26),
    Column("Who", "text", 26),
    Column("By credentials", "text", 15),
    Column("Portfolios", "quantity", 11),
    Column("Comment", "text", 60),
    Column("Submission", "text", 27),
)
_SUMMARY = (Column("Run", "text", 30), Column("Value", "text", 34), Column("Note", "text", 90))


def write_workbook(
    events: Iterable[RebalanceEvent],
    path: Path,
    *,
    force: bool,
    progress: Progress,
    decided: Decided = NOTHING,
) -> Rebalance:
    """Write a run to its end as a workbook; answers the run.

    Args:
        events: of the run, in the view FULL.
        path: the file; while it is written it is `<path>.part`.
        force: replace a file that is there.
        progress: is told how far it is.
        decided: what was approved, rejected and sent of it.

    Raises:
        FileNotWrittenError: there is such a file, it cannot be written, or the events ended before the run.
    """
    with whole_file(path, force=force) as file, TemporaryDirectory() as folder:
        book = Workbook(file, {"constant_memory": True, "tmpdir": folder})
        book.use_zip64()  # where a sheet of a million lines needs it
        try:
            run = _Contents(book, decided).read(events, progress)
        except BaseException:  # what is cut off is not put together, but its files are closed
            for sheet in book.worksheets():
                sheet.row_data_fh.close()
            raise
        book.close()
    return run


class _Contents:
    def __init__(self, book: Any, decided: Decided) -> None:  # noqa: ANN401 - a Workbook, which has no published types
        styles = Styles(book)
        self._decided = decided
        more, sent = (_DECIDED, _SENT) if decided else ((), ())
        self._summary = Sheet(book, "Summary", _SUMMARY, styles)
        self._portfolios = Sheet(book, "Portfolios", (*_PORTFOLIOS, *more), styles)
        self._orders = Sheet(book, "Orders", (*_ORDERS, *sent), styles)
        self._lines = Sheet(book, "Lines", _LINES, styles)
        self._history = Sheet(book, "History", _HISTORY, styles) if decided else None
        self._totals = Totals()
        self._price_days = PriceDays()

    def read(self, events: Iterable[RebalanceEvent], progress: Progress) -> Rebalance:
        total = 0
        for event in events:
            if event.started:
                total = event.started.portfolio_count
            if event.portfolio:
                self._add(event.portfolio)
            progress(self._totals.portfolios, total)
            if event.finished:
                self._finish(event.finished)
                return event.finished
        raise FileNotWrittenError("The events of the run ended before the run did: try again.")

    def _add(self, portfolio: PortfolioRebalance) -> None:
        its = figures(portfolio)
        self._totals.add(portfolio, its)
        self._price_days.add(portfolio)
        self._portfolios.add((*_portfolio_row(portfolio, its), *self._decided_of(portfolio)))
        for line, order in _order_rows(portfolio):
            self._orders.add((*order, *self._sent(portfolio, line)))
        for row in _line_rows(portfolio):
            self._lines.add(row)

    def _finish(self, run: Rebalance) -> None:
        rounded = sum(one.rounded for one in (self._portfolios, self._orders, self._lines))
        for row in _summary_rows(run, self._totals, self._price_days.told, rounded):
            self._summary.add(row)
        for sheet in (self._summary, self._portfolios, self._orders, self._lines):
            sheet.finish()
        if self._history:
            for action in sheet_rows(self._decided):
                self._history.add(action)
            self._history.finish()

    def _decided_of(self, portfolio: PortfolioRebalance) -> tuple[str, ...]:
        if not self._decided:
            return ()
        its_id = portfolio.portfolio_id
        return self._decided.review_told(its_id), self._decided.orders_told(its_id)

    def _sent(self, portfolio: PortfolioRebalance, line: RebalancePosition) -> tuple[str | None, ...]:
        if not self._decided:
            return ()
        order = self._decided.orders.get((portfolio.portfolio_id, line.security_id))
        if order is None:
            return None, None, None
        known = None if order.external_order_id is None else str(order.external_order_id)
        return order.state, known, order.error.message if order.error else None


def _portfolio_row(portfolio: PortfolioRebalance, its: Figures) -> Iterator[object]:
    solution = portfolio.solution
    value = portfolio.base_value
    yield from (portfolio.portfolio_id, portfolio.portfolio_name, portfolio.state)
    yield solution.status if solution else ""
    yield from (portfolio.market_value, portfolio.cash_before, portfolio.cash_flow, portfolio.cost)
    yield portfolio.cash_after
    yield from (portfolio.drift_before, portfolio.drift_after, ratio(its.turnover, value or ZERO))
    yield from (its.bought, its.sold, Decimal(its.buys), Decimal(its.sells))
    yield from (solution.objective, solution.lower_bound) if solution else (None, None)
    yield portfolio.error.message if portfolio.error else ""


def _order_rows(
    portfolio: PortfolioRebalance,
) -> Iterator[tuple[RebalancePosition, tuple[object, ...]]]:
    for line in portfolio.positions:
        if line.trade_quantity:
            side = "BUY" if line.trade_quantity > 0 else "SELL"
            shares = Decimal(abs(line.trade_quantity))
            yield (
                line,
                (
                    *(portfolio.portfolio_id, portfolio.portfolio_name, side, line.security_id, line.ticker),
                    *(shares, line.price, trade_value(line), str(line.trade_date or "")),
                ),
            )


def _line_rows(portfolio: PortfolioRebalance) -> Iterator[Iterable[object]]:
    value = portfolio.base_value or ZERO
    for line in portfolio.positions:
        yield (
            *(portfolio.portfolio_id, portfolio.portfolio_name, line.security_id, line.ticker, line.price),
            *(line.target, line.low_drift, line.high_drift),
            *(_weight(one, value) for one in (line.original_market_value, line.adjusted_market_value)),
            *(line.original_quantity, Decimal(line.trade_quantity), line.adjusted_quantity),
            *(line.original_market_value, line.adjusted_market_value),
            reason(line.reason, line.bound_by, line.price_problem),
        )


def _weight(part: Decimal | None, value: Decimal) -> Decimal | None:
    return None if part is None else ratio(part, value)


def _summary_rows(
    run: Rebalance, totals: Totals, prices: str, rounded: int
) -> Iterator[tuple[str, object, str]]:
    yield "Run", run.rebalance_id, ""
    yield "State", words.RUN_STATES.get(run.state, run.state), run.error.message if run.error else ""
    yield "Model", words.model(run), run.model_id
    if run.partial:
        yield "Over", words.extent(run), ""
    yield "For", str(run.rebalance_date), ""
    yield "Began", words.time(run.create_time), run.actor
    yield "Ended", words.time(run.finish_time), ""
    for name, told in words.options(run.options, {}):
        yield name, told, ""
    for state, name in words.STATES.items():
        yield name, Decimal(totals.states[state]), "portfolios"
    yield "Proven optimal", Decimal(totals.proven), f"of {words.counted(totals.answered, 'answer')}"
    yield "Prices", prices, ""
    if totals.frozen:
        yield "Frozen", Decimal(totals.frozen), words.frozen(totals)
    yield "Market value", totals.market_value, "in the currency of the prices"
    yield "Bought", totals.bought, words.counted(totals.buys, "order")
    yield "Sold", totals.sold, words.counted(totals.sells, "order")
    yield "Cash before", totals.cash_before, ""
    if totals.flows:
        yield "Cash flows", totals.cash_flow, "weights, drift and turnover are of market value plus cash flow"
    if totals.costly:
        yield "Costs", totals.cost, "of all trades, paid from cash"
    yield "Cash after", totals.cash_after, "portfolios without an answer count as they stand"
    yield "Rounded numbers", Decimal(rounded), _ROUNDED


_ROUNDED = (
    "Excel keeps 15 digits of a number. Numbers of more are in italics, rounded (turnover, weight before and "
    "after are quotients, and rounded as they are); `ordergen runs export` to a .jsonl file has every digit."
)
