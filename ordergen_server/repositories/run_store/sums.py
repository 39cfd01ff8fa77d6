"""The summary of a run in its header, with the sequence that it reaches.

A server of an earlier release counts what it publishes and adds it to no sums: then the header has another
sequence than its summary, which says less than there is, and is not told any more.
"""

from typing import cast

from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document, to_document


def sums_document(summary: RebalanceSummary | None, sequence: int) -> Document | None:
    """Sums over the results up to a sequence."""
    return None if summary is None else {**to_document(summary), "sequence": sequence}


def sums_of(header: Document) -> RebalanceSummary | None:
    """The sums of a run, where they are over all that it has told."""
    stored = cast("Document | None", header.get("summary"))
    known = stored and stored.get("sequence") == header["sequence"]
    return from_document(stored, RebalanceSummary) if stored and known else None
