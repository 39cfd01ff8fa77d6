"""What files make: certificates, tokens. It is made again when one of them has changed."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

Made = TypeVar("Made")
#: Of each file its time of change in ns, its size and its inode; None where it is not there.
_Stamp = tuple[tuple[int, int, int] | None, ...]


class FromFiles(Generic[Made]):
    """Something made of files; while they cannot be used after a change, what was made last stays.

    Args:
        name: of it, for the log.
        files: what it is made of; a mounted secret may exchange them at any time, one after the other.
        make: reads the files and makes it.

    Raises:
        OSError, ValueError: it cannot be made at the start.
    """

    def __init__(self, name: str, files: Sequence[Path], make: Callable[[], Made]) -> None:
        self._name = name
        self._files = files
        self._make = make
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._made = make()

    def current(self) -> Made:
        """What the files make now."""
        if self._look() != self._stamp:
            with self._lock:
                self._renew()
        return self._made

    def _renew(self) -> None:
        stamp = self._look()  # before reading: what changes meanwhile is seen the next time
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._made = self._make()
            _log.info("%s changed, and is used from now on", self._name)
        except (OSError, ValueError) as error:
            _log.warning("%s changed and cannot be used, the former stays: %s", self._name, error)

    def _look(self) -> _Stamp:
        return tuple(map(_stamp, self._files))


def read_file(name: str, path: Path) -> bytes:
    """The content of a file.

    Raises:
        ValueError: it cannot be read; the message has its name for people, for its path may be the secret
            that somebody put in the wrong variable.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ValueError(f"{name} cannot be read: {why}") from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
