"""Changes of a model: pure functions from content to content that keep its rules."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ordergen_server.domain.errors import AlreadyExists, NotFound, Resource
from ordergen_server.domain.models import ModelContent, Position, check_portfolio_count, check_totals
from ordergen_server.domain.requests.violations import Violations

Change = Callable[[ModelContent], ModelContent]


@dataclass(frozen=True, slots=True)
class PositionMatch:
    """A security with what a caller takes its target and drifts to be; None is whatever they are."""

    security_id: str
    target: Decimal | None
    low_drift: Decimal | None
    high_drift: Decimal | None


def take_fields(given: ModelContent, fields: Collection[str]) -> Change:
    """Replace the named fields with those of `given`."""
    return lambda content: replace(
        content, **{name: getattr(given, name) for name in fields}
    ).without_zero_targets()


def add_position(position: Position) -> Change:
    """Add a security. The change raises AlreadyExists, or InvalidArgument where the sums break a rule."""

    def change(content: ModelContent) -> ModelContent:
        if any(one.security_id == position.security_id for one in content.positions):
            raise AlreadyExists(
                f"Security {position.security_id} is in the model already: UpdatePosition changes it.",
                resource=Resource("Position", position.security_id),
            )
        return _with_positions(content, [*content.positions, position])

    return change


def update_position(position: Position) -> Change:
    """Replace a position. The change raises NotFound, or InvalidArgument where the sums break a rule."""

    def change(content: ModelContent) -> ModelContent:
        index = _index(content, position.security_id)
        kept = content.positions
        return _with_positions(content, [*kept[:index], position, *kept[index + 1 :]])

    return change


def remove_position(match: PositionMatch) -> Change:
    """Remove a security. The change raises NotFound, or InvalidArgument where it is not as given."""

    def change(content: ModelContent) -> ModelContent:
        index = _index(content, match.security_id)
        stored = content.positions[index]
        with Violations() as violations:
            for name in ("target", "low_drift", "high_drift"):
                given = getattr(match, name)
                if given is not None and given != getattr(stored, name):
                    rule = f"must be empty, or equal what is stored ({getattr(stored, name)})"
                    violations.add(f"position.{name}", rule, given)
        return replace(content, positions=content.positions[:index] + content.positions[index + 1 :])

    return change


def add_portfolios(portfolio_ids: Sequence[str]) -> Change:
    """Link portfolios; those that are there stay. The change raises InvalidArgument for too many."""

    def change(content: ModelContent) -> ModelContent:
        linked = tuple(dict.fromkeys((*content.portfolio_ids, *portfolio_ids)))
        with Violations() as violations:
            check_portfolio_count(linked, "portfolio_ids", violations)
        return replace(content, portfolio_ids=linked)

    return change


def remove_portfolios(portfolio_ids: Collection[str]) -> Change:
    """Unlink portfolios; those that are not there are no matter."""
    gone = set(portfolio_ids)
    return lambda content: replace(
        content, portfolio_ids=tuple(one for one in content.portfolio_ids if one not in gone)
    )


def _index(content: ModelContent, security_id: str) -> int:
    for index, position in enumerate(content.positions):
        if position.security_id == security_id:
            return index
    raise NotFound(
        f"Security {security_id} is not in the model: AddPosition adds it.",
        metadata={"security_id": security_id},
        resource=Resource("Position", security_id),
    )


def _with_positions(content: ModelContent, positions: Sequence[Position]) -> ModelContent:
    """The content with these positions; what they break together is the new position's fault."""
    with Violations() as violations:
        check_totals(positions, "position", violations)
    return replace(content, positions=tuple(positions)).without_zero_targets()
