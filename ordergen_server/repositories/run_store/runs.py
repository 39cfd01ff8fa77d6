"""Carrying out runs in MongoDB: who holds a run, from its beginning to its end.

A run is one header in `rebalances`, a document a portfolio in `portfolio_rebalances`, and what these share in
`rebalance_markets`; one of a single portfolio is its header alone. `rebalance_work` has its chunks, which
`chunks` is about. While it runs the header also has its lease. Whoever changes the header must have it: a
server that has lost a run cannot count or end anything of it.

Whether a lease has run out, and how long a run may go on, is measured by the clock of the database alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import cast

from bson import ObjectId
from msgspec import convert
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.chunks import CHUNK_PORTFOLIOS
from ordergen_server.domain.errors import RebalanceInProgress
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.domain.orders.events import EventType, RebalanceEvent, named
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.requests.ids import USED_BEFORE
from ordergen_server.domain.requests.violations import broken
from ordergen_server.domain.stores import Lease, LeaseLost, Request, RunOrder
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import from_document, take_id, to_document
from ordergen_server.repositories.review_store.events import EventLog, with_first
from ordergen_server.repositories.run_store.chunk_documents import chunk_documents
from ordergen_server.repositories.run_store.market.earlier_market import earlier_market
from ordergen_server.repositories.run_store.market.kept_markets import KeptMarkets
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.packing import pack
from ordergen_server.repositories.run_store.result_documents import result_document
from ordergen_server.repositories.run_store.sums import sums_document, sums_of
from ordergen_server.repositories.settings_store.reading import SettingsReader

#: The number of the document of the work that had the market, in earlier releases.
EARLIER_MARKET = -1
RUNNING = RebalanceState.RUNNING.value
#: What a header has only while its run is carried out.
_WHILE_RUNNING = {"lease": "", "chunked": "", "active_model_id": "", "positions": "", "deadline_time": ""}


class RunLog:
    """The writing side of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._operation = database.operation
        self._writing = database.writing
        self._headers = database.collection("rebalances")
        self._portfolios = database.collection("portfolio_rebalances")
        self._work = database.collection("rebalance_work")
        self._markets = KeptMarkets(database)
        self._settings = SettingsReader(database)
        self._events = EventLog(database)

    def begin(
        self,
        order: RunOrder,
        portfolio_ids: Sequence[str],
        lease: Lease,
        request: Request | None,
        chunk_size: int = CHUNK_PORTFOLIOS,
        *,
        cash_flows: Mapping[str, Decimal] = MappingProxyType({}),
    ) -> Rebalance:
        """Store a new run; where the same request has begun a run before, answer that one.

        The work is stored first: a header without its work is never seen. Settings are those of now.
        """
        rebalance = order.rebalance
        header = {
            **header_of(rebalance, request),
            "active_model_id": rebalance.model_id,
            "positions": [to_document(position) for position in order.positions],
            "begun_by": to_document(order.begun_by),
            "chunked": True,
        }
        # Packed at once, for there may be very many.
        settings = {key: pack(one) for key, one in self._settings.each(portfolio_ids)}
        with self._writing():
            created = self._database.now()  # its clock, for it forgets them by that
            chunks = chunk_documents(
                rebalance.rebalance_id,
                portfolio_ids,
                chunk_size,
                created,
                cash_flows=cash_flows,
                settings=settings,
            )
            if chunks:
                self._work.insert_many(chunks)
            now = self._database.now()
            header["lease"] = _lease_from(now, lease)
            header["deadline_time"] = now + timedelta(seconds=order.seconds_left)
            try:
                self._headers.insert_one(with_first(header, _started(rebalance, portfolio_ids)))
            except DuplicateKeyError as error:
                return self._earlier(error, rebalance, request)
        return rebalance

    def first_of(self, request: Request) -> Rebalance | None:
        """The run that the same request has begun. Raises InvalidArgument where it was another call's."""
        with self._operation():
            return self._first_of(request)

    def save_whole(
        self, rebalance: Rebalance, result: PortfolioRebalance, request: Request | None
    ) -> Rebalance:
        """Store an ended run of one portfolio, as one write; or answer the same request's first run.

        It needs no documents beside its header: its result stands there, and that it began.
        """
        document = result_document(replace(result, sequence=2), RunTable())
        header = {**header_of(rebalance, request, sequence=2), "result": document}
        with self._writing():
            try:
                self._headers.insert_one(with_first(header, _started(rebalance, [result.portfolio_id])))
            except DuplicateKeyError as error:
                return self._earlier(error, rebalance, request)
        return rebalance

    def finish(self, rebalance: Rebalance, lease: Lease) -> Rebalance:
        """Store the end of a run: its state, error and time."""
        end = to_document(rebalance)
        change = {
            "$set": {name: end[name] for name in ("state", "error", "finish_time")},
            "$inc": {"version": 1},
            "$unset": _WHILE_RUNNING,
        }
        with self._writing():
            try:
                ended = self._held(rebalance.rebalance_id, lease, change)
            except LeaseLost:
                ended = self._ended_by_us(rebalance)
            self._work.delete_many({"rebalance_id": rebalance.rebalance_id, "number": {"$lt": 0}})
        return rebalance_of(ended)

    def renew(self, rebalance_id: str, lease: Lease) -> bool:
        """Hold a run for longer; is it to be cancelled?"""
        with self._writing():
            header = self._held(rebalance_id, lease, [{"$set": {"lease.until": until(lease)}}])
        return bool(header.get("cancel_requested"))

    def take_over(self, lease: Lease) -> RunOrder | None:
        """Take a run whose lease has run out, if there is one."""
        with self._writing():
            now = self._database.now()  # by the time it is used it is too early, if anything
            expired: Document = {"state": RUNNING, "lease.until": {"$lte": now}}
            left = self._headers.find_one(expired, {"lease.session": 1})
            if left is None:
                return None
            if session := cast("Document", left["lease"]).get("session"):  # of an earlier release
                self._database.kill_session(session)
            header = self._headers.find_one_and_update(
                {**expired, "_id": left["_id"]},
                {"$set": {"lease": _lease_from(now, lease)}},
                return_document=ReturnDocument.AFTER,
            )
        return order_of(header, now) if header else None

    def keep_snapshot(self, rebalance_id: str, snapshot: MarketSnapshot) -> None:
        """Keep the market of a run, and its model, with it; the first that is kept stays.

        Nothing where the run has ended: it may be deleted, and nobody would delete this.
        """
        with self._writing():
            header = self._headers.find_one(
                {"_id": ObjectId(rebalance_id), "state": RUNNING}, {"positions": 1}
            )
            if header:
                positions = convert(header["positions"], tuple[Position, ...])
                self._markets.keep(rebalance_id, positions, snapshot)

    def kept_snapshot(self, rebalance_id: str) -> MarketSnapshot | None:
        """The market kept for a run."""
        with self._operation():
            market = self._markets.read(rebalance_id)
            if market:
                return market.snapshot
            earlier = self._work.find_one({"rebalance_id": rebalance_id, "number": EARLIER_MARKET})
        return earlier_market(earlier) if earlier else None

    def _held(self, rebalance_id: str, lease: Lease, change: Document | list[Document]) -> Document:
        """Change the header of a run that we hold. Raises LeaseLost."""
        header = self._headers.find_one_and_update(
            {"_id": ObjectId(rebalance_id), "state": RUNNING, "lease.token": lease.token},
            change,
            return_document=ReturnDocument.AFTER,
        )
        if header is None:
            raise LeaseLost(rebalance_id)
        return header

    def _ended_by_us(self, rebalance: Rebalance) -> Document:
        """The header as it ended, where it was we who ended it and the answer got lost. Raises LeaseLost."""
        header = self._headers.find_one({"_id": ObjectId(rebalance.rebalance_id)})
        if header is None or header.get("finish_time") != rebalance.finish_time:
            raise LeaseLost(rebalance.rebalance_id)
        return header

    def _first_of(self, request: Request | None) -> Rebalance | None:
        """The run that the same request has begun. Raises InvalidArgument where it was another call's."""
        first = self._headers.find_one({"request.request_id": request.request_id}) if request else None
        if not request or not first:
            return None
        if cast("Document", first["request"])["fingerprint"] != request.fingerprint:
            raise broken("request_id", USED_BEFORE)
        return rebalance_of(first)

    def _earlier(self, error: DuplicateKeyError, rebalance: Rebalance, request: Request | None) -> Rebalance:
        """The run that was there before. Raises RebalanceInProgress, InvalidArgument."""
        own = self._headers.find_one({"_id": ObjectId(rebalance.rebalance_id)})
        if own:
            return rebalance_of(own)  # it was stored, and the answer got lost on the way
        self._work.delete_many({"rebalance_id": rebalance.rebalance_id})
        first = self._first_of(request)
        if first:
            return first
        running = self._headers.find_one({"active_model_id": rebalance.model_id}, {"_id": 1})
        other = str(running["_id"]) if running else ""
        raise RebalanceInProgress(
            f"Rebalance {other} of model {rebalance.model_id} is in progress: await its end, or cancel it.",
            metadata={"rebalance_id": other, "model_id": rebalance.model_id},
        ) from error


