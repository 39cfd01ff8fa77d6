"""Repositories on a database of their own."""

import pytest

from ordergen_server.repositories.database import Database
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.models import Models
from ordergen_server.repositories.rebalances import Rebalances
from ordergen_server.repositories.tokens import PageTokens


@pytest.fixture
def models(database: Database) -> Models:
    migrate(database)
    return Models(database, PageTokens(b"key of the tests"))


@pytest.fixture
def runs(database: Database) -> Rebalances:
    migrate(database)
    return Rebalances(database, PageTokens(b"key of the tests"))
