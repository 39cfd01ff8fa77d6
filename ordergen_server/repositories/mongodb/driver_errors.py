"""What errors of the driver mean: the database is away, late, or cannot do what it was asked."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from ordergen_server.domain.errors import DatabaseUnavailable, DeadlineExceeded

_log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 1.0
_DUPLICATE_KEY = 11000
#: What only mistakes of ours bring about, and no new try mends: BadValue, FailedToParse, TypeMismatch,
#: DocumentValidationFailure, BSONObjectTooLarge, DuplicateKey.
MISTAKES = frozenset({2, 9, 14, 121, 10334, _DUPLICATE_KEY})
#: What OpenSSL says, in the text of an error of the driver:
#: "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)".
_TLS = re.compile(r"\[SSL: [A-Z0-9_]+\] ([^(\[]+)")


@contextmanager
def translated(*, hurried: bool = False) -> Iterator[None]:
    """A block in which errors of the driver become errors of the domain.

    Only mistakes of ours stay what they are. All else is the database's: a code that is not known here says
    that it cannot do what it was asked to, its disk is full, or it may not.

    Args:
        hurried: the block has less time than the database may take.

    Raises:
        DeadlineExceeded: that time ended while the database was at work.
        DatabaseUnavailable: the database cannot be reached, stepped away, takes longer than it may, or fails.
    """
    try:
        yield
    except PyMongoError as error:
        if is_mistake(error):
            raise
        if hurried and error.timeout and not isinstance(error, ServerSelectionTimeoutError):
            raise DeadlineExceeded(
                "The deadline passed before the database answered: give the call more time.",
                metadata={"step": "database"},
            ) from error
        if is_away(error):
            message = _away(error)
        else:
            message = "The database cannot do this now: try again."
            _log.warning("the database failed: %s", _described(error))
        raise DatabaseUnavailable(
            message, metadata={"service": "database"}, retry_after_seconds=RETRY_AFTER_SECONDS
        ) from error


@contextmanager
def there_already() -> Iterator[None]:
    """A block that writes several documents in no order, where those that are there already are no matter."""
    try:
        yield
    except BulkWriteError as error:
        if set(_codes(error)) != {_DUPLICATE_KEY}:
            raise


def is_away(error: PyMongoError) -> bool:
    """Whether the database cannot be reached, is late, or has stepped away."""
    labels = ("RetryableWriteError", "TransientTransactionError")
    return isinstance(error, ConnectionFailure) or error.timeout or any(map(error.has_error_label, labels))


def _away(error: PyMongoError) -> str:
    """What to say of a database that cannot be reached; where that is by TLS, no further try mends it."""
    if found := _TLS.search(str(error)):
        why = found[1].strip(" .")
        return f"The database cannot be reached over TLS, {why}: see the tls options of its address."
    return "The database does not answer: try again."


def is_mistake(error: PyMongoError) -> bool:
    """Whether the database refused what it should never have been asked."""
    return isinstance(error, OperationFailure) and not MISTAKES.isdisjoint(_codes(error))


def _codes(error: OperationFailure) -> list[int | None]:
    """The codes of an error: of each write that failed, where there were several."""
    if not isinstance(error, BulkWriteError):
        return [error.code]
    return [one["code"] for kind in ("writeErrors", "writeConcernErrors") for one in error.details[kind]]


def _described(error: PyMongoError) -> str:
    """The kind and the codes of an error; its text may have values of a document."""
    codes = _codes(error) if isinstance(error, OperationFailure) else []
    return " ".join(map(str, [type(error).__name__, *codes]))
