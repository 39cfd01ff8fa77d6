"""Records as rows: the same keys for eyes and for programs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import date
from decimal import Decimal
from typing import Final

from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.options.weight_limits import GroupLimit, LimitBreach, SecurityLimit
from ordergen_client.records.states import PortfolioState, Side
from ordergen_client.records.values import Model, PortfolioRebalance, Rebalance, RebalancePosition
from ordergen_client.report.figures.exact import ratio
from ordergen_client.report.figures.portfolios import Figures, trade_value
from ordergen_client.showing.explanations import explanation_row

_DEFAULTS: Final = RebalanceOptions()
#: Of weights, which are quotients and need not end.
_PLACES: Final = 12
_NUMBERS: Final = (
    *("market_value", "cash_before", "cash_flow", "cash_after"),
    *("drift_before", "drift_after", "cost"),
)


def plain(value: object) -> object:
    """A value as JSON and YAML have it: a number that must stay exact is text, digit for digit."""
    match value:
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case Mapping() | SecurityLimit() | GroupLimit() | LimitBreach():
            pairs = value.items() if isinstance(value, Mapping) else _fields_of(value)
            return {str(key): plain(one) for key, one in pairs}
        case str():
            return str(value)
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            return value


def _fields_of(value: SecurityLimit | GroupLimit | LimitBreach) -> Iterator[tuple[str, object]]:
    return ((one.name, getattr(value, one.name)) for one in fields(value))


def model_row(model: Model) -> dict[str, object]:
    """A model without its positions."""
    return {
        "model_id": model.model_id,
        "name": model.name,
        "version": model.version,
        "positions_count": len(model.positions),
        "portfolios_count": len(model.portfolio_ids),
        "total_target": sum((one.target for one in model.positions), Decimal(0)),
        "last_rebalance_time": model.last_rebalance_time,
        "create_time": model.create_time,
        "update_time": model.update_time,
        "update_actor": model.update_actor,
    }


def position_rows(model: Model, tickers: Mapping[str, str]) -> list[dict[str, object]]:
    """The positions of a model, the largest target first, with the tickers that are known."""
    found = sorted(model.positions, key=lambda one: (-one.target, one.security_id))
    return [
        {
            "security_id": one.security_id,
            "ticker": tickers.get(one.security_id, ""),
            "target": one.target,
            "low_drift": one.low_drift,
            "high_drift": one.high_drift,
        }
        for one in found
    ]


def set_options(options: RebalanceOptions) -> dict[str, object]:
    """The options that are not as they are by default."""
    values = {one.name: getattr(options, one.name) for one in fields(options)}
    return {name: value for name, value in values.items() if value != getattr(_DEFAULTS, name)}


def run_row(run: Rebalance) -> dict[str, object]:
    """A run without its portfolios."""
    return {
        "model_id": run.model_id,
        "model_name": run.model_name,
        "model_version": run.model_version,
        "rebalance_id": run.rebalance_id,
        "state": run.state,
        "create_time": run.create_time,
        "finish_time": run.finish_time,
        "rebalance_date": run.rebalance_date,
        "actor": run.actor,
        "options": set_options(run.options) if run.options else None,
        "error": run.error.message if run.error else None,
        "portfolio_count": run.portfolio_count,
        "partial": run.partial,
        "draft": run.draft,
        "counts": dict(run.counts),
        "summary": asdict(run.summary) if run.summary else None,
        "review_counts": asdict(run.review_counts) if run.review_counts else None,
        "turnover_weight": run.summary.turnover_weight if run.summary else None,
        "version": run.version,
        "infeasible_or_failed": sum(
            run.counts.get(state, 0) for state in (PortfolioState.INFEASIBLE, PortfolioState.FAILED)
        ),
    }


def portfolio_row(portfolio: PortfolioRebalance, its: Figures) -> dict[str, object]:
    """What became of a portfolio, with its orders."""
    solution = portfolio.solution
    return {
        "portfolio_id": portfolio.portfolio_id,
        "portfolio_name": portfolio.portfolio_name,
        "state": portfolio.state,
        "status": solution.status if solution else None,
        **{name: getattr(portfolio, name) for name in _NUMBERS},
        "buys": its.buys,
        "sells": its.sells,
        "bought": its.bought,
        "sold": its.sold,
        "turnover": its.turnover,
        **review_row(portfolio),
        "objective": solution.objective if solution else None,
        "lower_bound": solution.lower_bound if solution else None,
        "settings_version": portfolio.settings_version or None,
        "frozen_count": portfolio.frozen_count,
        "transactions": [_order(line) for line in _traded(portfolio.positions)],
        "limit_breaches": list(portfolio.limit_breaches),
        "error": portfolio.error.message if portfolio.error else None,
    }


def review_row(portfolio: PortfolioRebalance) -> dict[str, object]:
    """Whether its orders may be sent, and what became of them."""
    review = portfolio.review
    return {
        "review": review.state if review else None,
        "order_state": portfolio.order_state,
    }


def whole_portfolio(portfolio: PortfolioRebalance, its: Figures) -> dict[str, object]:
    """What became of a portfolio, with all its lines."""
    positions = [line_row(portfolio, line) for line in portfolio.positions]
    row = portfolio_row(portfolio, its)
    review = portfolio.review
    people = {
        "approved_by": review.approved_by if review else (),
        "rejected_by": review.rejected_by if review else (),
    }
    return {
        "rebalance_id": portfolio.rebalance_id,
        **row,
        **people,
        **explanation_row(portfolio),
        "positions": positions,
    }


def order_rows(portfolio: PortfolioRebalance) -> Iterator[dict[str, object]]:
    """The orders of a portfolio, the largest value first."""
    orders = [_order(line) for line in _traded(portfolio.positions)]
    named = {"portfolio_id": portfolio.portfolio_id, "portfolio_name": portfolio.portfolio_name}
    for order in sorted(orders, key=_largest_first):
        yield {**named, **order}


def line_row(portfolio: PortfolioRebalance, line: RebalancePosition) -> dict[str, object]:
    """One security of a portfolio: its band, its weights before and after, its order, and why."""
    given = {one.name: getattr(line, one.name) for one in fields(line)}
    value = portfolio.base_value or Decimal(0)
    return {
        **given,
        "good_until": asdict(line.good_until) if line.good_until else None,
        "low": line.target - line.low_drift,
        "high": line.target + line.high_drift,
        "weight_before": _weight(line.original_market_value, value),
        "weight_after": _weight(line.adjusted_market_value, value),
        "side": _side(line),
        "quantity": abs(line.trade_quantity) or None,
        "value": trade_value(line) if line.trade_quantity else None,
    }


def _weight(part: Decimal | None, whole: Decimal) -> Decimal | None:
    found = None if part is None else ratio(part, whole)
    return None if found is None else round(found, _PLACES)


def _order(line: RebalancePosition) -> dict[str, object]:
    return {
        "side": _side(line),
        "ticker": line.ticker,
        "security_id": line.security_id,
        "quantity": abs(line.trade_quantity),
        "price": line.price,
        "value": trade_value(line),
        "trade_date": line.trade_date,
    }


def _side(line: RebalancePosition) -> Side | None:
    if not line.trade_quantity:
        return None
    return Side.BUY if line.trade_quantity > 0 else Side.SELL


def _traded(lines: Iterable[RebalancePosition]) -> Iterator[RebalancePosition]:
    return (line for line in lines if line.trade_quantity)


def _largest_first(order: Mapping[str, object]) -> tuple[Decimal, str]:
    return -Decimal(str(order["value"])), str(order["security_id"])
