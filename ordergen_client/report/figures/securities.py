"""The securities of a run, what all portfolios together trade of each, and the largest single trades."""

from dataclasses import dataclass
from decimal import Decimal
from heapq import heappush, heappushpop
from itertools import count

from ordergen_client.records.values import PortfolioRebalance, RebalancePosition
from ordergen_client.report.figures.exact import ZERO, digits, minus, plus
from ordergen_client.report.figures.portfolios import trade_value
from ordergen_client.telling.reasons import reason as in_words

#: How many of the largest trades are told.
LARGEST = 20


@dataclass(slots=True)
class Security:
    """One security as the run has it, and what is traded of it in money and shares.

    Attributes:
        price: None where it has none that is usable, so that it is frozen.
    """

    security_id: str
    ticker: str
    price: Decimal | None
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    shares_bought: int = 0
    shares_sold: int = 0

    @property
    def net(self) -> Decimal:
        """What is bought less what is sold, in money."""
        return minus(self.bought, self.sold)


@dataclass(frozen=True, slots=True)
class Trade:
    """One order of one portfolio."""

    portfolio_id: str
    portfolio_name: str
    ticker: str
    shares: int
    price: Decimal
    value: Decimal
    weight: Decimal


class Securities:
    """What lines refer to by number: securities and reasons."""

    def __init__(self) -> None:
        self._securities: list[Security] = []
        self._numbers: dict[str, list[int]] = {}
        self._reasons: dict[str, int] = {}
        self._largest: list[tuple[Decimal, int, Trade]] = []
        self._order = count(0, -1)

    def add(self, portfolio: PortfolioRebalance) -> None:
        """Count what one more portfolio trades."""
        for line in portfolio.positions:
            if line.trade_quantity:
                self._add_trade(portfolio, line, self._securities[self.index(line)])

    def index(self, line: RebalancePosition) -> int:
        """The number of its security: one number has one price, target and band."""
        numbers = self._numbers.setdefault(line.security_id, [])
        for number in numbers:
            if _is_of(line, self._securities[number]):
                return number
        numbers.append(len(self._securities))
        self._securities.append(
            Security(line.security_id, line.ticker, line.price, line.target, line.low_drift, line.high_drift)
        )
        return numbers[-1]

    def reason(self, line: RebalancePosition) -> int:
        """The number of a line's reason."""
        told = in_words(line.reason, line.bound_by, line.price_problem)
        return self._reasons.setdefault(told, len(self._reasons))

    def columns(self) -> dict[str, list[object]]:
        """All of them, for the page."""
        found = self._securities
        return {
            "id": [one.security_id for one in found],
            "ticker": [one.ticker or one.security_id for one in found],
            "price": [None if one.price is None else digits(one.price) for one in found],
            **{
                name: [digits(getattr(one, name)) for one in found]
                for name in ("target", "low_drift", "high_drift")
            },
            "reasons": list(self._reasons),
        }

    def by_target(self) -> list[Security]:
        """The model's securities, the largest target first, then all others by ticker."""
        return sorted(self._securities, key=lambda one: (-one.target, one.ticker, one.security_id))

    def largest(self) -> list[Trade]:
        """The largest trades, the largest first."""
        return [trade for _value, _order, trade in sorted(self._largest, reverse=True)]

    def _add_trade(self, portfolio: PortfolioRebalance, line: RebalancePosition, security: Security) -> None:
        value = trade_value(line)
        if line.trade_quantity > 0:
            security.bought = plus(security.bought, value)
            security.shares_bought += line.trade_quantity
        else:
            security.sold = plus(security.sold, value)
            security.shares_sold -= line.trade_quantity
        if len(self._largest) < LARGEST:
            heappush(self._largest, (value, next(self._order), _trade(portfolio, line, value)))
        elif value > self._largest[0][0]:
            heappushpop(self._largest, (value, next(self._order), _trade(portfolio, line, value)))


def _is_of(line: RebalancePosition, security: Security) -> bool:
    return (
        line.price == security.price
        and line.target == security.target
        and line.low_drift == security.low_drift
        and line.high_drift == security.high_drift
        and line.ticker == security.ticker
    )


def _trade(portfolio: PortfolioRebalance, line: RebalancePosition, value: Decimal) -> Trade:
    base = portfolio.base_value or ZERO
    return Trade(
        portfolio.portfolio_id,
        portfolio.portfolio_name,
        line.ticker or line.security_id,
        line.trade_quantity,
        line.price or ZERO,
        value,
        value / base if base > 0 else ZERO,
    )
