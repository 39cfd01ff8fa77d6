"""Investment models and their rules."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ordergen_server.domain.errors import ModelWithoutPositions, Violation
from ordergen_server.domain.numbers import EXACT, total
from ordergen_server.domain.requests.ids import check_entity_id
from ordergen_server.domain.requests.violations import Violations

MAXIMUM_NAME_LENGTH = 255
MAXIMUM_POSITIONS = 100
#: As many as a message has room for, with some to spare: clients take 4 MiB by default.
MAXIMUM_PORTFOLIOS = 100_000
#: The fields that callers change, as an update mask names them.
FIELDS = ("name", "positions", "portfolio_ids")
TARGET_STEP = Decimal("0.005")
#: At least 5 % of a model stays in cash.
MAXIMUM_TARGET = Decimal("0.95")


@dataclass(frozen=True, slots=True)
class Position:
    """A security of a model: its target weight, and how far the weight may lie below and above it."""

    security_id: str
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal


@dataclass(frozen=True, slots=True)
class ModelContent:
    """What callers say of a model; the rest of a model is ours."""

    name: str
    positions: tuple[Position, ...]
    portfolio_ids: tuple[str, ...]

    def without_zero_targets(self) -> "ModelContent":
        """The content as it is saved: a position with target 0 is no position."""
        kept = tuple(position for position in self.positions if position.target)
        return ModelContent(self.name, kept, self.portfolio_ids)


@dataclass(frozen=True, slots=True)
class Model:
    """A model as stored.

    Times are UTC, to the millisecond; `version` counts the changes from 1; `update_actor` made the last.
    """

    model_id: str
    content: ModelContent
    version: int
    create_time: datetime
    update_time: datetime
    last_rebalance_time: datetime | None = None
    update_actor: str = ""  # of models stored before it was known, and where nobody is

    @property
    def name(self) -> str:
        """The name, unique among all models."""
        return self.content.name

    @property
    def positions(self) -> tuple[Position, ...]:
        """The securities with their weights."""
        return self.content.positions

    @property
    def portfolio_ids(self) -> tuple[str, ...]:
        """The portfolios that follow the model."""
        return self.content.portfolio_ids

    def with_positions(self, positions: Sequence[Position]) -> "Model":
        """The model as it would be saved with other positions; all else is that of the one that is stored."""
        content = replace(self.content, positions=tuple(positions))
        return replace(self, content=content.without_zero_targets())


def without_positions(model: Model, *, draft: bool = False) -> ModelWithoutPositions:
    """Why a model without positions is not rebalanced; or a draft of it, which was not saved."""
    mend = "give one a target above 0" if draft else "add one with AddPosition"
    rule = f"must have positions, for rebalancing to none would sell everything: {mend}"
    return ModelWithoutPositions(
        f"{'The draft of model' if draft else 'Model'} {model.model_id} {rule}.",
        metadata={"model_id": model.model_id},
        violations=[Violation(model.model_id, rule, "MODEL_WITHOUT_POSITIONS")],
    )


def check_content(
    content: ModelContent, path: str, violations: Violations, fields: Collection[str] = FIELDS
) -> None:
    """Check every rule of these fields of a model; they are named below `path`."""
    if "name" in fields:
        check_name(content.name, f"{path}.name", violations)
    if "positions" in fields:
        check_positions(content.positions, f"{path}.positions", violations)
    if "portfolio_ids" in fields:
        check_portfolio_ids(content.portfolio_ids, f"{path}.portfolio_ids", violations)


def check_name(name: str, path: str, violations: Violations) -> None:
    """Check that a name is there and not too long."""
    if not name.strip():
        violations.add(path, "must not be blank", name)
    elif len(name) > MAXIMUM_NAME_LENGTH:
        violations.add(path, f"must have at most {MAXIMUM_NAME_LENGTH} characters", len(name))


def check_positions(positions: Sequence[Position], path: str, violations: Violations) -> None:
    """Check each position and what they are together."""
    for index, position in enumerate(positions):
        check_position(position, f"{path}[{index}]", violations)
    for index in _repeats([position.security_id for position in positions]):
        violations.add(
            f"{path}[{index}].security_id", "must be in the model only once", positions[index].security_id
        )
    check_totals(positions, path, violations)


def check_totals(positions: Sequence[Position], path: str, violations: Violations) -> None:
    """Check the number of positions and the sum of their targets."""
    count = sum(position.target > 0 for position in positions)
    if count > MAXIMUM_POSITIONS:
        violations.add(path, f"must have at most {MAXIMUM_POSITIONS} positions with a target above 0", count)
    targets = total(position.target for position in positions)
    if targets > MAXIMUM_TARGET:
        violations.add(path, f"must have targets that add up to at most {MAXIMUM_TARGET}", targets)


def check_position(position: Position, path: str, violations: Violations) -> None:
    """Check one position by itself."""
    check_entity_id(position.security_id, f"{path}.security_id", violations)
    check_target(position.target, f"{path}.target", violations)
    for name, drift in (("low_drift", position.low_drift), ("high_drift", position.high_drift)):
        if not 0 <= drift <= 1:
            violations.add(f"{path}.{name}", "must be from 0 to 1", drift)
    if position.low_drift > position.high_drift:
        violations.add(
            f"{path}.low_drift", f"must not exceed high_drift ({position.high_drift})", position.low_drift
        )


def check_target(target: Decimal, path: str, violations: Violations) -> None:
    """Check a target weight."""
    if not 0 <= target <= MAXIMUM_TARGET:
        violations.add(path, f"must be from 0 to {MAXIMUM_TARGET}", target)
    elif EXACT.remainder(target, TARGET_STEP):
        violations.add(path, f"must be a multiple of {TARGET_STEP}", target)


def check_portfolio_ids(portfolio_ids: Sequence[str], path: str, violations: Violations) -> None:
    """Check the form of each portfolio id, that none is named twice, and that they are not too many."""
    _check_ids(portfolio_ids, path, violations, "must be in the model only once")


def check_chosen(portfolio_ids: Sequence[str], path: str, violations: Violations) -> None:
    """Check, as those of a model, portfolios that are chosen of a model's."""
    _check_ids(portfolio_ids, path, violations, "must be in the list only once")


