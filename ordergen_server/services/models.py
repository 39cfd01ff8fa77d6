"""Keeping investment models."""

from collections.abc import Callable
from datetime import datetime

from ordergen_server.domain.models import Model, ModelContent, check_content
from ordergen_server.domain.stores import ModelStore
from ordergen_server.domain.violations import Violations


class ModelKeeper:
    """The use cases that change models; reading them is the store's."""

    def __init__(self, models: ModelStore, clock: Callable[[], datetime]) -> None:
        self._models = models
        self._clock = clock

    def create(self, content: ModelContent) -> Model:
        """Create a model. Raises InvalidArgument, AlreadyExists."""
        with Violations() as violations:
            check_content(content, "model", violations)
        return self._models.create(content.without_zero_targets(), self._clock())
