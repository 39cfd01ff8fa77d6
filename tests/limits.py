"""Every time limit of the tests, so generous that only what hangs meets it, and how much the tests do."""

import os
from collections.abc import Iterator
from contextlib import suppress

import grpc
from grpc_status import rpc_status
from pymongo.errors import PyMongoError

from ordergen_client.errors import DatabaseUnavailable as OverTheWire
from ordergen_server.domain.errors import DatabaseUnavailable

#: Whether tests that are slow by nature do all that they can (`make soak`), or enough for every change.
LONG = os.environ.get("ORDERGEN_TESTS_LONG", "0") not in ("", "0")
#: Of the examples that a property test names, one in so many is tried for every change.
EXAMPLES_OF_ONE = 5
#: But no fewer than these, unless it names fewer.
LEAST_EXAMPLES = 20

#: Seconds for one operation of a database that is up.
DATABASE_SECONDS = 60.0
#: Seconds for a call, a process, or anything else that must come; a whole test has those of pyproject.toml.
PATIENCE = 150.0
#: Seconds for a proof that a test needs; the hardest take some on a quiet machine.
PROOF_SECONDS = 600.0

_DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
OUT_OF_TIME = (
    "An operation of the database failed or was not over in the time that it had (tests/limits.py): "
    "what the test is about was not seen to be wrong."
)


def sized(short: int, long: int) -> int:
    """How many of something: enough for every change, or all of them."""
    return long if LONG else short


def examples(asked: int) -> int:
    """How many examples a property test that asks for so many tries."""
    return asked if LONG else min(asked, max(LEAST_EXAMPLES, asked // EXAMPLES_OF_ONE))


def is_of_the_database(error: BaseException) -> bool:
    """Whether a test failed because the database did, and not by a wrong answer."""
    return any(map(_is_database_error, _chain(error)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_database_error(error: BaseException) -> bool:
    if isinstance(error, PyMongoError):
        return error.timeout
    if isinstance(error, grpc.Call):
        with suppress(ValueError):  # of trailers that say another thing than the call
            status = rpc_status.from_call(error)
            return status is not None and _DATABASE_UNAVAILABLE.encode() in status.SerializeToString()
    # One of the client's own, or an answer that was kept as a value, and that an assertion shows.
    if isinstance(error, DatabaseUnavailable | OverTheWire):
        return True
    return _DATABASE_UNAVAILABLE in str(error)
