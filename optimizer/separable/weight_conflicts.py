"""Conflicts of limits on the weight of a security or of a group, and the least change that would help."""

from fractions import Fraction

from optimizer.problem.constraints import MinimumTradeValue, Shares, clip
from optimizer.problem.problem import Problem
from optimizer.problem.weight_limits import GroupLimit, Money, SecurityLimit
from optimizer.separable.choices import Rule, holding_back, narrowed, rules_of, stuck
from optimizer.separable.conflict import Conflict, ConflictKind
from optimizer.separable.value_range import ValueRange
from optimizer.separable.wording import edges, money_down, money_up, weight_down, weight_up

_NOTHING_HELPS = "no weight that a limit may have admits it"


def security_conflict(problem: Problem, index: int) -> Conflict | None:
    """The conflict of a position that only its limit leaves no shares; None where others do not either."""
    line, rules = problem.lines[index], rules_of(problem, index)
    limit = _together(rules)
    shares = _without_limit(problem, index, rules)
    if limit is None or not shares:
        return None
    # Of two limits that exclude each other, what is let in has to keep the other one.
    enough, most_shares = limit.least(line), limit.most(line)
    too_many = enough if most_shares is None else most_shares + 1
    above = None if most_shares is None else clip(shares, max(enough, too_many), None)
    below = None if limit.money.low is None else clip(shares, None, min(enough, too_many) - 1)
    maximum = Fraction(line.value(above[0][0]), problem.market_value) if above else None
    minimum = Fraction(line.value(below[-1][-1]), problem.market_value) if below else None
    maximum = None if maximum is None or maximum > 1 else maximum
    minimum = None if minimum is None or minimum < 0 else minimum
    least, most = shares[0][0], shares[-1][-1]
    return Conflict(
        security_id=problem.positions[index].security_id,
        kind=ConflictKind.SECURITY_LIMIT,
        low_value=Fraction(line.value(least), problem.unit),
        high_value=Fraction(line.value(most), problem.unit),
        price=Fraction(line.price, problem.unit),
        needed_maximum_weight=maximum,
        needed_minimum_weight=minimum,
        description=_security_sentence(problem, index, shares, (maximum, minimum)),
    )


def _together(rules: list[Rule]) -> ValueRange | None:
    """What the limits of a position leave together; None without any."""
    found = [one.money for one in rules if isinstance(one, ValueRange)]
    if not found:
        return None
    low = next((one.low for one in found if one.low is not None), None)
    high = next((one.high for one in found if one.high is not None), None)
    return ValueRange(Money(low, high, admits_residuals=any(one.admits_residuals for one in found)))


def _without_limit(problem: Problem, index: int, rules: list[Rule]) -> Shares:
    """What all rules but the limit leave; the minimum trade has no say where the holding must move."""
    line = problem.lines[index]
    if holding_back(line, rules):
        return stuck(line, (), problem.unit)
    return narrowed(
        line, [one for one in rules if not isinstance(one, ValueRange | MinimumTradeValue)], problem.unit
    )


def _security_sentence(
    problem: Problem,
    index: int,
    shares: Shares,
    needed: tuple[Fraction | None, Fraction | None],
) -> str:
    line, unit, security_id = problem.lines[index], problem.unit, problem.positions[index].security_id
    limits = [
        one
        for one in problem.constraints
        if isinstance(one, SecurityLimit) and one.security_id == security_id
    ]
    told = _told([Money.of(one, problem.market_value) for one in limits], unit)
    least, most = (Fraction(line.value(count), unit) for count in (shares[0][0], shares[-1][-1]))
    left = f"worth {money_up(least)}" if least == most else f"from {money_up(least)} to {money_down(most)}"
    needs = [
        *([] if needed[0] is None else [f"a maximum weight >= {weight_up(needed[0], Fraction(1))}"]),
        *([] if needed[1] is None else [f"a minimum weight <= {weight_down(needed[1])}"]),
    ]
    advice = f"needs {' or '.join(needs)}" if needs else _NOTHING_HELPS
    return (
        f"security {security_id}: {told} no whole shares in common with what its band and options leave,"
        f" {left}; {advice}"
    )


def _told(limits: list[Money], unit: int) -> str:
    """One limit, or the two that have a side each."""
    low = next((Fraction(one.low, unit) for one in limits if one.low is not None), None)
    high = next((Fraction(one.high, unit) for one in limits if one.high is not None), None)
    if low is None:
        return f"its limit of at most {money_down(high or Fraction(0))} has"
    if high is None:
        return f"its limit of at least {money_up(low)} has"
    if len(limits) > 1:
        return f"its limits, of at least {money_up(low)} and of at most {money_down(high)}, have together"
    bottom, top = edges(low, high)
    return f"its limit [{bottom}, {top}] has"


def maximum_conflict(problem: Problem, group: GroupLimit, least: int, most: int, needed: int) -> Conflict:
    """The conflict of a group that is worth more than is allowed, whatever its securities do.

    Args:
        problem: the portfolio.
        group: the limit.
        least: what the group is worth at least, in units.
        most: what is allowed, in units.
        needed: the least that must be allowed for this conflict to go away, in units.
    """
    weight = Fraction(needed, problem.market_value)
    low, high = Fraction(least, problem.unit), Fraction(most, problem.unit)
    helps = f"needs a maximum weight >= {weight_up(weight, Fraction(1))}" if weight <= 1 else _NOTHING_HELPS
    return Conflict(
        security_id=None,
        kind=ConflictKind.GROUP_LIMIT,
        group=group.name,
        low_value=low,
        high_value=high,
        needed_maximum_weight=weight if weight <= 1 else None,
        description=(
            f"group {group.name}: bands and options leave it worth at least {money_up(low)} where"
            f" {money_down(high)} is allowed; {helps}"
        ),
    )


def minimum_conflict(problem: Problem, group: GroupLimit, most: int, least: int, needed: int) -> Conflict:
    """The conflict of a group that is worth less than is asked, whatever its securities do.

    Args:
        problem: the portfolio.
        group: the limit.
        most: what the group is worth at most, in units.
        least: what is asked, in units.
        needed: the most that may be asked for this conflict to go away, in units.
    """
    weight = Fraction(needed, problem.market_value)
    low, high = Fraction(least, problem.unit), Fraction(most, problem.unit)
    helps = f"needs a minimum weight <= {weight_down(weight)}" if weight >= 0 else _NOTHING_HELPS
    return Conflict(
        security_id=None,
        kind=ConflictKind.GROUP_LIMIT,
        group=group.name,
        low_value=low,
        high_value=high,
        needed_minimum_weight=weight if weight >= 0 else None,
        description=(
            f"group {group.name}: bands and options leave it worth at most {money_down(high)} where at least"
            f" {money_up(low)} is asked; {helps}"
        ),
    )
