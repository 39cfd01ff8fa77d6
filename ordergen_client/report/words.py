"""Runs in words that need no manual."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.options.weight_limits import GroupLimit, SecurityLimit
from ordergen_client.records.values import Rebalance
from ordergen_client.report.figures.attention import Attention
from ordergen_client.report.figures.exact import money, percent
from ordergen_client.report.figures.totals import Totals

STATES: Final = {
    "REBALANCED": "Rebalanced",
    "NO_ACTION": "No trade needed",
    "INFEASIBLE": "No whole shares fit",
    "FAILED": "Failed",
    "SKIPPED": "Not tried",
}
RUN_STATES: Final = {
    "RUNNING": "Running",
    "COMPLETED": "Completed",
    "COMPLETED_WITH_ERRORS": "Completed, with errors",
    "FAILED": "Stopped",
    "CANCELLED": "Cancelled",
}
_ONE_SIDED: Final = {
    "BUY_ONLY": "Nothing is sold; what only a sale could mend stays as it is",
    "SELL_ONLY": "Nothing is bought; what only a purchase could mend stays as it is",
}
_OPEN_ORDERS: Final = {
    "": "Not looked at",
    "REFUSE": "Who has some is not rebalanced",
    "COUNT": "Counted as filled",
    "IGNORE": "Not looked at",
}
_UNPRICED: Final = {
    "FAIL": "A security fails the portfolios that need its price",
    "FREEZE": "A security is frozen: it stays as it is, and counts nothing",
}
_RESTRICTIONS: Final = {"DO_NOT_BUY": "not bought", "DO_NOT_SELL": "not sold", "HOLD": "not traded"}


def counted(number: int, one: str, many: str = "") -> str:
    """A number and its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def headline(totals: Totals, attention: Attention) -> str:
    """The run in two sentences."""
    if not totals.portfolios:
        return "No portfolio was in this run: there is nothing to trade."
    trading = totals.states["REBALANCED"]
    told = (
        f"{trading:,} of {counted(totals.portfolios, 'portfolio')} {'trades' if trading == 1 else 'trade'}."
    )
    if attention.portfolios:
        needs = "needs" if attention.portfolios == 1 else "need"
        return f"{told} {attention.portfolios:,} {needs} a look before anything is traded."
    if totals.answered and totals.proven == totals.answered:
        return f"{told} Every answer is proven: no better whole-share orders exist."
    return told


def frozen(totals: Totals) -> str:
    """What has no usable price."""
    held = f"{counted(totals.frozen, 'position')} of {counted(totals.freezing, 'portfolio')}"
    return f"{held} without a usable price, kept as held: in no market value, weight or drift"


def base_name(totals: Totals) -> str:
    """What weights of a run are of."""
    return "market value plus cash flows" if totals.flows else "market value"


def options(given: RebalanceOptions | None, tickers: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each option and what it asks for, those that were left as they are by default included."""
    if given is None:
        yield "Options", "Not known"
        return
    to_band = given.strategy == "TO_BAND"
    yield (
        "Aim",
        "The least turnover that brings every security inside its band"
        if to_band
        else "The least drift: every security as near to its target as whole shares allow",
    )
    yield "Cash to keep", _cash(given)
    yield "Smallest trade", _or_none(given.minimum_trade_value, money)
    yield "Most turnover", _or_none(given.maximum_turnover_weight, _of_value)
    count = given.maximum_trade_count
    yield "Most trades of a portfolio", "No limit" if count is None else f"{count:,}"
    yield "Costs of a trade", _costs(given)
    days = given.maximum_price_age_days
    yield "Oldest price", "Any" if days is None else f"Of {counted(days, 'day')} before the run's date"
    yield "Open orders", _OPEN_ORDERS.get(given.open_orders or "", str(given.open_orders))
    yield "Without a usable price", _UNPRICED.get(given.unpriced, str(given.unpriced))
    yield (
        "Restrictions",
        _listed(tickers, {key: _RESTRICTIONS[one] for key, one in given.restrictions.items()}),
    )
    lots = {key: f"lots of {one:,}" for key, one in given.lot_sizes.items()}
    lots |= {key: f"lots of {one:,} when bought" for key, one in given.buy_lot_sizes.items()}
    yield "Lots", _listed(tickers, lots)
    if given.sides in _ONE_SIDED:
        yield "Sides", _ONE_SIDED[given.sides]
    yield (
        "Limits of securities",
        _listed(tickers, {key: _weights(one) for key, one in given.security_limits.items()}),
    )
    groups = (
        f"{name} ({', '.join(tickers.get(key, key) for key in one.security_ids)}): {_weights(one)}"
        for name, one in given.group_limits.items()
    )
    yield "Limits of groups", "; ".join(groups) or "None"
    seconds = given.solver_timeout_seconds
    yield "Time for one portfolio", "As the server has it" if seconds is None else f"{seconds:g} s at most"


def _weights(limit: SecurityLimit | GroupLimit) -> str:
    sides = (("at least", limit.minimum_weight), ("at most", limit.maximum_weight))
    return ", ".join(f"{side} {_of_value(weight)}" for side, weight in sides if weight is not None)


def _cash(given: RebalanceOptions) -> str:
    if given.allow_overdraft:
        return "Not checked: an overdraft is allowed"
    amount, weight = given.minimum_cash_amount, given.minimum_cash_weight
    found = [money(amount)] if amount is not None else []
    found += [_of_value(weight)] if weight is not None else []
    return (
        " or ".join(found) + (", the greater of the two" if len(found) > 1 else "") if found else "0 or more"
    )


def _costs(given: RebalanceOptions) -> str:
    rate, amount = given.cost_rate_weight, given.cost_per_trade_amount
    found = [f"{percent(rate)} of its value"] if rate else []
    found += [money(amount)] if amount else []
    return " and ".join(found) or "None"


def _of_value(weight: Decimal) -> str:
    return f"{percent(weight)} of market value"


def _or_none(value: Decimal | None, shown: Callable[[Decimal], str]) -> str:
    return "No limit" if value is None else shown(value)


def _listed(tickers: dict[str, str], told: dict[str, str]) -> str:
    return "; ".join(f"{tickers.get(key, key)}: {one}" for key, one in told.items()) or "None"


def time(value: datetime | None) -> str:
    """To the second."""
    return "not yet" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def proof(run: Rebalance) -> str:
    """What PROVEN_OPTIMAL means."""
    to_band = run.options is not None and run.options.strategy == "TO_BAND"
    aim = "trade less and bring every security inside its band" if to_band else "come nearer to the model"
    return (
        "Proven means: of all whole-share orders that keep every band, the cash and the options of this "
        f"run, none {aim}; what was found equals a bound that no orders can pass."
    )


def model(run: Rebalance) -> str:
    """The model that was applied."""
    version = f"version {run.model_version}" if run.model_version else "its version is not known"
    draft = ", with the positions of a draft" if run.draft else ""
    return f"{run.model_name or '–'}, {version}{draft}"  # noqa: RUF001 - an en dash


def extent(run: Rebalance) -> str:
    """Which portfolios of the model a run was over, where those are some that were asked for; or empty."""
    return "some of the model's portfolios" if run.partial else ""
