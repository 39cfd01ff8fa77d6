"""A run as a file: every message of its stream as a line of JSON, whole or not there at all.

    line 1     the header: {"format": "ordergen-rebalance", "version": 1, "rebalanceId": ..., "sha256": ...}
    line 2-    each RebalanceModelResponse as protojson: the start, a portfolio each, the end

`sha256` is of all bytes after the header. It is known last and stands first: until the end it is all zeros.
"""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from globeco.ordergen.v1 import rebalance_service_pb2
from google.protobuf.json_format import MessageToDict

from ordergen_client.verification.reading import FORMAT, VERSION

_UNKNOWN = "0" * 64

Message = rebalance_service_pb2.RebalanceModelResponse
#: Told how many portfolios are written, of how many.
Progress = Callable[[int, int], None]


class ExportError(Exception):
    """A run cannot be written to a file; the message is for people."""


def write_export(
    messages: Iterable[Message], rebalance_id: str, path: Path, *, force: bool, progress: Progress
) -> str:
    """Write a run to its end, under another name until it is whole; answers the SHA-256 of its messages.

    Args:
        messages: the stream of the run, in the view FULL.
        rebalance_id: the run.
        path: the file; while it is written it is `<path>.part`.
        force: replace a file that is there.
        progress: is told how far it is.

    Raises:
        ExportError: there is such a file, it cannot be written, or the stream ended before the run.
    """
    part = path.with_name(f"{path.name}.part")
    if not force:
        _refuse_existing(path)
    try:
        with part.open("wb" if force else "xb") as file:
            digest = _written(file, messages, rebalance_id, progress)
        if not force:
            _refuse_existing(path)  # again, for a run that is followed takes its time
        part.replace(path)
    except FileExistsError as error:
        raise ExportError(
            f"{part} is there already: another export writes it, or was killed; --force overwrites it."
        ) from error
    except OSError as error:
        _remove(part)
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    except BaseException:  # an interrupt, too: what is cut off is of no use
        _remove(part)
        raise
    return digest


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise ExportError(f"{path} is there already: --force overwrites it.")


def _written(file: BinaryIO, messages: Iterable[Message], rebalance_id: str, progress: Progress) -> str:
    file.write(_header(rebalance_id, _UNKNOWN))
    digest = sha256()
    total = done = 0
    for message in messages:
        line = _line(MessageToDict(message))
        digest.update(line)
        file.write(line)
        if message.HasField("finished"):
            break
        total = message.started.portfolio_count or total
        done += message.HasField("portfolio")
        progress(done, total)
    else:
        raise ExportError(f"The stream of run {rebalance_id} ended before the run did: try again.")
    file.seek(0)
    file.write(_header(rebalance_id, digest.hexdigest()))
    file.flush()
    os.fsync(file.fileno())
    return digest.hexdigest()


def _header(rebalance_id: str, digest: str) -> bytes:
    return _line({"format": FORMAT, "version": VERSION, "rebalanceId": rebalance_id, "sha256": digest})


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _remove(part: Path) -> None:
    with suppress(OSError):  # what went wrong before is what is told
        part.unlink()
