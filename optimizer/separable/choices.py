"""The whole shares each position may end with, and its own best among them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from optimizer.problem.constraints import (
    Barrier,
    LotSize,
    MinimumTradeValue,
    OneSided,
    Restriction,
    Shares,
    length,
)
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem, Strategy
from optimizer.problem.weight_limits import Money, SecurityLimit
from optimizer.separable.closed_form import band, closed_form
from optimizer.separable.costs import Costs, Spans
from optimizer.separable.value_range import ValueRange

Rule: TypeAlias = Restriction | OneSided | ValueRange | LotSize | MinimumTradeValue

Given: TypeAlias = Restriction | OneSided | SecurityLimit | LotSize | MinimumTradeValue
"""A constraint of one position, as it was given."""


class Choices(NamedTuple):
    """What is allowed and best position by position, before anything couples them.

    Attributes:
        allowed: shares per position; empty where infeasible.
        best: the cheapest allowed shares per position; meaningless where infeasible.
        infeasible: indices of positions without any allowed shares.
        breaches: indices of positions that stay outside their band, as they may not be brought inside.
    """

    allowed: list[Shares]
    best: list[int]
    infeasible: list[int]
    breaches: list[int]

    def extremes(self) -> list[tuple[int, int]]:
        """Fewest and most allowed shares per position; infeasible positions count as nothing."""
        return [(shares[0][0], shares[-1][-1]) if shares else (0, 0) for shares in self.allowed]


def is_plain(problem: Problem) -> bool:
    """Whether the closed form gives every position's best."""
    return problem.strategy is Strategy.TO_TARGET and not problem.constraints


def choices(problem: Problem) -> Choices:
    """Narrow every band by the constraints, and find the best shares left."""
    allowed: list[Shares] = []
    breaches: list[int] = []
    for index, (line, rules) in enumerate(zip(problem.lines, all_rules(problem), strict=True)):
        if holding_back(line, rules):
            shares = stuck(line, rules, problem.unit)
            breaches += [index] if shares else []
        else:
            shares = narrowed(line, rules, problem.unit)
        allowed.append(shares)
    infeasible = [index for index, shares in enumerate(allowed) if not shares]
    if is_plain(problem):
        return Choices(allowed, closed_form(problem.lines).best, infeasible, breaches)
    found = Choices(allowed, [], infeasible, breaches)
    costs = costs_of(problem, found)
    best = [cheapest(line, shares, costs) for line, shares in zip(problem.lines, allowed, strict=True)]
    return found._replace(best=best)


def costs_of(problem: Problem, found: Choices) -> Costs:
    """The costs of the problem's strategy, spanning all that is allowed."""
    pairs = list(zip(problem.lines, found.extremes(), strict=True))
    spans = Spans(
        sum(line.price * max(abs(end - line.held) for end in ends) for line, ends in pairs),
        sum(max(abs(line.target - line.value(end)) for end in ends) for line, ends in pairs),
        len(pairs),
    )
    return Costs.spanning(problem.strategy is Strategy.TO_BAND, spans)


def cheapest(line: Line, shares: Shares, costs: Costs) -> int:
    """The cheapest of the allowed shares, of equal ones the fewest; 0 if there are none.

    Drift and turnover are convex, so within a range the cheapest lies next to the target or the holding.
    """
    goal = line.held if costs.turnover_first else (line.target - line.residual) // line.price
    found: set[int] = set()
    for part in shares:
        place = min(max((goal - part.start) // part.step, 0), length(part) - 1)
        found |= {part[place], part[min(place + 1, length(part) - 1)]}
    return min(found, key=lambda count: (costs.of(line, count), count), default=0)


def rules_of(problem: Problem, index: int) -> list[Rule]:
    """The rules that narrow one position, in the order in which they apply."""
    security_id = problem.positions[index].security_id
    given = [
        one
        for one in problem.constraints
        if isinstance(one, OneSided | MinimumTradeValue)
        or (isinstance(one, Restriction | SecurityLimit | LotSize) and one.security_id == security_id)
    ]
    return _rules(problem.lines[index], given, problem.market_value)


def all_rules(problem: Problem) -> Iterator[Sequence[Rule]]:
    """The same of every position in turn, in one pass over the constraints."""
    for_all = [one for one in problem.constraints if isinstance(one, OneSided | MinimumTradeValue)]
    given: dict[str, list[Given]] = {one.security_id: [*for_all] for one in problem.positions if for_all}
    for one in problem.constraints:
        if isinstance(one, Restriction | SecurityLimit | LotSize):
            given.setdefault(one.security_id, []).append(one)
    for position, line in zip(problem.positions, problem.lines, strict=True):
        own = given.get(position.security_id)
        yield _rules(line, own, problem.market_value) if own else ()


def _rules(line: Line, given: Sequence[Given], market_value: int) -> list[Rule]:
    """In order: restriction, sides, limit, lot and minimum trade, which is no concern of a limit's repair."""
    barriers: list[Barrier] = [one for one in given if isinstance(one, Restriction)]
    barriers += [one for one in given if isinstance(one, OneSided)]
    ranges = [
        ValueRange(Money.of(one, market_value)).excused(line, barriers)
        for one in given
        if isinstance(one, SecurityLimit)
    ]
    repairs = not all(one.admits(line, line.held) for one in ranges)
    return [
        *barriers,
        *ranges,
        *(one for one in given if isinstance(one, LotSize)),
        *(one for one in given if isinstance(one, MinimumTradeValue) and not repairs),
    ]


def narrowed(line: Line, rules: Iterable[Rule], unit: int) -> Shares:
    """The shares of the band that the rules leave."""
    whole = band(line)
    shares: Shares = (whole,) if whole else ()
    for rule in rules:
        shares = rule.narrow(shares, line, unit)
    return shares


def stuck(line: Line, rules: Iterable[Rule], unit: int) -> Shares:
    """The holding, where a limit leaves it: other rules do not move what stays."""
    shares: Shares = (range(line.held, line.held + 1),)
    for rule in rules:
        if isinstance(rule, ValueRange):
            shares = rule.narrow(shares, line, unit)
    return shares


def holding_back(line: Line, rules: Iterable[Rule]) -> Barrier | None:
    """The first rule that forbids the trade that would bring a holding outside its band there."""
    if line.is_inside(line.held):
        return None
    needed = 1 if line.value(line.held) < max(0, line.low) else -1
    return next((one for one in rules if isinstance(one, Barrier) and one.forbids(needed)), None)
