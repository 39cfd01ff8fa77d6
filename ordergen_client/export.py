"""A run as a file: every message of its stream as a line of JSON, whole or not there at all.

    line 1     the header: {"format": "ordergen-rebalance", "version": 1, "rebalanceId": ..., "sha256": ...}
    line 2-    each RebalanceModelResponse as protojson: the start, a portfolio each, the end

`sha256` is of all bytes after the header. It is known last and stands first: until the end it is all zeros.
"""

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from globeco.ordergen.v1 import rebalance_service_pb2
from google.protobuf.json_format import MessageToDict

from ordergen_client.verification.reading.export import FORMAT, VERSION
from ordergen_client.whole_file import FileNotWrittenError, whole_file

_UNKNOWN = "0" * 64

Message = rebalance_service_pb2.RebalanceModelResponse
#: Told how many portfolios are written, of how many.
Progress = Callable[[int, int], None]


class ExportError(FileNotWrittenError):
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
        FileNotWrittenError: there is such a file, or it cannot be written.
        ExportError: the stream ended before the run.
    """
    with whole_file(path, force=force) as file:
        return _written(file, messages, rebalance_id, progress)


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
    return digest.hexdigest()


def _header(rebalance_id: str, digest: str) -> bytes:
    return _line({"format": FORMAT, "version": VERSION, "rebalanceId": rebalance_id, "sha256": digest})


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
