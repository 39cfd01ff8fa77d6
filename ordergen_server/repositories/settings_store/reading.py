"""Reading the settings of very many portfolios at once.

Few are asked for by their ids. Many are found in one pass over all settings that there are, unless those are
many more: a list of ids costs some databases the square of its length.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from pymongo.cursor import Cursor

from ordergen_server.domain.desk.portfolio_settings import AppliedSettings
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.settings_store.setting_documents import (
    DELETED,
    SETTINGS,
    WITHOUT_TEXT,
    applied_of,
)

#: Portfolios whose settings are asked for by their ids with one query.
ASKED_AT_ONCE = 250
#: Up to so many times as many settings as portfolios that are asked for are read in one pass.
READ_FOR_ONE = 10
#: Settings that are read with one operation of the database: each has its time, however many there are.
READ_AT_ONCE = 250


class SettingsReader:
    """Reads the collection `portfolio_settings`, in operations of its own."""

    def __init__(self, database: Database) -> None:
        self._operation = database.operation
        self._settings = database.collection(SETTINGS)

    def each(self, portfolio_ids: Sequence[str]) -> Iterator[tuple[str, AppliedSettings]]:
        """What a run keeps of the settings of those of these portfolios that have some, with their ids."""
        asked = frozenset(portfolio_ids)
        for query in self._queries(portfolio_ids):
            for found in self._found(self._settings.find(query, WITHOUT_TEXT)):
                if found["_id"] in asked and DELETED not in found:
                    yield str(found["_id"]), applied_of(found)

    def _queries(self, portfolio_ids: Sequence[str]) -> Iterator[Document]:
        count = len(portfolio_ids)
        if count > ASKED_AT_ONCE and self._count() <= READ_FOR_ONE * count:
            yield {}
            return
        for start in range(0, count, ASKED_AT_ONCE):
            yield {"_id": {"$in": list(portfolio_ids[start : start + ASKED_AT_ONCE])}}

    def _count(self) -> int:
        with self._operation():
            return self._settings.estimated_document_count()

    def _found(self, cursor: Cursor[Document]) -> Iterator[Document]:
        while True:
            with self._operation():
                part = list(islice(cursor, READ_AT_ONCE))
            if not part:
                return
            yield from part
