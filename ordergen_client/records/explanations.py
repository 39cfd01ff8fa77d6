"""What the rules of a portfolio's options cost, and without which of them it has an answer, as records."""

from dataclasses import dataclass
from decimal import Decimal

from ordergen_client.records.states import RuleKind, RuleSource


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the options or of settings; what it does not have is empty.

    Attributes:
        security_id: of the security that it is about.
        name: of rules that have one.
        source: whose it is, of a kind that a run and settings can both have.
    """

    kind: RuleKind
    security_id: str = ""
    ticker: str = ""
    name: str = ""
    source: RuleSource = RuleSource.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class RulePrice:
    """What a rule costs, by solving again without it.

    Attributes:
        drift_saved: how much less the drift would be, over market value plus cash flow; None where time ended
            before.
        proven: both answers are proven to have the least drift.
    """

    rule: Rule
    drift_saved: Decimal | None
    proven: bool


@dataclass(frozen=True, slots=True)
class Relaxations:
    """Sets of rules without which there is an answer, the smallest first; of no set a part is enough.

    Attributes:
        incomplete: the search was cut short, by time or by the number of sets.
    """

    sets: tuple[tuple[Rule, ...], ...]
    incomplete: bool