def check_members(portfolio_ids: Sequence[str], model: Model, path: str, violations: Violations) -> None:
    """Check that each portfolio that was chosen is one of the model's."""
    members = set(model.portfolio_ids)
    for index, portfolio_id in enumerate(portfolio_ids):
        if portfolio_id not in members:
            violations.add(f"{path}[{index}]", f"must follow model {model.model_id}", portfolio_id)


def check_flows(cash_flows: Collection[str], portfolio_ids: Collection[str], violations: Violations) -> None:
    """Check that each portfolio that money comes to, or is paid out of, is one of a run's."""
    members = set(portfolio_ids) if cash_flows else ()
    for index, portfolio_id in enumerate(cash_flows):
        if portfolio_id not in members:
            violations.add(
                f"cash_flows[{index}].portfolio_id", "must be a portfolio of the run", portfolio_id
            )


def check_portfolio_count(portfolio_ids: Sequence[str], path: str, violations: Violations) -> None:
    """Check the number of portfolios."""
    if len(portfolio_ids) > MAXIMUM_PORTFOLIOS:
        violations.add(path, f"must have at most {MAXIMUM_PORTFOLIOS} portfolios", len(portfolio_ids))


def _check_ids(portfolio_ids: Sequence[str], path: str, violations: Violations, once: str) -> None:
    for index, portfolio_id in enumerate(portfolio_ids):
        check_entity_id(portfolio_id, f"{path}[{index}]", violations)
    for index in _repeats(portfolio_ids):
        violations.add(f"{path}[{index}]", once, portfolio_ids[index])
    check_portfolio_count(portfolio_ids, path, violations)


def _repeats(values: Sequence[str]) -> list[int]:
    """The indices of values that stood in the sequence before."""
    if len(set(values)) == len(values):
        return []
    seen: Counter[str] = Counter()
    repeats = []
    for index, value in enumerate(values):
        seen[value] += 1
        if seen[value] > 1:
            repeats.append(index)
    return repeats
