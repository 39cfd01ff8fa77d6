"""No log has a secret in it, whatever levels the loggers have."""

import base64
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

import pytest

from ordergen_server.domain.errors import DatabaseUnavailable
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from tests.limits import DATABASE_SECONDS

#: Nothing listens there.
PASSWORD = "correct-horse-battery-staple"  # noqa: S105 - of nothing
NOBODY = f"mongodb://somebody:{PASSWORD}@127.0.0.1:1/?directConnection=true"


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged, by loggers that all log at DEBUG; the driver's are there once it has been used."""
    loggers = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = {logger: logger.level for logger in loggers}
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        yield caplog
    for logger, level in before.items():
        logger.setLevel(level)


def forms(key: bytes) -> list[str]:
    """How a key may be written; a part of it is enough."""
    return [key.hex()[:16], base64.b64encode(key).decode()[:16], repr(key)[2:18]]


def test_the_key_of_page_tokens_is_in_no_log(
    mongodb_uri: str, database_name: str, everything: pytest.LogCaptureFixture
) -> None:
    """Not when it is made, nor when it is read, nor when a page has a token."""
    database = Database(mongodb_uri, database_name, pool_size=2, timeout_seconds=DATABASE_SECONDS)
    migrate(database)
    for _ in range(2):
        PageTokens.of(database).make("place", ("arguments",))
    (document,) = database.collection("secrets").find({})
    key = cast("bytes", document["key"])
    database.close()
    logged = everything.text
    assert "pymongo" in {one.name.partition(".")[0] for one in everything.records}
    assert [form for form in forms(key) if form in logged] == []


def test_the_password_of_the_database_is_in_no_log(everything: pytest.LogCaptureFixture) -> None:
    database = Database(NOBODY, "none", pool_size=2, timeout_seconds=0.2)
    with suppress(DatabaseUnavailable):
        PageTokens.of(database)
    database.close()
    assert everything.records != []
    assert PASSWORD not in everything.text
