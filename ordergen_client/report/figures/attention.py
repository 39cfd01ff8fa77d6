"""What somebody should look at before a run is traded, the worst first, and why."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ordergen_client.errors import NotToBeTraded
from ordergen_client.records.values import PortfolioRebalance, Rebalance
from ordergen_client.report.figures.portfolios import Figures

#: Kinds of what needs a look, the worst first, and their headings.
KINDS: Final = {
    "FAILED": "Failed",
    "INFEASIBLE": "No whole shares fit",
    "SKIPPED": "Not tried",
    "BELOW_ZERO": "Cash below zero after the trades",
    "UNPROVEN": "Not proven to be the best",
    "OUTSIDE": "Outside a band after the trades",
    "BREACHED": "Beyond a limit after the trades, as before",
    "FURTHER": "Further from the model than before",
}
#: Reasons of a kind that are told, and portfolios that are named with each.
_GROUPS, _NAMED = 10, 12


@dataclass(slots=True)
class Group:
    """Portfolios that need a look for the same reason."""

    kind: str
    why: str
    count: int = 0
    names: list[tuple[str, str]] = field(default_factory=list)

    @property
    def heading(self) -> str:
        """Of its kind."""
        return KINDS[self.kind]

    @property
    def unnamed(self) -> int:
        """How many portfolios there are besides those that are named."""
        return self.count - len(self.names)


class Attention:
    """What needs a look; of each kind so many reasons are kept, and the rest is counted.

    Attributes:
        portfolios: how many need a look.
        untold: portfolios by kind whose reasons are not kept.
    """

    def __init__(self) -> None:
        self.portfolios = 0
        self.untold: Counter[str] = Counter()
        self._groups: dict[str, dict[str, Group]] = {}

    def add(self, portfolio: PortfolioRebalance, its: Figures) -> list[str]:
        """Note a portfolio, and answer the kinds of what needs a look."""
        found = dict(_reasons(portfolio, its))
        self.portfolios += bool(found)
        for kind, why in found.items():
            self._add(kind, why, portfolio)
        return list(found)

    def _add(self, kind: str, why: str, portfolio: PortfolioRebalance) -> None:
        groups = self._groups.setdefault(kind, {})
        if why not in groups and len(groups) >= _GROUPS:
            self.untold[kind] += 1
            return
        group = groups.setdefault(why, Group(kind, why))
        group.count += 1
        if len(group.names) < _NAMED:
            group.names.append((portfolio.portfolio_id, portfolio.portfolio_name))

    def groups(self) -> list[Group]:
        """The worst first, of each kind those of most portfolios."""
        by_kind = (self._groups.get(kind, {}).values() for kind in KINDS)
        return [group for groups in by_kind for group in sorted(groups, key=lambda one: -one.count)]


def _reasons(portfolio: PortfolioRebalance, its: Figures) -> Iterator[tuple[str, str]]:
    # What is not traded by its settings is as it should be.
    if portfolio.state in KINDS and not isinstance(portfolio.error, NotToBeTraded):
        yield portfolio.state, portfolio.error.message if portfolio.error else "No reason was given."
    if portfolio.cash_after is not None and portfolio.cash_after < 0:
        yield "BELOW_ZERO", "The options of this run let cash fall below zero."
    solution = portfolio.solution
    if solution and solution.status != "PROVEN_OPTIMAL":
        yield (
            "UNPROVEN",
            "Every rule is kept, but better orders may exist: each portfolio says by how much at most.",
        )
    if its.outside_after and solution:
        yield "OUTSIDE", "A rule, such as a restriction, forbids the trades that would mend it."
    if portfolio.limit_breaches:
        yield (
            "BREACHED",
            "A rule, such as a restriction, forbids the trades that would keep a weight's limit.",
        )
    before, after = portfolio.drift_before, portfolio.drift_after
    if before is not None and after is not None and after > before:
        yield "FURTHER", "A rule, such as the cash to keep, comes before being near to the model."


def run_warning(run: Rebalance, portfolios: int) -> str:
    """What is to be said of the run as a whole, which has so many portfolios; empty where all is well."""
    if run.state == "FAILED":
        told = run.error.message if run.error else "no reason was given"
        return f"The run stopped before every portfolio was tried: {told}"
    if run.state == "CANCELLED":
        return "The run was cancelled: what was not tried by then was left as it is."
    if run.options is None:
        untold = run.portfolio_count - portfolios
        more = f" {untold:,} more of its portfolios failed, of which nothing is known." if untold > 0 else ""
        return f"The run was imported: its options, proofs and reasons are not known.{more}"
    return ""
