"""An independent check of a rebalanced portfolio: plain fractions and the definitions, nothing of ours.

It reads what a portfolio became, as text, and computes every number of it anew from what went in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

Weights = tuple[Fraction, Fraction, Fraction]  # target, low drift, high drift


@dataclass(frozen=True)
class Rules:
    """What a caller demands beside bands and cash; restrictions are DO_NOT_BUY, DO_NOT_SELL or HOLD.

    Lots of `odd_sells` bind buys alone; `only` is BUY or SELL, where nothing else may be done.
    """

    to_band: bool = False
    restrictions: Mapping[str, str] = field(default_factory=dict)
    lots: Mapping[str, int] = field(default_factory=dict)
    minimum_trade_value: Fraction | None = None
    maximum_turnover_weight: Fraction | None = None
    maximum_trade_count: int | None = None
    limits: Sequence["WeightLimit"] = ()
    costs: tuple[Fraction, Fraction] | None = None  # of the value of a trade, and of a trade
    odd_sells: frozenset[str] = frozenset()
    only: str = ""

    def forbidden(self, security_id: str) -> set[str]:
        """What may not be done with a security: BUY, SELL, both or neither."""
        found = {"BUY", "SELL"} - {self.only} if self.only else set()
        restriction = self.restrictions.get(security_id, "")
        return found | {side for side in ("BUY", "SELL") if restriction in (f"DO_NOT_{side}", "HOLD")}


@dataclass(frozen=True)
class WeightLimit:
    """The least and the greatest weight of some securities; of a group by its name, of one by its id."""

    name: str
    security_ids: tuple[str, ...]
    least: Fraction | None
    most: Fraction | None

    def beyond(
        self, quantities: Mapping[str, Fraction], prices: Mapping[str, Fraction], whole: Fraction
    ) -> int:
        """1 where the securities are worth too much, -1 where they are worth too little, 0 otherwise."""
        value = sum(
            (quantities[one] * prices[one] for one in self.security_ids if one in quantities), Fraction(0)
        )
        if self.least is not None and value < self.least * whole:
            return -1
        if self.most == 0:  # less than a share of each may remain
            return int(any(quantities.get(one, 0) >= 1 for one in self.security_ids))
        return int(self.most is not None and value > self.most * whole)


@dataclass(frozen=True)
class Inputs:
    """What goes into a rebalance: shares and prices by security id, weights of the model.

    What comes, or goes where it is below 0, is as good as cash that is there or not; weights are of `base`.
    """

    cash: Fraction
    quantities: Mapping[str, Fraction]
    prices: Mapping[str, Fraction]
    weights: Mapping[str, Weights]
    cash_floor: Fraction | None = Fraction(0)
    rules: Rules = field(default_factory=Rules)
    cash_flow: Fraction = Fraction(0)

    @cached_property
    def market_value(self) -> Fraction:
        return self.cash + sum(self.quantities[one] * self.prices[one] for one in self.quantities)

    @cached_property
    def base(self) -> Fraction:
        return self.market_value + self.cash_flow


@dataclass(frozen=True)
class Line:
    """One position of an answer; numbers are the texts they were given as."""

    security_id: str
    price: str
    original_quantity: str
    adjusted_quantity: str
    original_market_value: str
    adjusted_market_value: str
    target: str
    low_drift: str
    high_drift: str
    actual: str
    actual_drift: str
    order: int
    cost: str = ""


@dataclass(frozen=True)
class Outcome:
    """An answer; a transaction is a security id with the shares bought (above 0) or sold (below 0)."""

    market_value: str
    cash_before: str
    cash_after: str
    drift_before: str
    drift_after: str
    objective: str
    lower_bound: str
    lines: Sequence[Line]
    transactions: Sequence[tuple[str, int]]
    proven: bool
    cash_flow: str = ""
    cost: str = ""
    breaches: Mapping[str, str] = field(default_factory=dict)


def verify(outcome: Outcome, inputs: Inputs) -> None:
    """Fail unless every number of the answer is exactly what it must be, and every rule holds."""
    held = {one for one, quantity in inputs.quantities.items() if quantity}
    securities = sorted({*held, *inputs.weights})
    assert securities == [line.security_id for line in outcome.lines]
    assert Fraction(outcome.market_value) == inputs.market_value
    assert Fraction(outcome.cash_before) == inputs.cash
    assert (Fraction(outcome.cash_flow) if outcome.cash_flow else None) == (inputs.cash_flow or None)
    for line in outcome.lines:
        _verify_line(line, inputs)
    _verify_cash(outcome, inputs)
    _verify_drift(outcome, inputs)
    _verify_limits(outcome, inputs)
    _verify_weights(outcome, inputs)
    trades = [(line.security_id, line.order) for line in outcome.lines if line.order]
    assert trades == list(outcome.transactions)


def _verify_line(line: Line, inputs: Inputs) -> None:
    value = inputs.base
    price = inputs.prices[line.security_id]
    held = inputs.quantities.get(line.security_id, Fraction(0))
    weights = inputs.weights.get(line.security_id, (Fraction(0),) * 3)
    target = weights[0]
    after = held + line.order
    expected = (price, held, after, held * price, after * price, *weights)
    given = (
        line.price,
        line.original_quantity,
        line.adjusted_quantity,
        line.original_market_value,
        line.adjusted_market_value,
        line.target,
        line.low_drift,
        line.high_drift,
    )
    assert expected == tuple(map(Fraction, given))
    _verify_band(line, inputs)
    _verify_trade(line, inputs)
    weight = after * price / value
    assert Fraction(line.actual) == half_even(weight, 4)
    expected_drift = str(half_even(1 - weight / target, 4)) if target else ""
    assert expected_drift == (str(Fraction(line.actual_drift)) if line.actual_drift else "")


def _inside(line: Line, quantity: Fraction, inputs: Inputs) -> bool:
    """Whether so many shares are inside the band; outside the model that is less than one share."""
    target, low, high = inputs.weights.get(line.security_id, (Fraction(0),) * 3)
    weight = quantity * inputs.prices[line.security_id] / inputs.base
    if not (target or high) and quantity.denominator != 1:
        return 0 <= quantity < 1  # whole orders leave a part of a share
    return quantity >= 0 and target - low <= weight <= target + high


def _verify_band(line: Line, inputs: Inputs) -> None:
    """Inside its band, or the trade that would bring it there is forbidden: then it stays."""
    held = inputs.quantities.get(line.security_id, Fraction(0))
    if _inside(line, held + line.order, inputs):
        return
    assert line.order == 0
    target, low, _ = inputs.weights.get(line.security_id, (Fraction(0),) * 3)
    value = held * inputs.prices[line.security_id]
    needed = "BUY" if held < 0 or value < (target - low) * inputs.base else "SELL"
    assert needed in inputs.rules.forbidden(line.security_id)


def _verify_trade(line: Line, inputs: Inputs) -> None:
    """Sides, lots and the least trade; what closes a position is exempt from the last two."""
    rules = inputs.rules
    side = "BUY" if line.order > 0 else "SELL"
    assert not line.order or side not in rules.forbidden(line.security_id)
    held = inputs.quantities.get(line.security_id, Fraction(0))
    if not line.order or abs(held + line.order) < 1:
        return
    if side == "BUY" or line.security_id not in rules.odd_sells:
        assert line.order % rules.lots.get(line.security_id, 1) == 0
    if rules.minimum_trade_value is not None and _inside(line, held, inputs):
        before = {line.security_id: held}
        mends = any(
            one.beyond(before, inputs.prices, inputs.base)
            for one in rules.limits
            if one.name == line.security_id
        )
        assert mends or abs(line.order) * inputs.prices[line.security_id] >= rules.minimum_trade_value


def _turnover(outcome: Outcome, inputs: Inputs) -> Fraction:
    traded = (abs(line.order) * inputs.prices[line.security_id] for line in outcome.lines)
    return sum(traded, Fraction(0))


def _verify_limits(outcome: Outcome, inputs: Inputs) -> None:
    rules = inputs.rules
    if rules.maximum_turnover_weight is not None:
        assert _turnover(outcome, inputs) <= rules.maximum_turnover_weight * inputs.base
    if rules.maximum_trade_count is not None:
        assert sum(1 for line in outcome.lines if line.order) <= rules.maximum_trade_count


def _verify_weights(outcome: Outcome, inputs: Inputs) -> None:
    """Each limit is kept, or broken as before, no worse, where what mends it is forbidden."""
    before = {line.security_id: Fraction(line.original_quantity) for line in outcome.lines}
    after = {line.security_id: Fraction(line.adjusted_quantity) for line in outcome.lines}
    told = {}
    for limit in inputs.rules.limits:
        members = [one for one in limit.security_ids if one in after]
        beyond = limit.beyond(after, inputs.prices, inputs.base) if members else 0
        if not beyond:
            continue
        values = [
            sum((held[one] * inputs.prices[one] for one in members), Fraction(0)) for held in (before, after)
        ]
        assert limit.beyond(before, inputs.prices, inputs.base) == beyond
        assert beyond * values[1] <= beyond * values[0]
        needed = "SELL" if beyond > 0 else "BUY"
        assert any(needed in inputs.rules.forbidden(one) for one in members)
        told[limit.name] = values[1]
    assert told == {name: Fraction(value) for name, value in outcome.breaches.items()}


def _verify_cash(outcome: Outcome, inputs: Inputs) -> None:
    spent = sum(line.order * inputs.prices[line.security_id] for line in outcome.lines)
    cash_after = inputs.cash + inputs.cash_flow - spent - _verified_cost(outcome, inputs)
    assert Fraction(outcome.cash_after) == cash_after
    if inputs.cash_floor is not None:
        assert cash_after >= inputs.cash_floor


def _verified_cost(outcome: Outcome, inputs: Inputs) -> Fraction:
    """What the trades cost, as it is told line by line and in sum."""
    if inputs.rules.costs is None:
        assert not outcome.cost
        assert not any(line.cost for line in outcome.lines)
        return Fraction(0)
    rate, amount = inputs.rules.costs
    total = Fraction(0)
    for line in outcome.lines:
        if line.order:
            cost = rate * abs(line.order) * inputs.prices[line.security_id] + amount
            assert Fraction(line.cost) == cost
            total += cost
        else:
            assert not line.cost
    assert Fraction(outcome.cost) == total
    return total


def _verify_drift(outcome: Outcome, inputs: Inputs) -> None:
    def drift(quantity: Callable[[Line], str]) -> Fraction:
        total = Fraction(0)
        for line in outcome.lines:
            target = inputs.weights.get(line.security_id, (Fraction(0),))[0]
            held = Fraction(quantity(line)) * inputs.prices[line.security_id]
            total += abs(target * inputs.base - held)
        return total

    before, after = drift(lambda line: line.original_quantity), drift(lambda line: line.adjusted_quantity)
    assert Fraction(outcome.drift_before) == half_even(before / inputs.base, 12)
    assert Fraction(outcome.drift_after) == half_even(after / inputs.base, 12)
    goal = _turnover(outcome, inputs) if inputs.rules.to_band else after
    assert Fraction(outcome.objective) == goal
    assert Fraction(outcome.lower_bound) <= goal
    assert outcome.proven == (Fraction(outcome.lower_bound) == goal)


def half_even(value: Fraction, places: int) -> Fraction:
    """The nearest number of so many decimals, the even one of two equally near."""
    scaled = value * 10**places
    whole = scaled.numerator // scaled.denominator
    rest = scaled - whole
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1)
    return Fraction(whole + up, 10**places)
