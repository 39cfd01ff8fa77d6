"""Repositories on a database of their own."""

import pytest

from ordergen_server.repositories.database import Database
from ordergen_server.repositories.models import Models
from ordergen_server.repositories.rebalances import Rebalances
from ordergen_server.repositories.tokens import PageTokens


@pytest.fixture
def models(database: Database) -> Models:
    repository = Models(database, PageTokens(b"key of the tests"))
    repository.ensure_indexes()
    return repository


@pytest.fixture
def runs(database: Database) -> Rebalances:
    repository = Rebalances(database, PageTokens(b"key of the tests"))
    repository.ensure_indexes()
    return repository
