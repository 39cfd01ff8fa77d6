"""Settings of portfolios in memory, kept as SettingsStore promises."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, PortfolioSettings, SettingsContent
from ordergen_server.domain.errors import NotFound, VersionMismatch
from ordergen_server.domain.requests.pages import Page, PageRequest
from tests.builders import NOW


class MemorySettings:
    """Keeps settings in a dict; `reads` has the portfolios of each reading for a run."""

    def __init__(self) -> None:
        self.settings: dict[str, PortfolioSettings] = {}
        self.versions: dict[str, int] = {}
        self.reads: list[Sequence[str]] = []

    def put(self, portfolio_id: str, content: SettingsContent) -> PortfolioSettings:
        """Store settings, whatever there was."""
        current = self.settings.get(portfolio_id)
        return self.change(portfolio_id, current.version if current else 0, lambda _: content, NOW)

    def change(
        self,
        portfolio_id: str,
        version: int,
        change: Callable[[SettingsContent], SettingsContent],
        time: datetime,
        *,
        actor: str = "",
    ) -> PortfolioSettings:
        before = self.settings.get(portfolio_id)
        if version != (before.version if before else 0):
            raise VersionMismatch(portfolio_id)
        content = change(before.content if before else SettingsContent())
        if before and content == before.content:
            return before
        self.versions[portfolio_id] = self.versions.get(portfolio_id, 0) + 1
        created = before.create_time if before else time
        stored = PortfolioSettings(portfolio_id, content, self.versions[portfolio_id], created, time, actor)
        self.settings[portfolio_id] = stored
        return stored

    def delete(self, portfolio_id: str, version: int) -> None:
        if version != self.get(portfolio_id).version:
            raise VersionMismatch(portfolio_id)
        del self.settings[portfolio_id]
        self.versions[portfolio_id] += 1

    def get(self, portfolio_id: str) -> PortfolioSettings:
        if portfolio_id not in self.settings:
            raise NotFound(portfolio_id)
        return self.settings[portfolio_id]

    def find(self, page: PageRequest) -> Page[PortfolioSettings]:
        found = [self.settings[one] for one in sorted(self.settings)]
        return Page(tuple(found[page.skip :][: page.limit]), "", len(found))

    def applied(self, portfolio_ids: Sequence[str]) -> dict[str, AppliedSettings]:
        self.reads.append(portfolio_ids)
        found = ((one, self.settings.get(one)) for one in portfolio_ids)
        return {one: AppliedSettings(known.version, known.content) for one, known in found if known}
