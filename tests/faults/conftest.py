"""A database of its own for each test that does something to it."""

from collections.abc import Iterator

import pytest

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.limits import PATIENCE


@pytest.fixture
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDatabase]:
    with EmbeddedDatabase(tmp_path_factory.mktemp("faulty"), start_seconds=PATIENCE) as running:
        yield running
