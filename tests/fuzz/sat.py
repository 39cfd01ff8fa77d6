"""The best orders by OR-tools CP-SAT, exact where its integers reach.

Orders are whole, so everything but the drift is a whole number of price units: `sum p d`, `sum p |d|`. A
drift `|gap - p d|` is a whole number and a fraction that does not depend on the order but for its sign, so
the drift is told in two solves: first the least whole part, then whole part and fractions together among the
answers that can still be best. The solver counts bounds in float64, so beyond 2^53 nothing is asked of it:
such a case is not decided here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import floor, gcd, lcm
from typing import Any

from ortools.sat.python import cp_model

from tests.fuzz.rules import Rules
from tests.fuzz.search import low_and_high, size

EXACT = 1 << 53
"""Beyond this a float64 does not tell whole numbers apart."""

LONG = 200_000
"""On longer ranges than this the solver may work for minutes, whatever limit it has."""

Expression = Any
"""A linear expression of the solver, which is not typed."""


class NotDecided(Exception):
    """The solver's integers do not reach, or its work ended."""


@dataclass(frozen=True)
class Found:
    """Orders that keep every rule, and how many of their aims (first, second, trades) are proven least."""

    orders: tuple[int, ...]
    proven: int


@dataclass
class Aim:
    """A part of an aim: what to make least, and how far above its least other answers stay in question.

    Attributes:
        expression: whole; None asks for any answer.
        slack: 0 but for the whole part of a drift.
        told: called with the least.
    """

    expression: Expression | None
    slack: int = 0
    told: Callable[[int], object] | None = None


