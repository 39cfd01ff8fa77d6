"""Reading the settings of very many portfolios at once."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ordergen_server.domain.portfolio_settings import AppliedSettings
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.settings_store.setting_documents import (
    DELETED,
    SETTINGS,
    WITHOUT_TEXT,
    applied_of,
)

if TYPE_CHECKING:
    from ordergen_server.repositories.mongodb.codec import Document

#: Portfolios whose settings are read with one query: a third of a megabyte of ids.
READ_AT_ONCE = 10_000


class SettingsReader:
    """Reads the collection `portfolio_settings`; within an operation of the database."""

    def __init__(self, database: Database) -> None:
        self._settings = database.collection(SETTINGS)

    def applied(self, portfolio_ids: Sequence[str]) -> dict[str, AppliedSettings]:
        """What a run keeps of the settings of those of these portfolios that have some."""
        return dict(self._each(portfolio_ids))

    def _each(self, portfolio_ids: Sequence[str]) -> Iterator[tuple[str, AppliedSettings]]:
        for start in range(0, len(portfolio_ids), READ_AT_ONCE):
            asked: Document = {"_id": {"$in": list(portfolio_ids[start : start + READ_AT_ONCE])}}
            for found in self._settings.find(asked, WITHOUT_TEXT):
                if DELETED not in found:
                    yield str(found["_id"]), applied_of(found)
