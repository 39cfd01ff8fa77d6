"""What follows from the lines of one portfolio, exactly."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ordergen_client.records.values import PortfolioRebalance, RebalancePosition
from ordergen_client.report.figures.exact import ZERO, minus, plus, times


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one portfolio.

    Attributes:
        bought: what its buys are worth at the prices of the run, in money.
        sold: what its sells are worth.
        buys: how many they are.
        sells: how many they are.
        outside_before: lines whose weight was outside their band.
        outside_after: lines whose weight is outside their band after the trades, fractions of a share that no
            whole order can trade away aside.
        frozen: lines without a usable price, which are in nothing else.
    """

    bought: Decimal = ZERO
    sold: Decimal = ZERO
    buys: int = 0
    sells: int = 0
    outside_before: int = 0
    outside_after: int = 0
    frozen: int = 0

    @property
    def turnover(self) -> Decimal:
        """Buys and sells together, in money."""
        return plus(self.bought, self.sold)


def figures(portfolio: PortfolioRebalance) -> Figures:
    """What follows from its lines."""
    lines = portfolio.positions
    buys = [trade_value(line) for line in lines if line.trade_quantity > 0]
    sells = [trade_value(line) for line in lines if line.trade_quantity < 0]
    value = portfolio.base_value
    judged = lines if value is not None and value > 0 else ()
    return Figures(
        _sum(buys),
        _sum(sells),
        len(buys),
        len(sells),
        sum(_outside(line, line.original_market_value, value or ZERO) for line in judged),
        sum(_outside(line, line.adjusted_market_value, value or ZERO) for line in judged if _tradable(line)),
        portfolio.frozen_count,
    )


def trade_value(line: RebalancePosition) -> Decimal:
    """What a line trades, in money, 0 or more."""
    return times(line.price or ZERO, Decimal(abs(line.trade_quantity)))


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for value in values:
        total = plus(total, value)
    return total


def _outside(line: RebalancePosition, value: Decimal | None, base: Decimal) -> bool:
    if value is None:  # it is frozen
        return False
    low = times(base, minus(line.target, line.low_drift))
    return value < low or value > times(base, plus(line.target, line.high_drift))


def _tradable(line: RebalancePosition) -> bool:
    return line.reason != "FRACTIONAL_RESIDUAL"
