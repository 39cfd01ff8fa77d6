"""What the rules of a portfolio's options cost, and without which of them it has an answer."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from ordergen_server.domain.rebalances.lines import RuleSource


class RuleKind(Enum):
    """Which rule of the options; bands are of the model, and none."""

    CASH_FLOOR = "CASH_FLOOR"
    RESTRICTION = "RESTRICTION"
    LOT_SIZE = "LOT_SIZE"
    MINIMUM_TRADE_VALUE = "MINIMUM_TRADE_VALUE"
    MAXIMUM_TURNOVER = "MAXIMUM_TURNOVER"
    MAXIMUM_TRADE_COUNT = "MAXIMUM_TRADE_COUNT"
    SIDES = "SIDES"
    SECURITY_LIMIT = "SECURITY_LIMIT"
    GROUP_LIMIT = "GROUP_LIMIT"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the options or of settings; security and name are empty where it has none.

    Attributes:
        source: whose it is; None of a kind that settings do not have.
    """

    kind: RuleKind
    security_id: str = ""
    ticker: str = ""
    name: str = ""
    source: RuleSource | None = None


@dataclass(frozen=True, slots=True)
class RulePrice:
    """What a rule costs.

    Attributes:
        drift_saved: how much less the drift would be without it, over market value; None: not known.
        proven: both answers are proven to have the least drift.
    """

    rule: Rule
    drift_saved: Decimal | None
    proven: bool


@dataclass(frozen=True, slots=True)
class Relaxations:
    """Minimal sets of rules without which there is an answer, the smallest first.

    Attributes:
        incomplete: the search was cut short, by time or by the number of sets.
    """

    sets: tuple[tuple[Rule, ...], ...]
    incomplete: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is found of the rules of one portfolio; relaxations of an infeasible one alone."""

    rule_prices: tuple[RulePrice, ...] = ()
    relaxations: Relaxations | None = None
