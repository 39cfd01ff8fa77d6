"""How the securities of a portfolio's lines are written down: as places in the table of its run."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordergen_server.domain.rebalances.lines import RunSecurity


@dataclass(frozen=True, slots=True)
class Layout:
    """Where securities stand, in the order in which their lines are stored: what the table lacks is last.

    Attributes:
        order: which of the lines comes where, by its number in the portfolio; empty where they stay in order.
        leading: of the first so many the place in the table is their number.
        others: of the rest, the place in the table, or the id of one that it lacks.
        own: of those that it lacks, the other texts of `RunSecurity.texts`, but for the days of their prices.
        own_dates: those days; empty where not known.
    """

    order: list[int]
    leading: int
    others: list[int | str]
    own: list[tuple[str, ...]]
    own_dates: list[str]


def layout_of(securities: Sequence[RunSecurity], places: Sequence[int | None], size: int) -> Layout:
    """The layout of securities that have these places in a table of `size`; None where it lacks one."""
    order = sorted(range(len(places)), key=lambda n: size if (place := places[n]) is None else place)
    stored = [(securities[n], places[n]) for n in order]
    leading = next((n for n, (_, place) in enumerate(stored) if place != n), len(stored))
    own = [security.texts for security, place in stored if place is None]
    return Layout(
        order if order != list(range(len(order))) else [],
        leading,
        [security.security_id if place is None else place for security, place in stored[leading:]],
        [one[1:-1] for one in own],
        [one[-1] for one in own],
    )
