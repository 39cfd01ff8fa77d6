"""Keeping investment models."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from ordergen_server.domain import changes
from ordergen_server.domain.changes import Change, PositionMatch
from ordergen_server.domain.models import Model, ModelContent, Position
from ordergen_server.domain.stores import ModelStore
from ordergen_server.domain.subjects import current_actor


class ModelEditor:
    """The use cases that change models; reading them is the store's.

    What is given keeps the rules by itself (`check_content`, `check_position`): whoever decodes a request
    tells all that is wrong with it at once. What it would break together with what is stored is found here.

    Each change is one step of the database. A version of 0 is whichever is current; any other must be the
    current one, or VersionMismatch is raised.
    """

    def __init__(
        self, models: ModelStore, clock: Callable[[], datetime], actor: Callable[[], str] = current_actor
    ) -> None:
        self._models = models
        self._clock = clock
        self._actor = actor

    def create(self, content: ModelContent, request_id: str = "") -> Model:
        """Create a model. Raises InvalidArgument where the request id was another's, AlreadyExists."""
        return self._models.create(
            content.without_zero_targets(), self._clock(), request_id, actor=self._actor()
        )

    def update(self, model_id: str, given: ModelContent, fields: Collection[str], version: int) -> Model:
        """Replace fields of a model. Raises NotFound, VersionMismatch, AlreadyExists."""
        return self._change(model_id, version, changes.take_fields(given, fields))

    def delete(self, model_id: str, version: int) -> None:
        """Delete a model. Raises NotFound, VersionMismatch."""
        self._models.delete(model_id, version)

    def add_position(self, model_id: str, position: Position, version: int) -> Model:
        """Add a security. Raises NotFound, VersionMismatch, AlreadyExists, InvalidArgument."""
        return self._change(model_id, version, changes.add_position(position))

    def update_position(self, model_id: str, position: Position, version: int) -> Model:
        """Replace a position. Raises NotFound, VersionMismatch, InvalidArgument."""
        return self._change(model_id, version, changes.update_position(position))

    def remove_position(self, model_id: str, match: PositionMatch, version: int) -> Model:
        """Remove a security. Raises NotFound, VersionMismatch, InvalidArgument."""
        return self._change(model_id, version, changes.remove_position(match))

    def add_portfolios(self, model_id: str, portfolio_ids: Sequence[str], version: int) -> Model:
        """Link portfolios. Raises NotFound, VersionMismatch, AlreadyExists."""
        return self._change(model_id, version, changes.add_portfolios(portfolio_ids))

    def remove_portfolios(self, model_id: str, portfolio_ids: Sequence[str], version: int) -> Model:
        """Unlink portfolios. Raises NotFound, VersionMismatch."""
        return self._change(model_id, version, changes.remove_portfolios(portfolio_ids))

    def _change(self, model_id: str, version: int, change: Change) -> Model:
        return self._models.change(model_id, version, change, self._clock(), actor=self._actor())
