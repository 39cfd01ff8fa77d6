"""Events of a run: who did what with it, and when. They are kept for good, longer than the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

#: Portfolios that an event names; of more it has the number alone.
NAMED_PORTFOLIOS = 100


class EventType(Enum):
    """What was done with a run."""

    STARTED = "STARTED"
    CANCELLED = "CANCELLED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SUBMITTED = "SUBMITTED"
    SUBMISSION_CANCELLED = "SUBMISSION_CANCELLED"
    SUBMISSION_FINISHED = "SUBMISSION_FINISHED"


@dataclass(frozen=True, slots=True)
class RebalanceEvent:
    """Something that was done with a run.

    Attributes:
        time: UTC, to the millisecond.
        actor: who; empty where nobody is known.
        authenticated: the actor is who credentials say, and not who they say they are.
        portfolio_count: over how many portfolios.
        portfolio_ids: the first `NAMED_PORTFOLIOS` of them, where they were chosen.
        submission_id: of events about a submission.
    """

    type: EventType
    time: datetime
    actor: str
    authenticated: bool
    comment: str = ""
    portfolio_count: int = 0
    portfolio_ids: tuple[str, ...] = ()
    submission_id: str = ""


def named(portfolio_ids: Sequence[str]) -> tuple[str, ...]:
    """Those of some portfolios that an event names."""
    return tuple(portfolio_ids[:NAMED_PORTFOLIOS])