def header_of(rebalance: Rebalance, request: Request | None, *, sequence: int = 1) -> Document:
    """The header document of a run; sequences count from its start, which is the first."""
    document = to_document(rebalance)
    return {
        "_id": ObjectId(cast("str", document.pop("rebalance_id"))),
        **document,
        "sequence": sequence,
        "summary": sums_document(rebalance.summary, sequence),
        **({"request": to_document(request)} if request else {}),
    }


def _started(rebalance: Rebalance, portfolio_ids: Sequence[str]) -> RebalanceEvent:
    return RebalanceEvent(
        EventType.STARTED,
        rebalance.create_time,
        rebalance.actor,
        rebalance.authenticated,
        portfolio_count=rebalance.portfolio_count,
        portfolio_ids=named(portfolio_ids),
    )


def rebalance_of(header: Document) -> Rebalance:
    """The run of a header document."""
    return replace(from_document(take_id(header, "rebalance_id"), Rebalance), summary=sums_of(header))


def order_of(header: Document, now: datetime) -> RunOrder:
    """What a run that goes on needs; `now` is the time of the database."""
    seconds_left = (cast("datetime", header["deadline_time"]) - now).total_seconds()
    document = {**header, "seconds_left": seconds_left, "rebalance": take_id(header, "rebalance_id")}
    return from_document(document, RunOrder)


def until(lease: Lease) -> Document:
    """The end of a lease that is renewed: so long after the time that the database has then."""
    return {"$add": ["$$NOW", round(1000 * lease.seconds)]}


def more(field: str, count: int) -> Document:
    """A count, which may not be there yet, and more."""
    return {"$add": [{"$ifNull": [field, 0]}, count]}


def _lease_from(now: datetime, lease: Lease) -> Document:
    return {"token": lease.token, "until": now + timedelta(seconds=lease.seconds)}
