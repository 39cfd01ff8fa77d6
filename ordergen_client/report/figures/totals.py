"""Sums over all portfolios of a run, exact; one without an answer counts as it stands."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.report.figures.exact import ZERO, minus, plus, ratio, times
from ordergen_client.report.figures.portfolios import Figures


@dataclass(slots=True)
class Totals:
    """Money of all portfolios together; `drifting_value` is that of those whose drift is known.

    Cash flows and costs are those of portfolios with an answer, `flows` and `costly` of them: others count
    as they stand. `frozen` are positions without a usable price, `freezing` the portfolios that have some.
    """

    portfolios: int = 0
    states: Counter[str] = field(default_factory=Counter)
    market_value: Decimal = ZERO
    cash_flow: Decimal = ZERO
    flows: int = 0
    cost: Decimal = ZERO
    costly: int = 0
    cash_before: Decimal = ZERO
    cash_after: Decimal = ZERO
    drift_money_before: Decimal = ZERO
    drift_money_after: Decimal = ZERO
    drifting_value: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    buys: int = 0
    sells: int = 0
    outside_before: int = 0
    outside_after: int = 0
    answered: int = 0
    proven: int = 0
    frozen: int = 0
    freezing: int = 0

    def add(self, portfolio: PortfolioRebalance, its: Figures) -> None:
        """Count one more portfolio."""
        self.portfolios += 1
        self.states[portfolio.state] += 1
        self.bought, self.sold = plus(self.bought, its.bought), plus(self.sold, its.sold)
        self.buys, self.sells = self.buys + its.buys, self.sells + its.sells
        self.outside_before += its.outside_before
        self.outside_after += its.outside_after
        self.frozen, self.freezing = self.frozen + its.frozen, self.freezing + bool(its.frozen)
        self.market_value = plus(self.market_value, portfolio.market_value or ZERO)
        self._add_cash(portfolio)
        self._add_drift(portfolio)
        if portfolio.solution:
            self.answered += 1
            self.flows += portfolio.cash_flow is not None
            self.cash_flow = plus(self.cash_flow, portfolio.cash_flow or ZERO)
            self.costly += portfolio.cost is not None
            self.cost = plus(self.cost, portfolio.cost or ZERO)
            self.proven += portfolio.solution.status == "PROVEN_OPTIMAL"

    def _add_cash(self, portfolio: PortfolioRebalance) -> None:
        before = portfolio.cash_before or ZERO
        after = before if portfolio.cash_after is None else portfolio.cash_after
        self.cash_before, self.cash_after = plus(self.cash_before, before), plus(self.cash_after, after)

    def _add_drift(self, portfolio: PortfolioRebalance) -> None:
        value, before = portfolio.base_value, portfolio.drift_before
        if value is None or before is None:
            return
        after = before if portfolio.drift_after is None else portfolio.drift_after
        self.drifting_value = plus(self.drifting_value, value)
        self.drift_money_before = plus(self.drift_money_before, times(value, before))
        self.drift_money_after = plus(self.drift_money_after, times(value, after))

    @property
    def turnover(self) -> Decimal:
        """Buys and sells together, in money."""
        return plus(self.bought, self.sold)

    @property
    def turnover_weight(self) -> Decimal | None:
        """Of market value plus cash flows."""
        return ratio(self.turnover, plus(self.market_value, self.cash_flow))

    @property
    def drift_before(self) -> Decimal | None:
        """The mean, each portfolio by its value."""
        return ratio(self.drift_money_before, self.drifting_value)

    @property
    def drift_after(self) -> Decimal | None:
        """The mean, each portfolio by its value."""
        return ratio(self.drift_money_after, self.drifting_value)

    @property
    def cash_change(self) -> Decimal:
        """How much more cash there is after the trades."""
        return minus(self.cash_after, self.cash_before)
