"""The whole shares each position may end with, and its own best among them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from optimizer.problem.constraints import (
    LotSize,
    MinimumTradeValue,
    OneSided,
    Restriction,
    Shares,
    length,
)
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem, Strategy
from optimizer.separable.closed_form import band, closed_form
from optimizer.separable.costs import Costs, Spans

Rule: TypeAlias = Restriction | OneSided | LotSize | MinimumTradeValue

_ORDER = (Restriction, OneSided, LotSize, MinimumTradeValue)
"""In which order rules narrow."""


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
    rules = _all_rules(problem)
    allowed: list[Shares] = []
    breaches: list[int] = []
    for index, line in enumerate(problem.lines):
        own = rules.get(problem.positions[index].security_id, ())
        shares = _narrowed(line, own, problem.unit)
        if not shares and holding_back(line, own):
            shares = (range(line.held, line.held + 1),)
            breaches.append(index)
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


def rules_of(problem: Problem, security_id: str) -> list[Rule]:
    """The constraints that narrow one security, in the order in which they apply."""
    return _in_order(
        one
        for one in problem.constraints
        if isinstance(one, OneSided | MinimumTradeValue)
        or (isinstance(one, Restriction | LotSize) and one.security_id == security_id)
    )


def holding_back(line: Line, rules: Iterable[Rule]) -> Rule | None:
    """The first rule that forbids the trade that would bring a holding outside its band there."""
    needed = 1 if line.value(line.held) < max(0, line.low) else -1
    return next(
        (one for one in rules if isinstance(one, Restriction | OneSided) and one.forbids(needed)), None
    )


def _in_order(rules: Iterable[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda one: _ORDER.index(type(one)))


def _all_rules(problem: Problem) -> dict[str, list[Rule]]:
    """The same of all securities, in one pass over the constraints."""
    for_all = [one for one in problem.constraints if isinstance(one, OneSided | MinimumTradeValue)]
    found: dict[str, list[Rule]] = {one.security_id: [*for_all] for one in problem.positions if for_all}
    for one in problem.constraints:
        if isinstance(one, Restriction | LotSize):
            found.setdefault(one.security_id, []).append(one)
    return {security_id: _in_order(rules) for security_id, rules in found.items()}


def _narrowed(line: Line, rules: Sequence[Rule], unit: int) -> Shares:
    whole = band(line)
    shares: Shares = (whole,) if whole else ()
    for rule in rules:
        shares = rule.narrow(shares, line, unit)
    return shares
