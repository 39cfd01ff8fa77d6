"""What differs between two states of a model, and what that means for the portfolios that follow it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ordergen_client.records.values import Model, Position
from ordergen_client.showing.columns import percent


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `before` and `after` are a name or a position, None where it was or is not there."""

    what: str
    key: str
    before: str | Position | None
    after: str | Position | None

    @property
    def is_security(self) -> bool:
        """Whether `key` is the id of one."""
        return isinstance(self.before, Position) or isinstance(self.after, Position)


def changes(before: Model, after: Model) -> Iterator[Change]:
    """The name, then positions by id, then portfolios."""
    if before.name != after.name:
        yield Change("name", "", before.name, after.name)
    was, is_now = _by_id(before), _by_id(after)
    for key in sorted(was.keys() | is_now.keys()):
        old, new = was.get(key), is_now.get(key)
        if old != new:
            yield Change(_kind(old, new), key, old, new)
    for key in sorted(set(before.portfolio_ids) ^ set(after.portfolio_ids)):
        linked = key in after.portfolio_ids
        yield Change(
            "link" if linked else "unlink", key, None if linked else "linked", "linked" if linked else None
        )


def shown(state: str | Position | None) -> str | None:
    """A position with its band, or a name, for eyes."""
    if not isinstance(state, Position):
        return state
    band = f"{percent(-state.low_drift)} +{percent(state.high_drift)}"
    return f"{percent(state.target)} ({band})"


def meaning(before: Model, after: Model) -> dict[str, object]:
    """What the targets' changes mean for a portfolio that was on its targets, exactly."""
    was, is_now = _by_id(before), _by_id(after)
    moved = sum(
        (abs(_target(was.get(key)) - _target(is_now.get(key))) for key in was.keys() | is_now.keys()),
        Decimal(0),
    )
    total = sum((one.target for one in after.positions), Decimal(0))
    followers = len(after.portfolio_ids)
    told = (
        f"Targets would sum to {percent(total)}, and {percent(1 - total)} stay in cash. A portfolio that is"
        f" on its targets would trade {percent(moved)} of its value; {followers:,} portfolios follow it."
    )
    return {
        "turnover_weight": moved,
        "total_target": total,
        "portfolios_count": followers,
        "meaning": told,
    }


def _by_id(model: Model) -> dict[str, Position]:
    return {one.security_id: one for one in model.positions}


def _kind(old: Position | None, new: Position | None) -> str:
    if old is None:
        return "add"
    return "remove" if new is None else "change"


def _target(position: Position | None) -> Decimal:
    return position.target if position else Decimal(0)
