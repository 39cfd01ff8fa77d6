"""A line of a portfolio in a run of the service before, as one of ours.

What follows from other numbers (values, weights, drift) is not taken but computed when it is read, as of
every run of ours. What the document says of it must be the same, to the digits that the service before kept:
otherwise its numbers contradict each other.
"""

from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from ordergen_server.domain.models import check_position
from ordergen_server.domain.rebalances.lines import UNKNOWN_REASON, RebalancePosition, RunSecurity
from ordergen_server.legacy.fields import Fields
from ordergen_server.legacy.flaws import Flaws
from ordergen_server.legacy.models import weights_of

#: It computes with the digits of Python's Decimals.
_ITS_DIGITS = Context(prec=28)
#: Its weights and drifts were rounded to four decimals at times.
_ROUNDED = Fraction(1, 20_000)
#: Behind the point of a Decimal128, at most: weights are looked at and not kept, and small ones have many.
DECIMAL128_PLACES = 6176
_SIGNS = {"BUY": 1, "SELL": -1}


class Line(NamedTuple):
    """A line, and the day of its trade where it has one."""

    position: RebalancePosition
    trade_date: date | None


def line_of(fields: Fields, flaws: Flaws) -> Line:
    """The line of a document; not to be used where there are flaws.

    Its ticker, and why it trades or not, are not known.
    """
    weights = weights_of(fields)
    check_position(weights, fields.path(), flaws)
    security = RunSecurity(
        security_id=weights.security_id,
        ticker="",
        price=fields.price("price"),
        target=weights.target,
        low_drift=weights.low_drift,
        high_drift=weights.high_drift,
    )
    trade = _trade(fields)
    position = RebalancePosition(security, fields.amount("original_quantity"), trade, UNKNOWN_REASON)
    if fields.amount("adjusted_quantity") != position.adjusted_quantity:
        rule = f"must be original_quantity and what is traded, {position.adjusted_quantity}"
        fields.flaw("adjusted_quantity", rule, fields.value("adjusted_quantity"))
    elif security.price > 0:
        for name in ("original", "adjusted"):
            _check_value(fields, f"{name}_position_market_value", getattr(position, f"{name}_market_value"))
    return Line(position, _trade_date(fields, traded=trade != 0))


def check_weight(fields: Fields, position: RebalancePosition, market_value: Decimal) -> None:
    """Check what a document says of the weight of a line in a market value, above 0, by its numbers."""
    weight = Fraction(position.adjusted_market_value) / Fraction(market_value)
    target = Fraction(position.security.target)
    drift = weight / target - 1 if target else Fraction(0)
    _check_ratio(fields, "actual", weight, weight)
    # Its first releases had the other sign.
    _check_ratio(fields, "actual_drift", drift, -drift)


def _trade(fields: Fields) -> int:
    """Whole shares bought (above 0) or sold (below 0)."""
    if not fields.has("transaction_type"):
        if fields.has("trade_quantity"):
            fields.flaw("trade_quantity", "needs a transaction_type", fields.value("trade_quantity"))
        return 0
    sign = _SIGNS.get(fields.text("transaction_type"))
    if sign is None:
        fields.flaw("transaction_type", "must be BUY or SELL", fields.value("transaction_type"))
    return (sign or 0) * fields.whole("trade_quantity")


def _trade_date(fields: Fields, *, traded: bool) -> date | None:
    if traded:
        return fields.needed_time("trade_date").date()
    if fields.has("trade_date"):
        fields.flaw("trade_date", "needs a transaction_type", fields.value("trade_date"))
    return None


def _check_value(fields: Fields, name: str, expected: Decimal) -> None:
    if fields.has(name):
        found = fields.number(name)
        if found not in (expected, _ITS_DIGITS.plus(expected)):
            fields.flaw(name, f"must be the quantity at the price, {expected}", found)


def _check_ratio(fields: Fields, name: str, *expected: Fraction) -> None:
    if fields.has(name):
        found = fields.number(name, DECIMAL128_PLACES)
        if all(abs(Fraction(found) - one) > _ROUNDED for one in expected):
            fields.flaw(name, f"must be {float(expected[0]):.4f}, as its other numbers have it", found)
