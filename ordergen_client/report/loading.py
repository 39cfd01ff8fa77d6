"""What the extra `report` brings, where it is installed."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def of_the_extra() -> Iterator[None]:
    """A block that imports what makes reports.

    Raises:
        ImportError: the extra is not installed; names it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("ordergen_client"):
            raise
        raise ImportError(
            f"A report needs {error.name}, which is not installed: install globeco-ordergen-client[report].",
            name=error.name,
        ) from error
