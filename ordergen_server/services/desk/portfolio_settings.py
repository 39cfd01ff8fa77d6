"""Keeping the settings of portfolios."""

from collections.abc import Callable, Collection
from datetime import datetime

from ordergen_server.domain.desk.portfolio_settings import PortfolioSettings, SettingsContent, take_fields
from ordergen_server.domain.stores import SettingsStore
from ordergen_server.domain.subjects import current_actor


class SettingsEditor:
    """The use cases that change settings; reading them is the store's, applying them that of runs.

    What is given keeps the rules (`check_settings`). Each change is one step of the database. The version
    given must be the current one, which is 0 while a portfolio has no settings, or VersionMismatch is raised.
    """

    def __init__(
        self, settings: SettingsStore, clock: Callable[[], datetime], actor: Callable[[], str] = current_actor
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._actor = actor

    def update(
        self, portfolio_id: str, given: SettingsContent, fields: Collection[str], version: int
    ) -> PortfolioSettings:
        """Make settings, or replace fields of them. Raises VersionMismatch."""
        change = take_fields(given, fields)
        return self._settings.change(portfolio_id, version, change, self._clock(), actor=self._actor())

    def delete(self, portfolio_id: str, version: int) -> None:
        """Delete settings. Raises NotFound, VersionMismatch."""
        self._settings.delete(portfolio_id, version)
