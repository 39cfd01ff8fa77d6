"""Runs and portfolios as JSON for programs: numbers are strings, digit for digit."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal

from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceOptions, RebalancePosition

_NUMBERS = "market_value", "cash_before", "cash_after", "drift_before", "drift_after"
_DEFAULTS = RebalanceOptions()


def run_as_json(run: Rebalance, portfolios: Iterable[PortfolioRebalance]) -> str:
    """A run and its portfolios as one line of JSON."""
    return "".join(run_in_parts(run, portfolios))


def run_in_parts(run: Rebalance, portfolios: Iterable[PortfolioRebalance]) -> Iterator[str]:
    """The same in parts, of which no one has more than a portfolio."""
    yield f'{json.dumps(_run(run))[:-1]}, "portfolios": ['
    for place, portfolio in enumerate(portfolios):
        yield f"{', ' if place else ''}{json.dumps(_portfolio(portfolio))}"
    yield "]}"


def runs_as_json(runs: Iterable[Rebalance]) -> str:
    """Runs as one line of JSON."""
    return json.dumps({"rebalances": [_run(run) for run in runs]})


def portfolio_as_json(portfolio: PortfolioRebalance) -> str:
    """A portfolio with its lines as one line of JSON."""
    lines = [_line(position) for position in portfolio.positions]
    return json.dumps({"rebalance_id": portfolio.rebalance_id, **_portfolio(portfolio), "positions": lines})


def set_options(options: RebalanceOptions) -> dict[str, object]:
    """The options that are not as they are by default, as JSON has them."""
    values = {one.name: getattr(options, one.name) for one in fields(options)}
    return {name: _plain(value) for name, value in values.items() if value != getattr(_DEFAULTS, name)}


def _run(run: Rebalance) -> dict[str, object]:
    return {
        "model_id": run.model_id,
        "model_name": run.model_name,
        "model_version": run.model_version,
        "rebalance_id": run.rebalance_id,
        "state": run.state,
        "create_time": run.create_time.isoformat(),
        "finish_time": run.finish_time.isoformat() if run.finish_time else None,
        "rebalance_date": run.rebalance_date.isoformat(),
        "actor": run.actor,
        "options": set_options(run.options) if run.options else None,
        "error": run.error.message if run.error else None,
        "portfolio_count": run.portfolio_count,
        "counts": dict(run.counts),
    }


def _portfolio(portfolio: PortfolioRebalance) -> dict[str, object]:
    solution = portfolio.solution
    return {
        "portfolio_id": portfolio.portfolio_id,
        "state": portfolio.state,
        "status": solution.status if solution else None,
        **{name: _plain(getattr(portfolio, name)) for name in _NUMBERS},
        "objective": _plain(solution.objective) if solution else None,
        "lower_bound": _plain(solution.lower_bound) if solution else None,
        "transactions": [
            {"side": trade.side, "security_id": trade.security_id, "quantity": trade.quantity}
            for trade in portfolio.transactions
        ],
        "error": portfolio.error.message if portfolio.error else None,
    }


def _line(position: RebalancePosition) -> dict[str, object]:
    return {one.name: _plain(getattr(position, one.name)) for one in fields(position)}


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case Mapping():
            return dict(value)
    return value
