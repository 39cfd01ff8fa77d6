"""Migrations begin with nothing."""

from collections.abc import Iterator

import pytest

from tests.databases import temporary_database


@pytest.fixture
def database_name(mongodb_uri: str) -> Iterator[str]:
    """A database that no other test knows."""
    with temporary_database(mongodb_uri) as name:
        yield name
