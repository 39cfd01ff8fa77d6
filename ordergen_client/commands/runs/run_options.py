"""How a run is to rebalance, as options of a command."""

from collections.abc import Mapping
from typing import Any, Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.shared.decimals import money, seconds, weight
from ordergen_client.commands.shared.limits import group_limits, security_limits
from ordergen_client.commands.shared.securities import by_security, restriction
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.states import OpenOrders, Restriction, Sides, Strategy, Unpriced

_HOW: Final = (
    click.option(
        "--strategy",
        type=click.Choice([str(one) for one in Strategy], case_sensitive=False),
        default="TO_TARGET",
        show_default=True,
        help="TO_BAND trades the least that brings every position inside its band.",
    ),
    click.option("--minimum-cash", type=money, help="Cash to keep, in money."),
    click.option("--minimum-cash-weight", type=weight, help="Cash to keep, as a weight: 0.02 or 2%."),
    click.option("--allow-overdraft", is_flag=True, help="Do not check cash at all."),
    click.option("--minimum-trade-value", type=money, help="No smaller trades, in money."),
    click.option(
        "--restrict",
        "restrictions",
        multiple=True,
        metavar="SECURITY=HOLD",
        help="What may not be done with a security: DO_NOT_BUY, DO_NOT_SELL or HOLD. Repeatable.",
    ),
    click.option(
        "--lot",
        "lots",
        multiple=True,
        metavar="SECURITY=SHARES",
        help="Shares in a lot of a security. Repeatable.",
    ),
    click.option(
        "--buy-lot",
        "buy_lots",
        multiple=True,
        metavar="SECURITY=SHARES",
        help="Shares in a lot of a security when it is bought; any number may be sold. Repeatable.",
    ),
    click.option(
        "--sides",
        type=click.Choice([str(one) for one in Sides], case_sensitive=False),
        default="BUY_AND_SELL",
        show_default=True,
        help="BUY_ONLY invests cash and sells nothing; SELL_ONLY raises cash and buys nothing.",
    ),
    click.option("--maximum-turnover", type=weight, help="Buys and sells at most, as a weight: 0.1 or 10%."),
    click.option(
        "--maximum-trades", type=click.IntRange(0, 2**31 - 1), help="Orders of a portfolio at most."
    ),
    click.option(
        "--cost-rate", type=weight, help="What a trade costs beyond its value, as a weight: 0.001 or 0.1%."
    ),
    click.option("--cost-per-trade", type=money, help="What a trade costs besides, in money."),
    click.option(
        "--security-limit",
        "security_limits",
        multiple=True,
        metavar="SECURITY=MIN:MAX",
        help="Weight of a security after the trades: 0.02:0.1, 2%:10%, :10% or 2%:. Repeatable.",
    ),
    click.option(
        "--group-limit",
        "group_limits",
        multiple=True,
        metavar="NAME=MIN:MAX=SECURITY,...",
        help="Weight of securities together after the trades. Repeatable.",
    ),
    click.option("--solver-timeout", type=seconds, help="Seconds for a portfolio."),
    click.option(
        "--maximum-price-age",
        type=click.IntRange(0, 3650),
        metavar="DAYS",
        help="How many days before the run a price may be of. Who needs an older one is FAILED.",
    ),
    click.option(
        "--open-orders",
        type=click.Choice([str(one) for one in OpenOrders], case_sensitive=False),
        help="Who has open orders: REFUSE lets them fail, COUNT takes the orders as filled, IGNORE does not"
        " look. The server's choice is REFUSE where it has an order service.",
    ),
    click.option(
        "--unpriced",
        type=click.Choice([str(one) for one in Unpriced], case_sensitive=False),
        default="FAIL",
        show_default=True,
        help="FREEZE leaves what has no usable price as it is, and rebalances the rest.",
    ),
)
#: Of the shares in a lot.
_DIGITS: Final = 18


def with_run_options(command: Any) -> Any:  # noqa: ANN401 - a click command's function
    """The options of a run; a command takes them as they are, for `run_options`."""
    for option in reversed(_HOW):
        command = option(command)
    return command


def run_options(client: Client, how: Mapping[str, Any]) -> RebalanceOptions:
    """The options, with securities by their ids. Raises click.UsageError for what cannot be."""
    restrictions = by_security(client, how["restrictions"], "--restrict", Restriction.HOLD)
    lots = by_security(client, how["lots"], "--lot", "100")
    buy_lots = by_security(client, how["buy_lots"], "--buy-lot", "100")
    try:
        return RebalanceOptions(
            minimum_cash_amount=how["minimum_cash"],
            minimum_cash_weight=how["minimum_cash_weight"],
            allow_overdraft=how["allow_overdraft"],
            solver_timeout_seconds=how["solver_timeout"],
            strategy=Strategy(how["strategy"].upper()),
            minimum_trade_value=how["minimum_trade_value"],
            restrictions={key: restriction(value) for key, value in restrictions.items()},
            lot_sizes={key: _shares(value) for key, value in lots.items()},
            buy_lot_sizes={key: _shares(value) for key, value in buy_lots.items()},
            sides=Sides(how["sides"].upper()),
            maximum_turnover_weight=how["maximum_turnover"],
            maximum_trade_count=how["maximum_trades"],
            cost_rate_weight=how["cost_rate"],
            cost_per_trade_amount=how["cost_per_trade"],
            maximum_price_age_days=how["maximum_price_age"],
            security_limits=security_limits(client, how["security_limits"]),
            group_limits=group_limits(client, how["group_limits"]),
            open_orders=OpenOrders(how["open_orders"].upper()) if how["open_orders"] else None,
            unpriced=Unpriced(how["unpriced"].upper()),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _shares(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ValueError(f"a lot: {text!r} is no whole number of shares")
    return int(text)
