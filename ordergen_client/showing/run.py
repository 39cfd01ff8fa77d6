"""A run for eyes: a summary first, then what needs a look, the largest orders, and a line a portfolio."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from rich.console import Console
from rich.text import Text

from ordergen_client.records.options.weight_limits import GroupLimit, SecurityLimit
from ordergen_client.records.summaries import RebalanceSummary
from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceEvent
from ordergen_client.report.figures.attention import Attention, run_warning
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.report.figures.price_days import PriceDays
from ordergen_client.report.figures.securities import Securities
from ordergen_client.report.figures.totals import Totals
from ordergen_client.report.words import STATES, base_name, counted, extent, frozen, headline
from ordergen_client.showing.columns import Column, Kind, count, money, percent, time
from ordergen_client.showing.grid import Row, print_details, print_rows
from ordergen_client.showing.orders import counts_told
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.rows import plain, portfolio_row, review_row, run_row, set_options
from ordergen_client.telling.printable import printable

PORTFOLIOS: Final = (
    Column("portfolio_name", "Name"),
    Column("portfolio_id", "Portfolio", Kind.ID, 4),
    Column("state", "State", Kind.ID),
    Column("status", "Answer", Kind.ID, 5),
    Column("market_value", "Market value", Kind.MONEY, 2),
    Column("drift_before", "Drift", Kind.PERCENT, 1),
    Column("drift_after", "then", Kind.PERCENT, 0, "Drift then"),
    Column("cash_after", "Cash then", Kind.MONEY, 6),
    Column("buys", "Buys", Kind.COUNT, 7),
    Column("sells", "Sells", Kind.COUNT, 7),
    Column("turnover", "Turnover", Kind.MONEY, 3),
)
#: Of a run that is reviewed, and of one that was submitted.
_REVIEWED: Final = Column("review", "Review", Kind.ID, 2)
_SUBMITTED: Final = Column("order_state", "Orders", Kind.ID, 1)
#: What programs get of a portfolio beside these.
MORE: Final = (
    *("cash_before", "cash_flow", "cost", "bought", "sold", "objective", "lower_bound", "error"),
    *("settings_version", "frozen_count"),
    *("review", "order_state"),
)
_ORDERS: Final = (
    Column("portfolio", "Portfolio"),
    Column("side", "Side", Kind.SIDE),
    Column("shares", "Shares", Kind.COUNT),
    Column("ticker", "Ticker"),
    Column("price", "Price", Kind.PRICE, 2),
    Column("value", "Value", Kind.MONEY),
    Column("weight", "of portfolio", Kind.PERCENT, 1),
)
#: Orders that are shown before all portfolios, and portfolios that are named with what needs a look.
_LARGEST, _NAMED = 5, 3


class RunRead:
    """What is read of a run, portfolio after portfolio.

    Attributes:
        run: as it was told last; None before it is told.
        reviewed: what became of the review and the orders of portfolios, by their ids.
    """

    def __init__(
        self,
        wanted: Callable[[str], bool] = lambda _state: True,
        *,
        reviewed: Mapping[str, PortfolioRebalance] | None = None,
    ) -> None:
        self.reviewed = reviewed or {}
        self.run: Rebalance | None = None
        self.totals = Totals()
        self.attention = Attention()
        self.securities = Securities()
        self.price_days = PriceDays()
        self._wanted = wanted

    def decided(self) -> Iterator[Column]:
        """Columns for eyes of what was decided of its portfolios."""
        if self.reviewed:
            yield _REVIEWED
        if any(one.order_state for one in self.reviewed.values()):
            yield _SUBMITTED

    def rows(self, events: Iterable[RebalanceEvent]) -> Iterator[Row]:
        """A row a portfolio, as they come."""
        for event in events:
            self.run = event.started or event.finished or self.run
            portfolio = event.portfolio
            if portfolio is None:
                continue
            its = figures(portfolio)
            self.totals.add(portfolio, its)
            self.attention.add(portfolio, its)
            self.securities.add(portfolio)
            self.price_days.add(portfolio)
            if self._wanted(portfolio.state):
                known = self.reviewed.get(portfolio.portfolio_id, portfolio)
                row = portfolio_row(portfolio, its)
                yield {"rebalance_id": portfolio.rebalance_id, **row, **review_row(known)}


def show_run(output: Output, events: Iterable[RebalanceEvent], read: RunRead) -> None:
    """Read a run to the end of its events, and write it."""
    rows = read.rows(events)
    if output.form is not Form.TABLE:
        output.listing(
            Listing("portfolios", "", PORTFOLIOS, rows, MORE), lambda: run_row(read.run) if read.run else {}
        )
        return
    columns = [*PORTFOLIOS, *read.decided()]
    slim = [{column.key: row[column.key] for column in columns} for row in rows]
    if read.run is None:
        return
    console = output.console
    _show_summary(console, read.run, read)
    _show_attention(console, read.run, read)
    if read.securities.largest():
        print_rows(console, _largest(read), _ORDERS, title="Largest orders", headers=output.headers)
        console.print()
    slim.sort(key=lambda row: str(row["portfolio_id"]))
    print_rows(console, slim, columns, title="Portfolios", headers=output.headers)


def run_details(run: Rebalance) -> dict[str, object]:
    """What is known of a run but its portfolios, by name."""
    version = f"version {run.model_version}" if run.model_version else "its version is not known"
    draft = ", with the positions of a draft" if run.draft else ""
    ended = f"ended {time(run.finish_time)} UTC" if run.finish_time else "goes on"
    return {
        "Run": f"{run.rebalance_id or 'a dry run'}  {run.state}",
        "Model": f"{run.model_name} ({run.model_id}), {version}{draft}",
        "Began": f"{time(run.create_time)} UTC, {ended}" + (f", by {run.actor}" if run.actor else ""),
        "Options": _options(run),
        **({"Error": run.error.message} if run.error else {}),
    }


def _options(run: Rebalance) -> str:
    if run.options is None:
        return "not known"
    given = set_options(run.options)
    return ", ".join(f"{name} {_told(value)}" for name, value in given.items()) or "all by default"


def _told(value: object) -> object:
    """What an option is; of many securities or groups the first few."""
    if not isinstance(value, Mapping):
        return plain(value)
    some = "; ".join(f"{key} {_rule(one)}" for key, one in islice(value.items(), _NAMED))
    more = f"; and {len(value) - _NAMED:,} more" if len(value) > _NAMED else ""
    return f"({some}{more})"


def _rule(value: object) -> object:
    match value:
        case SecurityLimit():
            return _weights(value)
        case GroupLimit():
            return f"({len(value.security_ids):,} securities) {_weights(value)}"
    return plain(value)


def _weights(limit: SecurityLimit | GroupLimit) -> str:
    sides = (("at least", limit.minimum_weight), ("at most", limit.maximum_weight))
    return ", ".join(f"{side} {percent(weight)}" for side, weight in sides if weight is not None)


def _show_summary(console: Console, run: Rebalance, read: RunRead) -> None:
    totals = read.totals
    said = Text(headline(totals, read.attention), style="bold")
    console.print(said, soft_wrap=not console.is_terminal)
    states = ", ".join(
        f"{number:,} {STATES.get(state, state).lower()}" for state, number in totals.states.items()
    )
    weight = totals.turnover_weight
    before, after = totals.drift_before, totals.drift_after
    lines: dict[str, object] = {
        **run_details(run),
        "Portfolios": f"{totals.portfolios:,} of {run.portfolio_count:,}"
        + (f" ({extent(run)})" if run.partial else "")
        + f": {states or 'none done'}",
        "Market value": money(totals.market_value),
        **({"Cash flows": money(totals.cash_flow)} if totals.flows else {}),
        **({"Costs": money(totals.cost)} if totals.costly else {}),
        "Cash": f"{money(totals.cash_before)}, then {money(totals.cash_after)}",
        "Drift": "-" if before is None or after is None else f"{percent(before)}, then {percent(after)}",
        "Orders": f"{counted(totals.buys, 'buy')} for {money(totals.bought)},"
        f" {counted(totals.sells, 'sell')} for {money(totals.sold)}",
        "Turnover": money(totals.turnover)
        + (f", {percent(weight)} of {base_name(totals)}" if weight is not None else ""),
        **_decided(run, read),
        "Proven": _proven(totals, run.summary),
        "Prices": read.price_days.told,
        **({"Frozen": frozen(totals)} if totals.frozen else {}),
    }
    print_details(console, lines)
    console.print()


def _decided(run: Rebalance, read: RunRead) -> dict[str, object]:
    """How far its review is, and what became of orders that were sent."""
    states = Counter(one.order_state for one in read.reviewed.values() if one.order_state)
    sent = ", ".join(f"{number:,} {state}" for state, number in states.items())
    return {
        **({"Review": counts_told(run.review_counts)} if run.review_counts else {}),
        **({"Sent": f"portfolios: {sent}"} if sent else {}),
    }


def _proven(totals: Totals, summary: RebalanceSummary | None) -> str:
    if not totals.answered:
        return "-"
    gap = summary.worst_unproven_gap if summary else None
    off = "" if gap is None else f"; of the others none is off by more than {count(gap)}"
    return f"{totals.proven:,} of {totals.answered:,} answers: no better whole-share orders exist{off}"


def _show_attention(console: Console, run: Rebalance, read: RunRead) -> None:
    groups = read.attention.groups()
    warning = run_warning(run, read.totals.portfolios)
    if not (groups or warning):
        return
    console.print(Text("Needs a look", style="bold yellow"))
    for line in [warning] * bool(warning):
        console.print(Text(f"  {printable(line)}"), soft_wrap=not console.is_terminal)
    for group in groups:
        names = ", ".join(name or portfolio_id for portfolio_id, name in group.names[:_NAMED])
        more = f", and {group.count - _NAMED:,} more" if group.count > _NAMED else ""
        told = f"  {group.heading}: {names}{more}\n    {group.why}"
        console.print(Text("\n".join(map(printable, told.split("\n")))), soft_wrap=not console.is_terminal)
    console.print()


def _largest(read: RunRead) -> Iterator[Row]:
    for trade in read.securities.largest()[:_LARGEST]:
        yield {
            "portfolio": trade.portfolio_name or trade.portfolio_id,
            "side": "BUY" if trade.shares > 0 else "SELL",
            "shares": abs(trade.shares),
            "ticker": trade.ticker,
            "price": trade.price,
            "value": trade.value,
            "weight": trade.weight,
        }