class Sat:
    """The solver's view of one case. `work`: its deterministic seconds for each aim."""

    def __init__(self, rules: Rules, work: float) -> None:
        self._rules, self._work = rules, work
        below = lcm(*(price.denominator for price in rules.prices))
        whole = [int(price * below) for price in rules.prices]
        common = reduce(gcd, whole)
        self._unit = Fraction(common, below)
        self._prices = [price // common for price in whole]
        self._model = cp_model.CpModel()
        self._orders: list[Expression] = []
        self._sizes: list[Expression] = []
        self._trades: list[Expression] = []
        self._reach = 0

    def best(self) -> Found | None:
        """The best orders; None if there are none.

        Raises:
            NotDecided: neither is known.
        """
        if not all(self._rules.allowed):
            return None
        if any(size(part) > LONG for ways in self._rules.allowed for part in ways):
            raise NotDecided("ranges are too long")
        for index, ways in enumerate(self._rules.allowed):
            self._add_position(index, ways)
        self._add_limits()
        return self._descend(self._aims())

    def _aims(self) -> list[list[Aim]]:
        """The aims in turn, up to one that is out of reach."""
        turnover, trades = [Aim(self._sum(self._sizes))], [Aim(sum(self._trades))]
        by_turnover = self._rules.case.strategy == "TO_BAND"
        try:
            drift = self._drift()
        except NotDecided:
            return [turnover] if by_turnover else []
        return [turnover, drift, trades] if by_turnover else [drift, turnover, trades]

    def _descend(self, aims: Sequence[Sequence[Aim]]) -> Found | None:
        """One aim after the other, each kept for those that follow."""
        if not aims:
            aims = [[Aim(None)]]
        orders: tuple[int, ...] | None = None
        for proven, aim in enumerate(aims):
            for part in aim:
                status, values = self._least(part)
                if status == "INFEASIBLE" and orders is None:
                    return None
                orders = values or orders
                if orders is None:
                    raise NotDecided(status)
                if status != "OPTIMAL":
                    return Found(orders, proven)
        assert orders is not None
        return Found(orders, len(aims) if aims[0][0].expression is not None else 0)

    def _least(self, aim: Aim) -> tuple[str, tuple[int, ...] | None]:
        """Make one part of an aim least, and keep it so."""
        expression = 0 if aim.expression is None else aim.expression
        self._model.minimize(expression)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_deterministic_time = self._work
        status = solver.status_name(solver.solve(self._model))
        if status not in {"OPTIMAL", "FEASIBLE"}:
            return status, None
        if status == "OPTIMAL" and aim.expression is not None:
            least = solver.value(expression)
            self._model.add(expression <= least + aim.slack)
            if aim.told is not None:
                aim.told(least)
        return status, tuple(solver.value(order) for order in self._orders)

    def _add_position(self, index: int, ways: Sequence[range]) -> None:
        least, most = min(part[0] for part in ways), max(part[-1] for part in ways)
        furthest = max(-least, most)
        self._count(self._prices[index] * furthest)
        order = self._model.new_int_var(least, most, "")
        if len(ways) > 1 or ways[0].step > 1:
            self._add_ranges(order, ways)
        amount = self._model.new_int_var(0, max(0, furthest), "")
        self._model.add_abs_equality(amount, order)
        trade = self._model.new_bool_var("")
        self._model.add(order == 0).only_enforce_if(~trade)
        self._model.add(order != 0).only_enforce_if(trade)
        self._orders.append(order)
        self._sizes.append(amount)
        self._trades.append(trade)

    def _add_ranges(self, order: Expression, ways: Sequence[range]) -> None:
        chosen = []
        for part in ways:
            here = self._model.new_bool_var("")
            step = self._model.new_int_var(0, size(part) - 1, "")
            self._model.add(order == part.start + part.step * step).only_enforce_if(here)
            chosen.append(here)
        self._model.add_exactly_one(chosen)

    def _add_limits(self) -> None:
        rules = self._rules
        if rules.spendable is not None:
            self._add_cash(rules.spendable)
        if rules.tradable is not None:
            self._model.add(self._sum(self._sizes) <= self._whole(rules.tradable))
        if rules.case.count is not None:
            self._model.add(sum(self._trades) <= min(rules.case.count, len(self._trades)))
        for group in rules.groups:
            low, high = low_and_high(group, rules.worth(group, [0] * len(rules.prices)))
            spent = sum(self._prices[index] * self._orders[index] for index in group.members)
            if high is not None:
                self._model.add(spent <= self._whole(high))
            if low is not None:
                self._model.add(spent >= -self._whole(-low))

    def _add_cash(self, spendable: Fraction) -> None:
        rate, fee = Fraction(self._rules.case.rate), Fraction(self._rules.case.fee) / self._unit
        below = lcm(rate.denominator, fee.denominator)
        self._count((below - 1) * self._reach + int(below * fee) * len(self._trades))
        spent = below * self._sum(self._orders) + int(below * rate) * self._sum(self._sizes)
        most = min(max(floor(below * spendable / self._unit), -EXACT), EXACT)
        self._model.add(spent + int(below * fee) * sum(self._trades) <= most)

    def _whole(self, money: Fraction) -> int:
        """Rounded down to price units: what is compared with it is a whole number of them."""
        return min(max(floor(money / self._unit), -EXACT), EXACT)

    def _sum(self, counts: Sequence[Expression]) -> Expression:
        return sum(price * count for price, count in zip(self._prices, counts, strict=True))

    def _drift(self) -> list[Aim]:
        """The drift's whole part, then whole part and fractions of what can still be best."""
        gaps = [gap / self._unit for gap in self._rules.gaps]
        fine = lcm(*((gap - floor(gap)).denominator for gap in gaps))
        whole: Expression = 0
        fraction: Expression = 0
        for gap, price, order, ways in zip(
            gaps, self._prices, self._orders, self._rules.allowed, strict=True
        ):
            middle = floor(gap)
            ends = [middle - price * end for part in ways for end in (part[0], part[-1])]
            self._count(max(map(abs, ends)))
            part = self._model.new_int_var(0, max(map(abs, ends)), "")
            below = self._model.new_bool_var("")  # the value stays at or below the target
            self._model.add(part == middle - price * order).only_enforce_if(below)
            self._model.add(part == price * order - middle).only_enforce_if(~below)
            self._model.add(part >= 1).only_enforce_if(~below)  # else its fraction would count as less
            whole += part
            fraction += (2 * below - 1) * int((gap - middle) * fine)
        if fine == 1:
            return [Aim(whole)]
        count = len(gaps)
        if 4 * (count + 1) * fine >= EXACT:
            raise NotDecided("fractions of drift are too fine")
        near = self._model.new_int_var(0, 2 * count, "")
        first = Aim(whole, slack=2 * count)
        first.told = lambda least: self._model.add(near == whole - least)
        return [first, Aim(fine * near + fraction)]

    def _count(self, amount: int) -> None:
        self._reach += abs(amount)
        if self._reach >= EXACT:
            raise NotDecided("amounts are too great")
