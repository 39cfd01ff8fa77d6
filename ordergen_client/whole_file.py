"""Files that are whole, or not there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

#: As commands and programs have it.
_FORCE = "--force, or force=True,"


class FileNotWrittenError(Exception):
    """A file cannot be written; the message is for people."""


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A block that writes a file, under another name until it is whole.

    Args:
        path: the file; while it is written it is `<path>.part`.
        force: replace a file that is there.

    Raises:
        FileNotWrittenError: there is such a file, or it cannot be written.
    """
    path = path.resolve()  # a link stays one, and what it leads to is written
    if path.exists() and not path.is_file():
        raise FileNotWrittenError(f"{path} is no file that can be replaced.")
    part = path.with_name(f"{path.name}.part")
    if not force:
        _refuse_existing(path)
    try:
        with part.open("w+b" if force else "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not force:
            _refuse_existing(path)  # again, for a run that is followed takes its time
        part.replace(path)
    except FileExistsError as error:
        raise FileNotWrittenError(
            f"{part} is there already: another export writes it, or was killed; {_FORCE} overwrites it."
        ) from error
    except OSError as error:
        _remove(part)
        raise FileNotWrittenError(f"{path} cannot be written: {error.strerror or error}") from error
    except BaseException:  # an interrupt, too: what is cut off is of no use
        _remove(part)
        raise


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise FileNotWrittenError(f"{path} is there already: {_FORCE} overwrites it.")


def _remove(part: Path) -> None:
    with suppress(OSError):  # what went wrong before is what is told
        part.unlink()
