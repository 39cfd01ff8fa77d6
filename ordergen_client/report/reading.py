"""The events of a run, read from an export."""

from collections.abc import Iterator
from pathlib import Path

from globeco.ordergen.v1 import rebalance_service_pb2
from google.protobuf.json_format import ParseDict, ParseError

from ordergen_client.records import messages
from ordergen_client.records.values import RebalanceEvent
from ordergen_client.verification.reading.export import ExportFile, NotAnExportError


def events_of(path: Path) -> Iterator[RebalanceEvent]:
    """The events of an export, as a server would stream them; the last one once its checksum was found right.

    Raises:
        NotAnExportError: it is no export, or not as it was written.
    """
    export = ExportFile(path)
    last: RebalanceEvent | None = None
    try:
        for line in export.messages():
            if last:
                yield last
            last = messages.event(ParseDict(line, rebalance_service_pb2.RebalanceModelResponse()))
    except (ParseError, ValueError, TypeError, ArithmeticError) as error:
        raise NotAnExportError(f"{path} is not as it was written: {error}") from error
    if export.digest != export.said_digest:
        raise NotAnExportError(
            f"{path} is not as it was written: its checksum is another. "
            "`ordergen runs verify` says what is wrong."
        )
    if last:
        yield last
