"""What any transport reads of a portfolio, checked into the domain's Holdings."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from ordergen_server.domain.market import Holdings
from ordergen_server.siblings.failures import Flaw, bad_data, shown
from ordergen_server.siblings.readers import PORTFOLIO_ACCOUNTING

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Line:
    """One holding as it was answered, `path` being where in the answer it stands."""

    path: str
    security_id: str | Flaw
    quantity: Decimal | Flaw


@dataclass(frozen=True, slots=True)
class Summary:
    """A portfolio as it was answered; `portfolio_path` is how the answer calls the field of its id."""

    portfolio_path: str
    portfolio_id: str | Flaw
    cash: Decimal | Flaw
    lines: Iterable[Line]


def new_holdings(portfolio_id: str) -> Holdings:
    """The holdings of a portfolio that has no record yet."""
    return Holdings(portfolio_id, Decimal(0), {}, is_new=True)


def checked_holdings(portfolio_id: str, summary: Summary | Flaw) -> Holdings:
    """The holdings that were answered for `portfolio_id`.

    Raises:
        BadData: something in the answer cannot be; the first of it is named.
    """
    if isinstance(summary, Flaw):
        raise bad_data(PORTFOLIO_ACCOUNTING, portfolio_id, summary, "Portfolio")
    answered = _sound(portfolio_id, summary.portfolio_id)
    if answered != portfolio_id:
        flaw = Flaw(summary.portfolio_path, f"must be the portfolio asked for, not {shown(repr(answered))}")
        raise bad_data(PORTFOLIO_ACCOUNTING, portfolio_id, flaw, "Portfolio")
    return Holdings(
        portfolio_id, _sound(portfolio_id, summary.cash), _quantities(portfolio_id, summary.lines)
    )


def _quantities(portfolio_id: str, lines: Iterable[Line]) -> dict[str, Decimal]:
    quantities: dict[str, Decimal] = {}
    for line in lines:
        security_id = _sound(portfolio_id, line.security_id)
        if security_id in quantities:
            flaw = Flaw(line.path, f"must have security {shown(repr(security_id))} once, and has it again")
            raise bad_data(PORTFOLIO_ACCOUNTING, portfolio_id, flaw, "Portfolio")
        if isinstance(line.quantity, Flaw):
            raise bad_data(PORTFOLIO_ACCOUNTING, security_id, line.quantity)
        quantities[security_id] = line.quantity
    return quantities


def _sound(portfolio_id: str, value: Value | Flaw) -> Value:
    if isinstance(value, Flaw):
        raise bad_data(PORTFOLIO_ACCOUNTING, portfolio_id, value, "Portfolio")
    return value
