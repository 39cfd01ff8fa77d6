"""A run as the service before stores it, as one of ours.

It stores a run once it is over, and of each portfolio that did not fail: what it held, at which prices, and
what it trades. It keeps no options, no version of the model, nothing of what failed but how many did, and no
proof: so none of these is said. Its cash after the trades is the cash before them; ours is what follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ordergen_server.domain.models import check_name
from ordergen_server.domain.numbers import difference, product, total
from ordergen_server.domain.rebalances.lines import RebalancePosition, transactions_of
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.legacy.fields import Fields
from ordergen_server.legacy.flaws import Flaws
from ordergen_server.legacy.lines import Line, check_weight, line_of
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.services.portfolios.valuation import MAXIMUM_POSITIONS, drift

_MAXIMUM_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that is over, with its results in the order of their portfolios."""

    rebalance: Rebalance
    results: tuple[PortfolioRebalance, ...]


def run_of(document: Document, flaws: Flaws) -> EndedRun:
    """The run of a document; not to be used where there are flaws."""
    fields = Fields(document, "", flaws)
    rebalance_id, time = fields.object_id("_id"), fields.needed_time("rebalance_date")
    portfolios = fields.needed_each("portfolios")
    results = tuple(_result(one, rebalance_id, time.date(), flaws) for one in portfolios)
    _check_repeats(fields, results)
    count = fields.whole("number_of_portfolios", most=_MAXIMUM_INT32)
    if count < len(results):
        fields.flaw("number_of_portfolios", f"must be at least the {len(results)} that there are", count)
    name = fields.text("model_name")
    if fields.has("model_name"):
        check_name(name, "model_name", flaws)
    rebalance = Rebalance(
        rebalance_id=rebalance_id,
        model_id=fields.object_id("model_id"),
        model_name=name,
        model_version=0,
        state=RebalanceState.COMPLETED if count == len(results) else RebalanceState.COMPLETED_WITH_ERRORS,
        create_time=time,
        finish_time=fields.time("created_at") or time,
        rebalance_date=time.date(),
        portfolio_count=count,
        options=None,
        counts={state: n for state in PortfolioState if (n := sum(one.state is state for one in results))},
        version=fields.whole("version"),
    )
    return EndedRun(rebalance, results)


def _result(fields: Fields, rebalance_id: str, day: date, flaws: Flaws) -> PortfolioRebalance:
    documents = fields.needed_each("positions")
    lines = [line_of(one, flaws) for one in documents]
    market_value, cash = fields.amount("market_value"), fields.amount("cash_before_rebalance")
    _check_lines(fields, [line.position for line in lines])
    if market_value < 0 or (lines and not market_value):
        fields.flaw("market_value", "must be above 0, or 0 without positions", market_value)
    elif not flaws.broken:
        for document, line in zip(documents, lines, strict=True):
            check_weight(document, line.position, market_value)
    positions = tuple(sorted((one.position for one in lines), key=lambda one: one.security.security_id))
    trades = [(one.security.security_id, one.trade_quantity) for one in positions if one.trade_quantity]
    trade_date = _trade_date(fields, lines) or day
    usable = not flaws.broken
    return PortfolioRebalance(
        rebalance_id=rebalance_id,
        portfolio_id=fields.entity_id("portfolio_id"),
        portfolio_name="",
        state=PortfolioState.REBALANCED if trades else PortfolioState.NO_ACTION,
        snapshot_time=None,
        trade_date=trade_date,
        market_value=market_value,
        cash_before=cash,
        cash_after=_cash_after(fields, positions, market_value, cash) if usable else None,
        drift_before=_drift(positions, "original", market_value) if usable else None,
        drift_after=_drift(positions, "adjusted", market_value) if usable else None,
        positions=positions,
        transactions=transactions_of(trades, trade_date),
    )


def _cash_after(
    fields: Fields, positions: Sequence[RebalancePosition], market_value: Decimal, cash: Decimal
) -> Decimal | None:
    """What follows from the trades; None where cash was read at another time than what it is worth."""
    name = "cash_after_rebalance"
    found = fields.amount(name) if fields.has(name) else cash
    spent = total(product(Decimal(one.trade_quantity), one.security.price) for one in positions)
    after = difference(cash, spent)
    if total([cash, *(one.original_market_value for one in positions)]) != market_value:
        fields.left_out(name, "is not known: market_value is not cash_before_rebalance and positions", found)
        return None
    if found not in (cash, after):
        fields.left_out(name, f"must be cash_before_rebalance less the trades, {after}", found)
    return after


def _drift(positions: Sequence[RebalancePosition], when: str, market_value: Decimal) -> Decimal | None:
    """The drift of a portfolio; None where it has no lines."""
    values = [getattr(one, f"{when}_market_value") for one in positions]
    return drift([one.security.target for one in positions], values, market_value) if values else None


def _trade_date(fields: Fields, lines: Sequence[Line]) -> date | None:
    """The day of all trades; None where there are none."""
    days = {line.trade_date for line in lines if line.trade_date}
    if len(days) > 1:
        fields.flaw("positions", "must have one trade_date", ", ".join(map(str, sorted(days))))
    return min(days, default=None)


def _check_lines(fields: Fields, positions: Sequence[RebalancePosition]) -> None:
    ids = [one.security.security_id for one in positions]
    if len(set(ids)) < len(ids):
        fields.flaw("positions", "must have each security once")
    if len(ids) > MAXIMUM_POSITIONS:
        fields.flaw("positions", f"must be at most {MAXIMUM_POSITIONS}", len(ids))


def _check_repeats(fields: Fields, results: Sequence[PortfolioRebalance]) -> None:
    ids = [one.portfolio_id for one in results]
    if len(set(ids)) < len(ids):
        fields.flaw("portfolios", "must have each portfolio once")
