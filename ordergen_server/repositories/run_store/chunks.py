"""The chunks of runs in MongoDB: lent, begun, stored with their results, published.

The results of a chunk are stored in one transaction with the chunk, which must still have the token of the
attempt. A worker that is killed in that transaction leaves it open, and the database would keep its locks for
a minute: its session is kept with the chunk, and whoever gives the chunk to another ends it first.

Publishing takes two writes. The first gives the chunk its place, which an index lets no other chunk of the
run have; the second counts it in the header, whose lease and sequence must be those that are expected.
Between them the place is certain already: whoever takes the run over publishes that chunk first.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.chunks import (
    CHUNK_PORTFOLIOS,
    Chunk,
    ChunkTask,
    ClaimedChunk,
    DoneChunk,
    PlaceTaken,
    RunProgress,
    Standing,
)
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances.results import PortfolioRebalance, summary_of
from ordergen_server.domain.stores import Lease, LeaseLost, RunOrder
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.review_store.run_errors import run_not_found
from ordergen_server.repositories.run_store.chunk_documents import (
    LEFT,
    NOBODY,
    READY,
    STANDING,
    chunk_documents,
    chunk_of,
    claimed_chunk_of,
    done_chunk_of,
    error_of,
    named,
    portfolios_document,
    stored_error,
)
from ordergen_server.repositories.run_store.market.kept_markets import KeptMarkets
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.result_documents import result_document
from ordergen_server.repositories.run_store.runs import RUNNING, more, order_of, until
from ordergen_server.repositories.run_store.sums import sums_document, sums_of

if TYPE_CHECKING:
    from datetime import datetime

#: What a chunk has only while an attempt has it.
_OF_ATTEMPT: Document = {"token": "", "session": "", "beats": "", "stop": ""}
#: What the rest of a chunk has of it.
_KEPT = ("origin", "stride", "state", "create_time", "token", "session", "stop", "settings")
#: What its coordination reads of a header, which has the whole model.
_COUNTED = dict.fromkeys(("sequence", "stopped", "chunked", "cancel_requested"), 1)


class Chunks:
    """A ChunkStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._operation = database.operation
        self._writing = database.writing
        self._headers = database.collection("rebalances")
        self._portfolios = database.collection("portfolio_rebalances")
        self._work = database.collection("rebalance_work")
        self._sessions: dict[str, ClientSession] = {}
        self._markets = KeptMarkets(database)

    def order(self, rebalance_id: str) -> RunOrder:
        """What a run that goes on needs, with the time that it has left. Raises NotFound."""
        with self._operation():
            now = self._database.now()
            header = self._headers.find_one({"_id": ObjectId(rebalance_id), "state": RUNNING})
        if header is None:
            raise run_not_found(rebalance_id)
        return order_of(header, now)

    def progress(self, rebalance_id: str, lease: Lease) -> RunProgress:
        """How far a run that we hold is, with what was about to be published. Raises LeaseLost."""
        with self._writing():
            header = self._headers.find_one(_held(rebalance_id, lease), _COUNTED)
            while header and (placed := self._placed(rebalance_id, cast("int", header["sequence"]))):
                header = self._count(rebalance_id, placed, cast("int", header["sequence"]), lease)
            if header is None:
                raise LeaseLost(rebalance_id)
            if not header.get("chunked"):
                self._cut_again(rebalance_id, lease)
            left = list(self._work.find({"rebalance_id": rebalance_id, "state": LEFT}, STANDING))
            if any("create_time" in one for one in left):
                # From here on the database may forget nothing of the run, however long it waits.
                self._work.update_many({"rebalance_id": rebalance_id}, {"$unset": {"create_time": ""}})
            chunks = sorted(map(chunk_of, left), key=lambda one: (one.origin, one.number))
        return RunProgress(cast("int", header["sequence"]), error_of(header.get("stopped")), chunks)

    def lend(self, rebalance_id: str, chunk: Chunk, token: str) -> bool:
        """Give a chunk to an attempt; False where it is done, or another's than `chunk` says."""
        query = {**named(rebalance_id, chunk.number), "state": LEFT}
        with self._writing():
            if chunk.begun:
                self._end_attempt(query)
            lent = self._work.update_one(
                {**query, "token": chunk.token or NOBODY},
                {"$set": {"token": token}, "$unset": {"session": "", "beats": "", "stop": ""}},
            )
        return lent.matched_count > 0

    def recall(self, rebalance_id: str, tokens: Collection[str]) -> None:
        """Take back what attempts have not done, for nobody."""
        self._change_each(rebalance_id, tokens, {"token": NOBODY})

    def tell(self, rebalance_id: str, tokens: Collection[str], why: OrderGenerationError) -> None:
        """Have attempts skip what they have not done."""
        self._change_each(rebalance_id, tokens, {"stop": stored_error(why)})

    def undone_of(self, rebalance_id: str, token: str) -> Chunk | None:
        """What an attempt has not done; None where that is nothing."""
        with self._operation():
            found = self._work.find_one({"rebalance_id": rebalance_id, "token": token}, STANDING)
        return chunk_of(found) if found else None

    def signs(self, rebalance_id: str, tokens: Collection[str]) -> Mapping[str, object]:
        """For each attempt that was begun and is not done something that changes while it lives."""
        with self._operation():
            lent = {"rebalance_id": rebalance_id, "token": {"$gt": NOBODY}}
            found = self._work.find(lent, {**STANDING, "beats": 1})
            begun = [one for one in found if "session" in one and one["token"] in tokens]
        return {cast("str", one["token"]): (one["number"], one.get("beats")) for one in begun}

    def claim(self, rebalance_id: str, token: str) -> ClaimedChunk | None:
        """Begin an attempt; None where the chunk is not its own any more."""
        session = self._database.session()
        with self._writing():
            found = self._work.find_one_and_update(
                {"rebalance_id": rebalance_id, "token": token},
                {"$set": {"session": session.session_id["id"]}},
            )
        if found is None:
            session.end_session()
            return None
        self._sessions[token] = session
        return claimed_chunk_of(found)

    def leave(self, token: str) -> None:
        """An attempt is over, whatever became of it.

        Whoever gets what it has not done ends its session in the database: so nothing else may use that.
        """
        self._sessions.pop(token, None)

    def look(self, rebalance_id: str, token: str, *, alive: bool = False) -> Standing:
        """How an attempt stands; also showing that it is `alive`, which is a write."""
        query = {"rebalance_id": rebalance_id, "token": token}
        if alive:
            with self._writing():
                found = self._work.find_one_and_update(query, {"$inc": {"beats": 1}}, {"stop": 1})
        else:
            with self._operation():
                found = self._work.find_one(query, {"stop": 1})
        return Standing(held=found is not None, why=error_of(found.get("stop")) if found else None)

    def storing(
        self,
        task: ChunkTask,
        chunk: ClaimedChunk,
        results: Sequence[PortfolioRebalance],
        stopped: OrderGenerationError | None = None,
    ) -> Callable[[], bool]:
        """Prepare to store results of a chunk, which then is done; portfolios without one are a new chunk."""
        with self._operation():
            table = self._markets.table(task.rebalance_id)
        documents = [_placed_document(one, table, chunk, place) for place, one in enumerate(results)]
        counts = Counter(result.state.value for result in results)
        done: Document = {
            "state": READY,
            "count": len(results),
            "counts": counts,
            "summary": to_document(summary_of(results)),
        }
        if not_traded := sum(one.is_not_to_be_traded for one in results):
            done["not_traded"] = not_traded
        if stopped:
            done["stopped"] = stored_error(stopped)
        change = {
            "$set": done,
            "$unset": {**_OF_ATTEMPT, "portfolio_ids": "", "cash_flows": "", "settings": ""},
        }
        rest = chunk.rest({one.portfolio_id for one in results})
        wanted = dict.fromkeys(_KEPT if rest.portfolio_ids else ("_id",), 1)
        query = {**named(task.rebalance_id, chunk.number), "token": task.token}

        def steps(session: ClientSession) -> bool:
            before = self._work.find_one_and_update(query, change, wanted, session=session)
            if before is None:
                return False
            self._portfolios.insert_many(documents, session=session)
            if rest.portfolio_ids:
                self._work.insert_one(_rest_document(task.rebalance_id, before, rest), session=session)
            return True

        def store() -> bool:
            session = self._sessions.get(task.token)
            with self._writing():
                stored = self._database.transaction(steps, session)
            if session and stored and not rest.portfolio_ids:  # no chunk names it any more
                session.end_session()
            return stored

        return store

    def ready(self, rebalance_id: str) -> list[DoneChunk]:
        """The chunks that are done and not published."""
        with self._operation():
            found = self._work.find({"rebalance_id": rebalance_id, "state": READY}, {"_id": 0})
            return [done_chunk_of(one) for one in found]

    def publish(self, rebalance_id: str, done: DoneChunk, sequence: int, lease: Lease) -> bool:
        """Tell a chunk after the results up to `sequence`; is the run to be cancelled?"""
        query = {**named(rebalance_id, done.number), "state": READY}
        place = {"$set": {"first_sequence": sequence + 1}, "$unset": {"state": "", "create_time": ""}}
        with self._writing():
            try:
                placed = self._work.update_one(query, place)
            except DuplicateKeyError:
                raise PlaceTaken(rebalance_id) from None
            header = self._count(rebalance_id, done, sequence, lease) if placed.matched_count else None
        if header is None:
            raise LeaseLost(rebalance_id)
        return bool(header.get("cancel_requested"))

    def _placed(self, rebalance_id: str, sequence: int) -> DoneChunk | None:
        """The chunk that was about to be published when its server died."""
        found = self._work.find_one({"rebalance_id": rebalance_id, "first_sequence": sequence + 1})
        return done_chunk_of(found) if found else None

    def _count(self, rebalance_id: str, done: DoneChunk, sequence: int, lease: Lease) -> Document | None:
        """Count a chunk that has its place in the header; None where that is not ours, or not there.

        Sums may have more digits than the database adds, so they are read, added here, and written where the
        header still has the sequence that they were read at.
        """
        query = {**_held(rebalance_id, lease), "sequence": sequence}
        before = self._headers.find_one(query, {"summary": 1, "sequence": 1})
        if before is None:
            return None
        change: Document = {
            "sequence": {"$add": ["$sequence", done.count]},
            **{f"counts.{one.value}": more(f"$counts.{one.value}", n) for one, n in done.counts.items()},
            "lease.until": until(lease),
            "summary": {"$literal": _summed(before, done)},
        }
        if done.not_traded:
            change["not_traded"] = more("$not_traded", done.not_traded)
        if done.stopped:
            change["stopped"] = {"$literal": stored_error(done.stopped)}
        return self._headers.find_one_and_update(
            query, [{"$set": change}], _COUNTED, return_document=ReturnDocument.AFTER
        )

    def _change_each(self, rebalance_id: str, tokens: Collection[str], change: Document) -> None:
        """Change what attempts have not done."""
        with self._writing():
            for token in tokens:
                self._work.update_one({"rebalance_id": rebalance_id, "token": token}, {"$set": change})

    def _end_attempt(self, query: Document) -> None:
        """Take back what the attempt before may have left open in the database."""
        found = self._work.find_one(query, {"session": 1})
        if found and "session" in found:
            self._database.kill_session(found["session"])

    def _cut_again(self, rebalance_id: str, lease: Lease) -> None:
        """Cut what an earlier release has left to do into chunks, as one step. Raises LeaseLost."""

        def steps(session: ClientSession) -> None:
            held = self._headers.update_one(
                _held(rebalance_id, lease), {"$set": {"chunked": True}}, session=session
            )
            if not held.matched_count:
                raise LeaseLost(rebalance_id)
            query: Document = {"rebalance_id": rebalance_id}
            found = self._portfolios.find(query, {"portfolio_id": 1, "_id": 0}, session=session)
            done = {one["portfolio_id"] for one in found}
            old = {**query, "number": {"$gte": 0}}
            chunks = list(self._work.find(old, session=session).sort("number"))
            if not chunks:
                return
            ids = [one for chunk in chunks for one in cast("list[str]", chunk["portfolio_ids"])]
            left = [one for one in ids if one not in done]
            first, created = cast("int", chunks[-1]["number"]) + 1, cast("datetime", chunks[0]["create_time"])
            self._work.delete_many(old, session=session)
            new = chunk_documents(rebalance_id, left, CHUNK_PORTFOLIOS, created, first)
            if new:
                self._work.insert_many(new, session=session)

        self._database.transaction(steps)


def _held(rebalance_id: str, lease: Lease) -> Document:
    return {"_id": ObjectId(rebalance_id), "state": RUNNING, "lease.token": lease.token}


def _summed(header: Document, done: DoneChunk) -> Document | None:
    """The sums of a run with those of one more chunk; None where either is not known."""
    known = sums_of(header)
    summed = known.plus(done.summary) if known and done.summary else None
    return sums_document(summed, cast("int", header["sequence"]) + done.count)


def _placed_document(
    result: PortfolioRebalance, table: RunTable, chunk: ClaimedChunk, place: int
) -> Document:
    """A result at its place in a chunk, which has the sequence."""
    document = result_document(result, table)
    document.pop("sequence", None)
    return {**document, "chunk": chunk.number, "place": place}


def _rest_document(rebalance_id: str, before: Document, rest: ClaimedChunk) -> Document:
    """The chunk that is left of one whose other portfolios are stored: it stays with the attempt."""
    kept = {name: before[name] for name in _KEPT if name in before}
    return {
        **kept,
        **named(rebalance_id, rest.number),
        **portfolios_document(rest.portfolio_ids, rest.cash_flows),
    }
