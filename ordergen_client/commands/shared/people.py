"""What is written for people needs packages that programs can do without."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ordergen_client.commands.shared.failures import Failure
from ordergen_client.verification.reading.export import NotAnExportError
from ordergen_client.whole_file import FileNotWrittenError


def file_of(given: Path | None, otherwise: str) -> Path:
    """The file that is written. Raises UsageError for `-`, which people mean to be standard output."""
    if given == Path("-"):
        raise click.UsageError("--output must be a file: the whole is written at once, or not at all.")
    return given or Path(otherwise)


@contextmanager
def for_people() -> Iterator[None]:
    """A block that imports and uses what writes files for people; its failures are told in words."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("ordergen_client"):
            raise
        raise click.UsageError(
            f"This needs {error.name}, which is not installed: install globeco-ordergen-client[report]."
        ) from error
    except (FileNotWrittenError, NotAnExportError) as error:
        raise Failure(str(error)) from error
