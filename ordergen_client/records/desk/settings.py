"""Settings of portfolios, as records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from ordergen_client.records.checks import day, text
from ordergen_client.records.options.weight_limits import SecurityLimit
from ordergen_client.records.states import Restriction


@dataclass(frozen=True, slots=True, init=False)
class DoNotTrade:
    """A portfolio is not to be traded, up to and including a day (UTC); None is without end.

    Raises:
        TypeError: the reason is no text, or the day no date.
    """

    reason: str
    until: date | None

    def __init__(self, reason: str, until: date | None = None) -> None:
        object.__setattr__(self, "reason", text(reason, "reason"))
        object.__setattr__(self, "until", None if until is None else day(until, "until"))


@dataclass(frozen=True, slots=True)
class PortfolioSettings:
    """What is to hold for a portfolio in every run; of a setting and an option of the run the stricter does.

    Attributes:
        do_not_trade: why, and how long, it is not to be traded; None where it may be.
        minimum_cash_amount: cash to keep, in money.
        minimum_cash_weight: cash to keep, as a weight of market value; the greater of the two holds.
        minimum_trade_value: no smaller trades, in money; full exits and repairs of a band or of a security's
            limit are exempt.
        restrictions: what may not be done, by security id.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value.
        note: for people.
        version: counts the changes, from 1.
        actor: who made the last change.
        security_limits: what a security may be worth after the trades, by security id.
    """

    portfolio_id: str
    do_not_trade: DoNotTrade | None
    minimum_cash_amount: Decimal | None
    minimum_cash_weight: Decimal | None
    minimum_trade_value: Decimal | None
    maximum_turnover_weight: Decimal | None
    note: str
    version: int
    create_time: datetime
    update_time: datetime
    actor: str = ""
    restrictions: Mapping[str, Restriction] = field(default_factory=dict)
    security_limits: Mapping[str, SecurityLimit] = field(default_factory=dict)
