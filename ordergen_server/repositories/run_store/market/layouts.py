"""How the securities of a portfolio's lines are written down: as places in the table of its run."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ordergen_server.domain.rebalances.lines import RunSecurity

#: Ticker, price, target, low and high drift.
OwnSecurity = tuple[str, Decimal, Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where securities stand, in the order in which their lines are stored: what the table lacks is last.

    Attributes:
        order: which of the lines comes where, by its number in the portfolio; empty where they stay in order.
        leading: of the first so many the place in the table is their number.
        others: of the rest, the place in the table, or the id of one that it lacks.
        own: those that it lacks.
        own_dates: and the days of their prices; empty where not known.
    """

    order: list[int]
    leading: int
    others: list[int | str]
    own: list[OwnSecurity]
    own_dates: list[str]


def layout_of(securities: Sequence[RunSecurity], places: Sequence[int | None], size: int) -> Layout:
    """The layout of securities that have these places in a table of `size`; None where it lacks one."""
    order = sorted(range(len(places)), key=lambda n: size if (place := places[n]) is None else place)
    stored = [(securities[n], places[n]) for n in order]
    leading = next((n for n, (_, place) in enumerate(stored) if place != n), len(stored))
    own = [security for security, place in stored if place is None]
    return Layout(
        order if order != list(range(len(order))) else [],
        leading,
        [security.security_id if place is None else place for security, place in stored[leading:]],
        [(one.ticker, one.price, one.target, one.low_drift, one.high_drift) for one in own],
        [str(one.price_date or "") for one in own],
    )
