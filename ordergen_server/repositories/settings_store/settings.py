"""Settings of portfolios in MongoDB: one document a portfolio, and every change of it one operation."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from bson import ObjectId, decode
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, PortfolioSettings, SettingsContent
from ordergen_server.domain.errors import NotFound, Resource, VersionMismatch
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.full_pages import as_stored, fill
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.settings_store.reading import SettingsReader
from ordergen_server.repositories.settings_store.setting_documents import (
    DELETED,
    SETTINGS,
    settings_document,
    settings_of,
)

#: How many changes settings remember, to know their own again where the driver repeats one.
REMEMBERED_CHANGES = 16
_ARGUMENTS = (SETTINGS,)
_THERE: Document = {DELETED: {"$exists": False}}


class Settings:
    """A SettingsStore."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        self._database = database
        self._operation = database.operation
        self._writing = database.writing
        self._settings = database.collection(SETTINGS)
        self._stored = database.raw_collection(SETTINGS)
        self._tokens = tokens
        self._reader = SettingsReader(database)

    def change(
        self,
        portfolio_id: str,
        version: int,
        change: Callable[[SettingsContent], SettingsContent],
        time: datetime,
        *,
        actor: str = "",
    ) -> PortfolioSettings:
        """Store what `change` makes of settings, as one step; version 0 are none, and become the first.

        Compare and set on the version: where another writer was first, that is a VersionMismatch.
        """
        change_id = ObjectId()
        with self._writing():
            while True:
                stored = self._read(portfolio_id)
                if stored and change_id in _remembered(stored):
                    return settings_of(stored)  # it was ours, and the answer got lost on the way
                before = settings_of(stored) if stored and DELETED not in stored else None
                if version != (current := before.version if before else 0):
                    raise _version_mismatch(portfolio_id, current)
                changed = _changed(portfolio_id, before, change, time, actor)
                if before and changed.content == before.content:
                    return before
                changed = replace(changed, version=_version(stored) + 1)
                if self._compare_and_set(stored, changed, change_id):
                    return changed

    def delete(self, portfolio_id: str, version: int) -> None:
        """Delete settings; their version is remembered. Raises NotFound, VersionMismatch."""
        there: Document = {"_id": portfolio_id, "version": version, **_THERE}
        change_id = ObjectId()
        with self._writing():
            gone: Document = {
                "version": version + 1,
                DELETED: self._database.now(),  # its clock, for it forgets them by that
                "change_ids": [change_id],
            }
            while not self._settings.replace_one(there, gone).matched_count:
                stored = self._read(portfolio_id)
                if stored and change_id in _remembered(stored):
                    return  # it was ours, and the answer got lost on the way
                if stored is None or DELETED in stored:
                    raise _not_found(portfolio_id)
                if _version(stored) != version:
                    raise _version_mismatch(portfolio_id, _version(stored))

    def get(self, portfolio_id: str) -> PortfolioSettings:
        """Read settings. Raises NotFound."""
        with self._operation():
            stored = self._read(portfolio_id)
        if stored is None or DELETED in stored:
            raise _not_found(portfolio_id)
        return settings_of(stored)

    def find(self, page: PageRequest) -> Page[PortfolioSettings]:
        """Read a page of settings, by portfolio id. Raises InvalidArgument for a foreign token."""
        place = cast("str | None", self._tokens.read(page.token, _ARGUMENTS))
        after: Document = {**_THERE, "_id": {"$gt": place}} if place else _THERE
        with self._operation():
            cursor = self._stored.find(after).sort("_id", ASCENDING).skip(page.skip).limit(page.limit + 1)
            with cursor.hint("_id_") as documents:
                found, more = fill(as_stored(documents), page.limit)
            whole = place is None and not more and not page.skip
            total = len(found) if whole else self._count()
        items = [settings_of(decode(document.raw, CODEC_OPTIONS)) for document in found]
        token = self._tokens.make(items[-1].portfolio_id, _ARGUMENTS) if more else ""
        return Page(tuple(items), token, total)

    def applied(self, portfolio_ids: Sequence[str]) -> dict[str, AppliedSettings]:
        """What a run keeps of the settings of those of these portfolios that have some, by portfolio id."""
        return dict(self._reader.each(portfolio_ids))

    def _count(self) -> int:
        """How many settings there are, from indexes instead of documents."""
        deleted = self._settings.count_documents({DELETED: {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}})
        return max(0, self._settings.count_documents({}, hint="_id_") - deleted)

    def _read(self, portfolio_id: str) -> Document | None:
        return self._settings.find_one({"_id": portfolio_id})

    def _compare_and_set(
        self, stored: Document | None, changed: PortfolioSettings, change_id: ObjectId
    ) -> bool:
        """Store settings if what is stored is still what was read; False where it is not."""
        known = [*(_remembered(stored) if stored else ()), change_id]
        document = {**settings_document(changed), "change_ids": known[-REMEMBERED_CHANGES:]}
        if stored is None:
            try:
                self._settings.insert_one(document)
            except DuplicateKeyError:
                return False
            return True
        unchanged: Document = {"_id": changed.portfolio_id, "version": _version(stored)}
        return self._settings.replace_one(unchanged, document).matched_count == 1


def _changed(
    portfolio_id: str,
    before: PortfolioSettings | None,
    change: Callable[[SettingsContent], SettingsContent],
    time: datetime,
    actor: str,
) -> PortfolioSettings:
    content = change(before.content if before else SettingsContent())
    created = before.create_time if before else time
    return PortfolioSettings(portfolio_id, content, 1, created, time, actor)


def _remembered(stored: Document) -> Sequence[object]:
    return cast("Sequence[object]", stored.get("change_ids", ()))


def _version(stored: Document | None) -> int:
    """The version of settings, also of deleted ones; 0 where nothing is known."""
    return cast("int", stored["version"]) if stored else 0


def _not_found(portfolio_id: str) -> NotFound:
    return NotFound(
        f"Portfolio {portfolio_id} has no settings: UpdatePortfolioSettings makes some.",
        metadata={"portfolio_id": portfolio_id},
        resource=Resource("PortfolioSettings", portfolio_id),
    )


def _version_mismatch(portfolio_id: str, current: int) -> VersionMismatch:
    return VersionMismatch(
        f"The settings of portfolio {portfolio_id} were changed meanwhile, their version is {current}: read"
        " them again, then repeat.",
        metadata={"portfolio_id": portfolio_id, "current_version": str(current)},
    )
