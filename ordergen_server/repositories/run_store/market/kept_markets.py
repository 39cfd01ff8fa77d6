"""The markets of runs in MongoDB: written once, never changed, deleted with their run.

A document of the database has at most 16 MB, so a market of very many securities is kept in parts.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.run_store.market.markets import RunMarket, RunTable
from ordergen_server.repositories.run_store.packing import pack, unpack

if TYPE_CHECKING:
    from ordergen_server.repositories.mongodb.codec import Document

PART_BYTES = 4 * 1024 * 1024
#: Markets of runs that are worked on or looked at; one of 500 securities takes half a megabyte.
REMEMBERED = 32
_NOTHING = RunTable()


class KeptMarkets:
    """The collection `rebalance_markets`; within an operation of the database. Safe in threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._parts = database.collection("rebalance_markets")
        # What is kept never changes, and what is not kept is looked for again.
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._read)

    def keep(self, rebalance_id: str, positions: Sequence[Position], snapshot: MarketSnapshot) -> None:
        """Keep the market of a run; the first that is kept stays."""
        packed = pack(RunMarket.of(positions, snapshot))
        now = datetime.now(UTC)
        parts: list[Document] = [
            {
                "rebalance_id": rebalance_id,
                "part": number,
                "data": packed[start : start + PART_BYTES],
                "create_time": now,
            }
            for number, start in enumerate(range(0, len(packed), PART_BYTES))
        ]

        def insert(session: ClientSession) -> None:
            for part in parts:
                self._parts.insert_one(part, session=session)

        with suppress(DuplicateKeyError):
            if len(parts) == 1:  # no transaction, which a server that is killed in it would leave open
                self._parts.insert_one(parts[0])
            else:
                self._database.transaction(insert)

    def read(self, rebalance_id: str) -> RunMarket | None:
        """The market that is kept for a run. Raises StoredDataDamaged."""
        try:
            return self._remembered(rebalance_id)
        except LookupError:
            return None

    def table(self, rebalance_id: str) -> RunTable:
        """The securities of a run that its results refer to; none where no market is kept."""
        market = self.read(rebalance_id)
        return market.table if market else _NOTHING

    def delete(self, rebalance_id: str) -> None:
        """Keep it no longer."""
        self._parts.delete_many({"rebalance_id": rebalance_id})

    def _read(self, rebalance_id: str) -> RunMarket:
        found = self._parts.find({"rebalance_id": rebalance_id}).sort("part", ASCENDING)
        packed = b"".join(cast("bytes", part["data"]) for part in found)
        if not packed:
            raise LookupError(rebalance_id)
        return unpack(packed, RunMarket, f"the market of rebalance {rebalance_id}")
