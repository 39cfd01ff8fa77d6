"""The answer to a problem, with its proof."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property

from optimizer.answer.explain import reasons
from optimizer.answer.limit_breaches import LimitBreach, limit_breaches
from optimizer.problem.constraints import TradingCosts
from optimizer.problem.exact import plus_whole
from optimizer.problem.problem import Problem
from optimizer.problem.reason import Reason
from optimizer.separable.closed_form import drift, turnover
from optimizer.separable.conflict import Conflict


class Status(Enum):
    """What is known of an answer."""

    PROVEN_OPTIMAL = "PROVEN_OPTIMAL"
    """Nothing better exists: the lower bound equals the objective."""
    FEASIBLE = "FEASIBLE"
    """Valid; time ended before a proof. The gap is objective - lower bound."""
    INFEASIBLE = "INFEASIBLE"
    """No whole-share orders meet every requirement, which is proven: see the conflicts."""
    UNDECIDED = "UNDECIDED"
    """Time ended before orders were found, or before there were proven to be none."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A holding that stays outside its band, because the trade back into it is forbidden.

    Attributes:
        security_id: the security.
        value: of the holding, in money.
        low_value: bottom of the band, in money.
        high_value: top of the band, in money.
    """

    security_id: str
    value: Fraction
    low_value: Fraction
    high_value: Fraction


def breach(problem: Problem, index: int) -> Breach:
    """The breach of one position at its present holding."""
    line, unit = problem.lines[index], problem.unit
    return Breach(
        problem.positions[index].security_id,
        Fraction(line.value(line.held), unit),
        Fraction(max(0, line.low), unit),
        Fraction(line.high, unit),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What is decided about one portfolio, apart from its problem: the same from `solve` and `solve_batch`.

    Attributes:
        status: what is known of the answer.
        orders: whole shares to buy (> 0) or sell (< 0), in order of the positions; () if there are none.
        reasons: why each position trades as it does, in order of the positions; () without orders.
        objective: what the strategy minimises, in money, exact; None without orders.
        lower_bound: no answer has a lesser objective, in money, exact; None if infeasible.
        conflicts: every requirement that cannot be met; () unless infeasible.
        tie_broken: whether no other orders are as good in the later aims.
        limit_breaches: limits of weights that stay broken, because no order may mend them.
    """

    status: Status
    orders: tuple[int, ...]
    reasons: tuple[Reason, ...]
    objective: Fraction | None
    lower_bound: Fraction | None
    conflicts: tuple[Conflict, ...] = ()
    tie_broken: bool = False
    limit_breaches: tuple[LimitBreach, ...] = ()


@dataclass(frozen=True)
class Solution:
    """Whole-share orders for one problem. What is derived from them is computed when first asked for.

    Attributes:
        problem: the problem solved.
        status: what is known of the answer.
        orders: d_i, whole shares to buy (> 0) or sell (< 0), in order of the positions; () if infeasible or
            undecided.
        objective: what the strategy minimises, in money, exact: the portfolio drift sum |MV t_i - u_i p_i|
            for TO_TARGET, the turnover sum p_i |d_i| for TO_BAND; None without orders.
        lower_bound: no answer has a lesser objective, in money, exact; None if infeasible.
        conflicts: every requirement that cannot be met; () unless infeasible.
        breaches: holdings that stay outside their band, as no order may bring them inside.
        tie_broken: whether, of all orders of this objective, these are proven to be the best by the later
            aims: least turnover (TO_BAND: least drift), then fewest trades, then by security id.
    """

    problem: Problem = field(repr=False)
    status: Status
    orders: tuple[int, ...] = ()
    objective: Fraction | None = None
    lower_bound: Fraction | None = None
    conflicts: tuple[Conflict, ...] = ()
    breaches: tuple[Breach, ...] = ()
    tie_broken: bool = False

    @cached_property
    def quantities(self) -> tuple[Decimal, ...]:
        """u_i = q_i + d_i, shares after the orders, exact; () without orders."""
        return tuple(
            plus_whole(position.quantity, order)
            for position, order in zip(self.problem.positions, self.orders, strict=bool(self.orders))
        )

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """Why each position trades as it does, in order of the positions; () without orders."""
        if self.objective is None:
            return ()
        return reasons(self.problem, self._shares)

    @property
    def answer(self) -> Answer:
        """What is decided, apart from the problem and from holdings that stay outside their bands."""
        return Answer(
            self.status,
            self.orders,
            self.reasons,
            self.objective,
            self.lower_bound,
            self.conflicts,
            self.tie_broken,
            self.limit_breaches,
        )

    @cached_property
    def limit_breaches(self) -> tuple[LimitBreach, ...]:
        """Limits of weights that stay broken, because no order may mend them; () without orders."""
        if self.objective is None or not self.problem.constraints:
            return ()
        return limit_breaches(self.problem, self._shares)

    @property
    def market_value(self) -> Fraction:
        """Cash plus all holdings, in money; orders do not change it."""
        return Fraction(self.problem.market_value, self.problem.unit)

    @cached_property
    def costs(self) -> Fraction:
        """What the orders cost beyond their value, in money."""
        rates = [one for one in self.problem.constraints if isinstance(one, TradingCosts)]
        orders = sum(map(bool, self.orders))
        return sum(
            (
                Fraction(one.rate_weight) * self.turnover + Fraction(one.per_trade_amount) * orders
                for one in rates
            ),
            Fraction(),
        )

    @cached_property
    def turnover(self) -> Fraction:
        """Sum p_i |d_i|, in money; 0 without orders."""
        return Fraction(turnover(self.problem.lines, self._shares), self.problem.unit)

    @cached_property
    def drift(self) -> Fraction:
        """Sum |MV t_i - u_i p_i|, in money; of the present holdings without orders."""
        return Fraction(drift(self.problem.lines, self._shares), self.problem.unit)

    @cached_property
    def _shares(self) -> list[int]:
        orders = self.orders or (0,) * len(self.problem.lines)
        return [line.held + order for line, order in zip(self.problem.lines, orders, strict=True)]

    @cached_property
    def cash_after(self) -> Fraction:
        """Cash once the orders are filled at the given prices, and paid for; present cash without orders."""
        pairs = zip(self.problem.lines, self.orders, strict=bool(self.orders))
        spent = Fraction(sum(line.price * order for line, order in pairs), self.problem.unit)
        return Fraction(*self.problem.cash.as_integer_ratio()) - spent - self.costs
