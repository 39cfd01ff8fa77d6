"""Chunks of runs as they stand in `rebalance_work`.

    left to do   rebalance_id, number, origin, stride, count, state "left", token, portfolio_ids, create_time,
                 and of those portfolios that have any, cash_flows, and settings, packed, by their ids
    begun        ... and session, and beats
    done         ... state "ready", counts, summary, and perhaps stopped, without what attempts need
    published    rebalance_id, number, origin, stride, count, counts, summary, first_sequence

A chunk that is done also has `not_traded`, where portfolios of it are not to be traded.

`create_time` lets the database forget the chunks of runs that never began; who carries a run out takes it
away. Documents without a stride are of earlier releases, up to 10,000 portfolios each, whose results have
their sequence themselves.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import cast

from msgspec import convert

from ordergen_server.domain.chunks import Chunk, ClaimedChunk, DoneChunk, flows_of
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document, to_document
from ordergen_server.repositories.run_store.packing import unpack

#: What tells how a chunk stands, without its portfolios.
STANDING = {"_id": 0, "number": 1, "origin": 1, "count": 1, "token": 1, "session": 1, "create_time": 1}
#: Where the results of a chunk that is published are.
PUBLISHED = {"_id": 0, "number": 1, "count": 1, "first_sequence": 1}
#: Of a run's chunks those that nobody has done.
LEFT = "left"
#: The token of a chunk that no attempt has: some text, for without one the index of tokens would lack it.
NOBODY = "-"
#: Of the settings of a chunk, packed; those of one portfolio take 80 kB. A document has at most 16 MiB.
SETTINGS_BYTES = 12 * 1024 * 1024
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
    settings: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Document]:
    """Chunks of so many portfolios each, the first numbered `first`; fewer where settings need the room.

    Args:
        rebalance_id: the run.
        portfolio_ids: of all chunks.
        size: portfolios of a chunk at most.
        created: when the run begins.
        first: the number of the first.
        cash_flows: of portfolios that have one, and of others.
        settings: of those that have some, and of others; packed.
    """
    parts = list(_parts(portfolio_ids, size, settings))
    return [
        {
            **named(rebalance_id, first + place),
            "origin": place,
            "stride": len(parts),
            "state": LEFT,
            "token": NOBODY,
            "create_time": created,
            **portfolios_document(part, cash_flows),
            **_settings_document(part, settings),
        }
        for place, part in enumerate(parts)
    ]


def _parts(portfolio_ids: Sequence[str], size: int, settings: Mapping[str, bytes]) -> Iterator[Sequence[str]]:
    """Portfolios that stand in a chunk together."""
    start, room = 0, SETTINGS_BYTES
    for place, one in enumerate(portfolio_ids):
        room -= len(settings.get(one, b""))
        if place - start == size or (room < 0 and place > start):
            yield portfolio_ids[start:place]
            start, room = place, SETTINGS_BYTES - len(settings.get(one, b""))
    if portfolio_ids:
        yield portfolio_ids[start:]


def _settings_document(portfolio_ids: Iterable[str], settings: Mapping[str, bytes]) -> Document:
    own = {one: settings[one] for one in portfolio_ids if one in settings}
    return {"settings": own} if own else {}


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
    number, stride = cast("int", document["number"]), cast("int", document["stride"])
    flows = convert(document.get("cash_flows", {}), dict[str, Decimal])
    return ClaimedChunk(number, stride, tuple(ids), flows, _settings_in(document))


def _settings_in(document: Document) -> dict[str, AppliedSettings]:
    packed = cast("dict[str, bytes]", document.get("settings", {}))
    what = f"settings in chunk {document['_id']}"
    return {key: unpack(one, AppliedSettings, what) for key, one in packed.items()}


def done_chunk_of(document: Document) -> DoneChunk:
    """A chunk that is done."""
    counts, summary = cast("dict[str, int]", document["counts"]), document.get("summary")
    return DoneChunk(
        cast("int", document["number"]),
        {PortfolioState(state): count for state, count in counts.items()},
        error_of(document.get("stopped")),
        from_document(cast("Document", summary), RebalanceSummary) if summary else None,
        not_traded=cast("int", document.get("not_traded", 0)),
    )


def error_of(stored: object) -> OrderGenerationError | None:
    """An error as it was stored, if one was."""
    return from_document(cast("Document", stored), OrderGenerationError) if stored else None


def stored_error(error: OrderGenerationError) -> Document:
    """An error as it is stored."""
    return to_document(error)
