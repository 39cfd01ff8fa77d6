"""The smallest sets of rules without which an infeasible problem has an answer.

Hitting sets of conflicts, grown breadth first: R. Reiter, "A theory of diagnosis from first principles",
Artificial Intelligence 32 (1987), 57-95. A conflict is a set of rules that leave no answer when all others
are left out, so that one of them has to go; it is found by halving: U. Junker, "QUICKXPLAIN: preferred
explanations and relaxations for over-constrained problems", AAAI 2004.

Both suppose that whoever leaves out more has more answers. A restriction that excuses a band, or a limit of a
group, breaks that: such rules stay while a conflict is looked for, and each of them may have to go, too,
wherever there is one.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

from optimizer.answer.solution import Status
from optimizer.problem.problem import Problem
from optimizer.rules.rule import Rule, Stopped, narrowing, never, without
from optimizer.solver import solve

Rules: TypeAlias = frozenset[int]
"""Rules by their places."""

MOST_PART = 0.1
"""Part of the time left that one question may take."""


@dataclass(frozen=True, slots=True)
class Relaxations:
    """Sets of rules without which a problem has an answer; without a part of one alone it has none.

    Attributes:
        sets: the smallest first, those of one size in the order of their rules; the rules of each in order.
        is_complete: there are no others. Otherwise time or their number ended the search.
    """

    sets: tuple[tuple[Rule, ...], ...]
    is_complete: bool


def relaxations(
    problem: Problem,
    rules: Sequence[Rule],
    *,
    most: int = 20,
    timeout_seconds: float = 30.0,
    stopped: Stopped = never,
) -> Relaxations:
    """Every minimal set of rules without which the problem has an answer, the smallest first.

    Args:
        problem: one without an answer.
        rules: of the problem, which may be left out.
        most: so many sets at most.
        timeout_seconds: when to stop.
        stopped: ends it early, as time does.
    """
    return _Search(problem, rules, monotonic() + timeout_seconds, stopped).run(most)


class _Search:
    """One search. Everything that was asked is remembered."""

    def __init__(self, problem: Problem, rules: Sequence[Rule], deadline: float, stopped: Stopped) -> None:
        self._problem = problem
        self._rules = rules
        self._deadline = deadline
        self._stopped = stopped
        self._narrowing = narrowing(problem, rules)
        self._statuses: dict[Rules, Status] = {}
        self._conflicts: list[tuple[Rules, Rules]] = []

    def run(self, most: int) -> Relaxations:
        """Grow sets until all minimal ones are found, or the search has to end."""
        found: list[Rules] = []
        is_complete = True
        waiting: deque[Rules] = deque([frozenset()])
        seen = {*waiting}
        while waiting:
            left_out = waiting.popleft()
            if any(one <= left_out for one in found):
                continue
            if len(found) >= most or not self._left():
                is_complete = False
                break
            missing = self._missing(left_out)
            if missing is None:
                found.append(left_out)
                continue
            is_complete = is_complete and self._statuses.get(left_out) is not Status.UNDECIDED
            grown = {left_out | {rule} for rule in missing} - seen
            waiting.extend(sorted(grown, key=sorted))
            seen |= grown
        named = sorted((len(one), sorted(one)) for one in found)
        return Relaxations(tuple(tuple(self._rules[rule] for rule in one) for _, one in named), is_complete)

    def _missing(self, left_out: Rules) -> Rules | None:
        """One of these has to go, too: empty where nothing helps or is known; None where nothing has to."""
        known = self._known(left_out)
        if known is not None:
            return known
        match self._status(left_out):
            case Status.INFEASIBLE:
                return self._conflict(left_out)
            case Status.UNDECIDED:
                return frozenset()
        return None

    def _status(self, left_out: Rules) -> Status:
        """What is known of the problem without some rules; UNDECIDED where there is no time to ask."""
        known = self._statuses.get(left_out)
        if known is None:
            left = self._left()
            asked = without(self._problem, [self._rules[rule] for rule in left_out])
            known = solve(asked, timeout_seconds=MOST_PART * left).status if left else Status.UNDECIDED
            self._statuses[left_out] = known
        return known

    def _left(self) -> float:
        """Seconds that are left; 0 where nobody wants more."""
        return 0.0 if self._stopped() else max(0.0, self._deadline - monotonic())

    def _known(self, left_out: Rules) -> Rules | None:
        """What has to be left out beside, by a conflict that was found before: one of these."""
        excusing = self._excusing(left_out)
        for core, kept in self._conflicts:
            if kept == excusing and not core & left_out:
                return core | kept
        return None

    def _conflict(self, left_out: Rules) -> Rules:
        """The same, by a conflict that is looked for: as few rules as leave no answer by themselves."""
        excusing = self._excusing(left_out)
        kept = [rule for rule in range(len(self._rules)) if rule not in left_out | excusing]
        core = frozenset(self._core([], [], kept, left_out))
        self._conflicts.append((core, excusing))
        return core | excusing

    def _excusing(self, left_out: Rules) -> Rules:
        """The rules that are still there and may not be taken out to find a conflict."""
        return frozenset(
            place
            for place, rule in enumerate(self._rules)
            if rule not in self._narrowing and place not in left_out
        )

    def _core(self, kept: list[int], added: list[int], rules: list[int], left_out: Rules) -> list[int]:
        """Those of `rules` that leave no answer beside `kept`; `added` came to those last."""
        if (added or not kept) and self._is_infeasible(kept, left_out):
            return []
        if len(rules) <= 1:
            return rules
        first, second = rules[: len(rules) // 2], rules[len(rules) // 2 :]
        later = self._core(kept + first, first, second, left_out)
        return self._core(kept + later, later, first, left_out) + later

    def _is_infeasible(self, kept: Sequence[int], left_out: Rules) -> bool:
        """Whether these, and all rules that excuse, leave no answer; false where it is not known."""
        stay = self._excusing(left_out) | {*kept}
        return self._status(frozenset(range(len(self._rules))) - stay) is Status.INFEASIBLE
