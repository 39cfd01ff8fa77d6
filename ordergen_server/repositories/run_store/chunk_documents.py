"""Chunks of runs as they stand in `rebalance_work`.

    left to do   rebalance_id, number, origin, stride, count, state "left", token, portfolio_ids, create_time,
                 and where portfolios have any, cash_flows by their ids
    begun        ... and session, and beats
    done         ... state "ready", counts, summary, and perhaps stopped, without what attempts need
    published    rebalance_id, number, origin, stride, count, counts, summary, first_sequence

`create_time` lets the database forget the chunks of runs that never began; who carries a run out takes it
away. Documents without a stride are of earlier releases, up to 10,000 portfolios each, whose results have
their sequence themselves.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import cast

from msgspec import convert

from ordergen_server.domain.chunks import Chunk, ClaimedChunk, DoneChunk, flows_of
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances import PortfolioState
from ordergen_server.domain.summaries import RebalanceSummary
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document, to_document

#: What tells how a chunk stands, without its portfolios.
STANDING = {"_id": 0, "number": 1, "origin": 1, "count": 1, "token": 1, "session": 1, "create_time": 1}
#: Where the results of a chunk that is published are.
PUBLISHED = {"_id": 0, "number": 1, "count": 1, "first_sequence": 1}
#: Of a run's chunks those that nobody has done.
LEFT = "left"
#: The token of a chunk that no attempt has: some text, for without one the index of tokens would lack it.
NOBODY = "-"
#: And those that are done and not published.
READY = "ready"


def chunk_documents(
    rebalance_id: str,
    portfolio_ids: Sequence[str],
    size: int,
    created: datetime,
    first: int = 0,
    *,
    cash_flows: Mapping[str, Decimal] = MappingProxyType({}),
) -> list[Document]:
    """Chunks of so many portfolios each, the first numbered `first`."""
    starts = range(0, len(portfolio_ids), size)
    return [
        {
            **named(rebalance_id, first + place),
            "origin": place,
            "stride": len(starts),
            "state": LEFT,
            "token": NOBODY,
            "create_time": created,
            **portfolios_document(portfolio_ids[start : start + size], cash_flows),
        }
        for place, start in enumerate(starts)
    ]


def portfolios_document(portfolio_ids: Collection[str], cash_flows: Mapping[str, Decimal]) -> Document:
    """The portfolios that a chunk has left to do."""
    flows = flows_of(portfolio_ids, cash_flows)
    return {
        "count": len(portfolio_ids),
        "portfolio_ids": list(portfolio_ids),
        **({"cash_flows": flows} if flows else {}),
    }


def named(rebalance_id: str, number: int) -> Document:
    """What names a chunk; not every database finds its index for a number and more."""
    return {"_id": f"{rebalance_id}/{number}", "rebalance_id": rebalance_id, "number": number}


def chunk_of(document: Document) -> Chunk:
    """A chunk that is not done."""
    number, origin = cast("int", document["number"]), cast("int", document["origin"])
    count, token = cast("int", document["count"]), cast("str", document["token"])
    token = "" if token == NOBODY else token
    return Chunk(number, origin, count, token, begun="session" in document)


def claimed_chunk_of(document: Document) -> ClaimedChunk:
    """A chunk that was begun."""
    ids = cast("Iterable[str]", document["portfolio_ids"])
    flows = convert(document.get("cash_flows", {}), dict[str, Decimal])
    return ClaimedChunk(cast("int", document["number"]), cast("int", document["stride"]), tuple(ids), flows)


def done_chunk_of(document: Document) -> DoneChunk:
    """A chunk that is done."""
    counts = cast("dict[str, int]", document["counts"])
    return DoneChunk(
        cast("int", document["number"]),
        {PortfolioState(state): count for state, count in counts.items()},
        error_of(document.get("stopped")),
        summary_in(document),
    )


def summary_in(document: Document) -> RebalanceSummary | None:
    """The sums that stand in a chunk or a header, if they do."""
    stored = document.get("summary")
    return from_document(cast("Document", stored), RebalanceSummary) if stored else None


def error_of(stored: object) -> OrderGenerationError | None:
    """An error as it was stored, if one was."""
    return from_document(cast("Document", stored), OrderGenerationError) if stored else None


def stored_error(error: OrderGenerationError) -> Document:
    """An error as it is stored."""
    return to_document(error)
