"""What errors of the driver mean: the database is away, or late."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError

from ordergen_server.domain.errors import DatabaseUnavailable, DeadlineExceeded

RETRY_AFTER_SECONDS = 1.0


@contextmanager
def translated(*, hurried: bool = False) -> Iterator[None]:
    """A block in which errors of the driver become errors of the domain.

    Args:
        hurried: the block has less time than the database may take.

    Raises:
        DeadlineExceeded: that time ended while the database was at work.
        DatabaseUnavailable: the database cannot be reached, stepped away, or takes longer than it may.
    """
    try:
        yield
    except PyMongoError as error:
        if not is_away(error):
            raise
        if hurried and error.timeout and not isinstance(error, ServerSelectionTimeoutError):
            raise DeadlineExceeded(
                "The deadline passed before the database answered: give the call more time.",
                metadata={"step": "database"},
            ) from error
        raise DatabaseUnavailable(
            "The database does not answer: try again.",
            metadata={"service": "database"},
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ) from error


def is_away(error: PyMongoError) -> bool:
    """Whether the database cannot be reached, is late, or has stepped away."""
    labels = ("RetryableWriteError", "TransientTransactionError")
    return isinstance(error, ConnectionFailure) or error.timeout or any(map(error.has_error_label, labels))
