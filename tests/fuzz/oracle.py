"""What is right of a case, as far as it can be decided without the package."""

from dataclasses import dataclass

from tests.fuzz.rules import Rules
from tests.fuzz.sat import NotDecided, Sat
from tests.fuzz.search import Search, TooMany

ALL_AIMS = 4
"""First aim, second aim, trades, and the order of equals: all decided."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a case.

    Attributes:
        infeasible: no orders keep every rule: proven.
        orders: keep every rule; None where none are known.
        proven: how many aims of `orders` nothing betters, in turn; 0 where they are only known to be valid.
        by: who decided.
    """

    infeasible: bool = False
    orders: tuple[int, ...] | None = None
    proven: int = 0
    by: str = "nobody"

    @property
    def is_decided(self) -> bool:
        """Whether feasibility and the first aim are known."""
        return self.infeasible or self.proven > 0


def decide(
    rules: Rules, *, most: int = 20_000, work: float = 0.2, start: tuple[int, ...] | None = None
) -> Verdict:
    """Search first, CP-SAT where that has no end.

    Args:
        rules: of the case.
        start: orders that may keep every rule; they cut the search and are judged like any other.
        most: orders that the search may look at.
        work: deterministic seconds of CP-SAT for each aim; 0 does without.
    """
    search = Search(rules, most, start=start)
    try:
        found = search.run()
    except TooMany:
        known = None if search.best is None else search.best[1]
    else:
        return Verdict(found is None, found, 0 if found is None else ALL_AIMS, "search")
    try:
        solved = Sat(rules, work).best() if work else None
    except NotDecided:
        return Verdict(orders=known)
    if not work:
        return Verdict(orders=known)
    if solved is None:
        return Verdict(infeasible=True, by="cp-sat")
    # What another solver says is not believed either.
    assert not rules.broken(solved.orders), (rules.case, solved)
    assert known is None or not solved.proven or rules.score(solved.orders)[0] <= rules.score(known)[0], (
        rules.case,
        solved,
        known,
    )
    if known is not None and rules.score(known) < rules.score(solved.orders) and not solved.proven:
        return Verdict(orders=known)
    return Verdict(orders=solved.orders, proven=solved.proven, by="cp-sat" if solved.proven else "nobody")
