"""Reads an export line by line."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

#: What the header says.
FORMAT, VERSION = "ordergen-rebalance", 1

Object = dict[str, Any]


class NotAnExportError(Exception):
    """The file is no export that can be checked here; the message is for people."""


class ExportFile:
    """An export that is being read.

    Args:
        path: of the file.

    Raises:
        NotAnExportError: it cannot be read, is something else, or of another version.

    Attributes:
        rebalance_id: the run that its header names.
        said_digest: the SHA-256 that its header names.
        digest: of what was read after the header.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                header = json.loads(file.readline())
        except OSError as error:
            raise NotAnExportError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise NotAnExportError(f"{path} is no export of a run: its first line is no JSON") from error
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise NotAnExportError(f"{path} is no export of a run: its first line does not name {FORMAT!r}")
        if header.get("version") != VERSION:
            found = header.get("version")
            raise NotAnExportError(f"{path} is of version {found}; this release knows version {VERSION}")
        self.rebalance_id = str(header.get("rebalanceId"))
        self.said_digest = str(header.get("sha256"))
        self._digest = sha256()

    @property
    def digest(self) -> str:
        """Of what was read so far."""
        return self._digest.hexdigest()

    def messages(self) -> Iterator[Object]:
        """The messages, in their order. Raises ValueError at a line that is none."""
        with self._path.open("rb") as file:
            file.readline()
            for line in file:
                self._digest.update(line)
                if not line.endswith(b"\n"):
                    raise ValueError("the last line is cut off")
                message = json.loads(line)
                if not isinstance(message, dict):
                    raise TypeError("a line is no message")
                yield message
