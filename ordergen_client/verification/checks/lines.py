"""What must hold of each line of a solved portfolio."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from ordergen_client.verification.checks.options import Options
from ordergen_client.verification.checks.weights import Weighed
from ordergen_client.verification.findings import Check, holds
from ordergen_client.verification.reading.numbers import digits
from ordergen_client.verification.reading.records import Date, Line

#: Decimals of weights.
PLACES = 4
_EQUATIONS = (
    "adjusted_quantity = original_quantity + trade",
    "original_market_value = quantity x price",
    "adjusted_market_value = quantity x price",
    "actual = value / (market value + cash flow), 4 decimals",
    "actual_drift = 1 - weight / target, 4 decimals",
    "trade_date = rebalance_date of the run",
    "cost of the trade",
)


class Worth(NamedTuple):
    """What a line is worth, in money, computed anew.

    Attributes:
        before: of what was held.
        after: of what is held after the trade.
        wanted: market value plus cash flow, times target.
    """

    before: Fraction
    after: Fraction
    wanted: Fraction


def worth_of(line: Line, base: Fraction) -> Worth:
    """The values of a line; `base` is what weights are of: market value plus cash flow."""
    after = line.original_quantity + line.trade.shares
    return Worth(line.original_quantity * line.price, after * line.price, base * line.target)


def line_checks(
    line: Line, worth: Worth, base: Fraction, options: Options, date: Date, *, has_settings: bool
) -> Iterator[Check]:
    """Every number of a line, its band, and what the options demand of its trade.

    Settings are not in an export: what they may have done is taken for true.
    """
    shares = line.trade.shares
    after = line.original_quantity + shares
    weight = worth.after / base
    found = (
        line.adjusted_quantity,
        line.original_market_value,
        line.adjusted_market_value,
        line.actual,
        line.actual_drift,
        line.trade.date,
        line.cost,
    )
    expected = (
        after,
        worth.before,
        worth.after,
        round(weight, PLACES),
        round(1 - weight / line.target, PLACES) if line.target else None,
        date if shares else None,
        options.cost(abs(shares) * line.price) if shares and options.has_costs else None,
    )
    if found != expected:  # so that what is right, as nearly all is, costs no more than this
        yield from map(Check, _EQUATIONS, found, expected)
    if not line.target and not line.original_quantity:
        yield Check("quantity outside the model", line.original_quantity, "not 0")
    yield from _band(line, after, weight, options)
    if options.maximum_price_age_days is not None:
        yield _age(line.price_date, options.maximum_price_age_days, date)
    if shares:
        yield from _trade(line, after, options)
        # A repair of a limit of the settings may be less.
        if abs(after) >= 1 and not has_settings and _needs_no_repair(line, base, options):
            yield from _least_trade(line, options)
    yield from _reason(line, worth, options)


def _age(found: Date | None, days: int, date: Date) -> Check:
    oldest = dt.date(*date) - dt.timedelta(days=days)
    fresh = found is not None and dt.date(*found) >= oldest
    return holds("price_date", found, f"{oldest} or later", when=fresh)


def _is_inside(line: Line, quantity: Fraction, weight: Fraction) -> bool:
    """Whether so many shares are inside the band; outside the model that is less than one share."""
    if line.target - line.low_drift <= weight <= line.target + line.high_drift:
        return quantity >= 0
    return line.target + line.high_drift == 0 <= quantity < 1


def _band(line: Line, after: Fraction, weight: Fraction, options: Options) -> Iterator[Check]:
    """Inside the band, or the trade that would bring it there is forbidden: then it stays.

    Restrictions of settings are not in an export: what they are said to be is taken for true.
    """
    if _is_inside(line, after, weight):
        return
    needed = 1 if after < 0 or weight < line.target - line.low_drift else -1
    by_settings = line.by_settings and line.reason == "RESTRICTED"
    if line.trade.shares or not (by_settings or options.forbids(line.security_id, needed)):
        low, high = max(Fraction(0), line.target - line.low_drift), line.target + line.high_drift
        found = weight if weight.denominator < 10**12 else round(weight, 12)
        yield Check("weight inside its band", found, f"{digits(low)} to {digits(high)}")


def _trade(line: Line, after: Fraction, options: Options) -> Iterator[Check]:
    """Restrictions, sides, and lots, from which what closes a position is exempt."""
    shares = line.trade.shares
    if options.forbids(line.security_id, shares):
        rule = options.restrictions.get(line.security_id) or f"no {options.forbidden}"
        yield Check("restriction", shares, rule)
    if abs(after) < 1:
        return
    free = shares < 0 and line.security_id in options.lots_of_buys
    lot = 1 if free else options.lots.get(line.security_id, 1)
    yield holds("lot size", shares, f"a multiple of {lot}", when=shares % lot == 0)


def _least_trade(line: Line, options: Options) -> Iterator[Check]:
    least, value = options.minimum_trade_value, abs(line.trade.shares) * line.price
    if least is not None:
        yield holds("minimum trade value", value, f"at least {digits(least)}", when=value >= least)


def _needs_no_repair(line: Line, base: Fraction, options: Options) -> bool:
    """Whether what was held was inside its band, and within the limit of its weight."""
    limit = options.security_limits.get(line.security_id)
    held = Weighed(line.original_quantity, line.price)
    is_kept = limit is None or limit.excess([held], base) == 0
    return is_kept and _is_inside(line, held.quantity, held.value / base)


class _Story(NamedTuple):
    line: Line
    worth: Worth
    options: Options

    @property
    def shares(self) -> int:
        return self.line.trade.shares

    @property
    def is_nearest(self) -> bool:
        return 2 * abs(self.worth.wanted - self.worth.after) <= self.line.price


#: What each reason says, where that can be seen from the line.
_REASONS: Mapping[str, Callable[[_Story], bool]] = {
    "TRADED_TO_TARGET": lambda it: it.shares != 0 and it.worth.after == it.worth.wanted,
    "ROUNDED_TO_NEAREST_SHARE": lambda it: it.shares != 0 and it.is_nearest,
    "CLIPPED_AT_BAND": lambda it: it.shares != 0 and not it.is_nearest,
    "ALREADY_NEAREST": lambda it: it.shares == 0,
    "REDUCED_FOR_CASH": lambda it: it.line.by_settings or not it.options.allow_overdraft,
    "NOT_IN_MODEL": lambda it: it.line.target == 0,
    "RESTRICTED": lambda it: it.line.by_settings or it.line.security_id in it.options.restrictions,
    "BELOW_MINIMUM_TRADE": lambda it: it.line.by_settings or it.options.minimum_trade_value is not None,
    "ROUNDED_TO_LOT": lambda it: it.line.security_id in it.options.lots,
    "FRACTIONAL_RESIDUAL": lambda it: it.line.target == 0,
    "TURNOVER_LIMIT": lambda it: it.line.by_settings or it.options.maximum_turnover_weight is not None,
    "TRADE_COUNT_LIMIT": lambda it: it.options.maximum_trade_count is not None,
    "TRADED_TO_BAND": lambda it: it.shares != 0 and it.options.to_band,
    "INSIDE_BAND": lambda it: it.shares == 0 and it.options.to_band,
    "SIDES": lambda it: it.options.forbidden != "",
    "COSTS": lambda it: it.shares == 0 and it.options.has_costs and it.worth.after > it.worth.wanted,
    "SECURITY_LIMIT": lambda it: it.line.by_settings or it.line.security_id in it.options.security_limits,
    "GROUP_LIMIT": lambda it: any(
        one.group and it.line.security_id in one.security_ids for one in it.options.weights
    ),
}


def _reason(line: Line, worth: Worth, options: Options) -> Iterator[Check]:
    rule = _REASONS.get(line.reason)
    if rule is None:
        yield Check("reason", line.reason, "one that is known here")
    elif not rule(_Story(line, worth, options)):
        yield Check("reason", line.reason, "one that fits the line")
