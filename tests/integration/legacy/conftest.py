"""A database of the service before, and one of ours."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ordergen_server.legacy.importing import import_all
from ordergen_server.legacy.report import Report
from ordergen_server.legacy.source import MODELS, REBALANCES, Source
from ordergen_server.legacy.target import OurStores, Rehearsal, Target
from ordergen_server.repositories.import_ledger import ImportLedger
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.ended_runs import EndedRuns
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.databases import temporary_database
from tests.legacy_documents import Document
from tests.limits import DATABASE_SECONDS


@dataclass(frozen=True)
class Move:
    """From one to the other."""

    old: Database
    new: Database
    models: Models
    runs: Rebalances
    stores: OurStores

    @property
    def source(self) -> Source:
        return Source(self.old)

    def has(self, *models: Document, runs: tuple[Document, ...] = ()) -> None:
        """What is stored there."""
        for name, documents in ((MODELS, models), (REBALANCES, runs)):
            if documents:
                self.old.collection(name).insert_many(documents)

    def imported(self, target: Target | None = None) -> Report:
        report = Report()
        import_all(self.source, target or self.stores, report)
        return report

    def rehearsed(self) -> Report:
        return self.imported(Rehearsal(self.new, self.stores))


@pytest.fixture
def move(mongodb_uri: str, database: Database) -> Iterator[Move]:
    migrate(database)
    tokens = PageTokens(b"key of the tests")
    models = Models(database, tokens)
    stores = OurStores(models, EndedRuns(database), ImportLedger(database))
    with temporary_database(mongodb_uri) as name:
        old = Database(mongodb_uri, name, pool_size=2, timeout_seconds=DATABASE_SECONDS)
        yield Move(old, database, models, Rebalances(database, tokens), stores)
        old.close()
