"""How many portfolios of a run were reviewed, counted so that it does not matter how many must approve."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReviewTally:
    """Portfolios of a run by what their reviews say; kept with the run, so that nobody need read them all.

    How many must approve is a setting, which may be another tomorrow: so it is what people decided that is
    counted, and not what follows from it.

    Attributes:
        rejected: somebody rejects.
        approved_once: nobody rejects, and at least one approves.
        approved_twice: nobody rejects, and at least two approve of whom none began the run.
    """

    rejected: int = 0
    approved_once: int = 0
    approved_twice: int = 0

    def change(self, before: "ReviewTally") -> dict[str, int]:
        """What must be added to `before` to have this, without zeros."""
        names = ("rejected", "approved_once", "approved_twice")
        changes = {name: getattr(self, name) - getattr(before, name) for name in names}
        return {name: change for name, change in changes.items() if change}


#: Of a run of which nobody has decided.
NOT_REVIEWED = ReviewTally()
