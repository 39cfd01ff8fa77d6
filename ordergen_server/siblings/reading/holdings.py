"""What any transport reads of a portfolio, checked into the domain's Holdings."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from ordergen_server.domain.market import Holdings
from ordergen_server.siblings.calling.failures import Flaw, bad_data, shown
from ordergen_server.siblings.reading.readers import PORTFOLIO_ACCOUNTING

Value = TypeVar("Value")


#: A security's id and its net quantity as they were answered; a flaw's path is that within the line.
Line = tuple[str | Flaw, Decimal | Flaw]


@dataclass(frozen=True, slots=True)
class Summary:
    """A portfolio as it was answered.

    Attributes:
        portfolio_path: how the answer calls the field of its id.
        lines: its holdings, in the order of the answer's field `lines_path`.
    """

    portfolio_path: str
    portfolio_id: str | Flaw
    cash: Decimal | Flaw
    lines: Sequence[Line]
    lines_path: str = "securities"


def new_holdings(portfolio_id: str) -> Holdings:
    """The holdings of a portfolio that has no record yet."""
    return Holdings(portfolio_id, Decimal(0), {})


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
    return Holdings(portfolio_id, _sound(portfolio_id, summary.cash), _quantities(portfolio_id, summary))


def _quantities(portfolio_id: str, summary: Summary) -> dict[str, Decimal]:
    path, quantities = summary.lines_path, dict[str, Decimal]()
    for index, (security_id, quantity) in enumerate(summary.lines):
        if isinstance(security_id, Flaw):
            raise bad_data(PORTFOLIO_ACCOUNTING, portfolio_id, _within(path, index, security_id), "Portfolio")
        if security_id in quantities:
            flaw = Flaw(f"{path}[{index}]", f"must have {shown(repr(security_id))} once, and has it again")
            raise bad_data(PORTFOLIO_ACCOUNTING, portfolio_id, flaw, "Portfolio")
        if isinstance(quantity, Flaw):
            raise bad_data(PORTFOLIO_ACCOUNTING, security_id, _within(path, index, quantity))
        quantities[security_id] = quantity
    return quantities


def _within(path: str, index: int, flaw: Flaw) -> Flaw:
    """The flaw of a line as one of the whole answer; only now is its path worth writing."""
    return Flaw(f"{path}[{index}].{flaw.path}", flaw.rule)


def _sound(portfolio_id: str, value: Value | Flaw) -> Value:
    if isinstance(value, Flaw):
        raise bad_data(PORTFOLIO_ACCOUNTING, portfolio_id, value, "Portfolio")
    return value
