"""The database of the tests, one server process a worker; how many examples there are; why a test failed."""

import os
import signal
from collections.abc import Generator, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, settings

from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.databases import NAMED, migrated_database
from tests.limits import DATABASE_SECONDS, OUT_OF_TIME, PATIENCE, examples, is_of_the_database

#: Where hypothesis keeps the settings of a test; it has no other way to change them once they are given.
_SETTINGS = "_hypothesis_internal_use_settings"
#: A shell's background jobs ignore Ctrl-C, and so would the programs that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
#: Servers of the tests work on runs by themselves: processes for that take seconds to start.
os.environ.setdefault("ORDERGEN_COMPUTE_PROCESSES", "0")
Reporting = Generator[None, pytest.TestReport, pytest.TestReport]


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Give every property test its share of the examples that it asks for, and all the time for them."""
    tests = {item.function for item in items if isinstance(item, pytest.Function)}
    for test in tests:
        asked = getattr(test, _SETTINGS, None)
        if isinstance(asked, settings):
            share = settings(
                asked,
                deadline=None,
                max_examples=examples(asked.max_examples),
                suppress_health_check=[*asked.suppress_health_check, HealthCheck.too_slow],
            )
            setattr(test, _SETTINGS, share)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Reporting:
    """Say of a failure whether the database had too little time, or something is wrong."""
    report = yield
    if call.excinfo and is_of_the_database(call.excinfo.value):
        report.sections.append(("the database", OUT_OF_TIME))
    return report


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The MongoDB that ORDERGEN_MONGODB_URI names, or an embedded one."""
    if NAMED:
        yield NAMED
        return
    with EmbeddedDatabase(tmp_path_factory.mktemp("mongodb"), start_seconds=PATIENCE) as embedded:
        yield embedded.uri


@pytest.fixture
def database_name(mongodb_uri: str) -> Iterator[str]:
    """A database that no other test has meanwhile, in which there is what migrations make."""
    with migrated_database(mongodb_uri) as name:
        yield name


@pytest.fixture
def database(mongodb_uri: str, database_name: str) -> Iterator[Database]:
    opened = Database(mongodb_uri, database_name, pool_size=16, timeout_seconds=DATABASE_SECONDS)
    yield opened
    opened.close()
