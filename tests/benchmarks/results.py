"""What storing, streaming and listing of results cost, beside the database doing the bare minimum of it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from statistics import median
from threading import Event, Thread
from typing import Any

from bson import encode
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from pymongo import MongoClient
from pymongo.collection import Collection

from ordergen_server.domain.requests.pages import MAXIMUM_PAGE_SIZE
from ordergen_server.repositories.mongodb.codec import RAW_OPTIONS
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.repositories.run_store.result_documents import WITHOUT_LINES
from tests.benchmarks.report import Section, Table, duration, progress, timed
from tests.benchmarks.runs import (
    PATIENCE,
    WINDOW,
    World,
    begin_again,
    goal,
    p95,
    rebalanced,
    started,
    wait_for_end,
    world,
)
from tests.e2e.api import message_of
from tests.stored_chunks import append

PORTFOLIOS = int(os.environ.get("BENCH_RESULTS", "1000"))
MODELS = tuple(int(size) for size in os.environ.get("BENCH_MODELS", "10,1000,10000").split(","))
ROUNDS, SINGLES, READS = 3, 60, 200
BASIC, FULL = rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_BASIC, rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_FULL

INTRODUCTION = f"""A model of {PORTFOLIOS:,} portfolios of 100 positions, on the embedded database and
simulated siblings; all share the machine with what measures. A detached run is begun and left alone, a
streamed one is read to its end by our stubs; each {ROUNDS} times in turns, the medians. The bare find reads
the same documents with the driver alone, without lines; the bare insert writes the same documents, as durably
(majority, journal), into a collection with the same indexes."""


@dataclass(frozen=True)
class Found:
    """Seconds, but for bytes."""

    detached: float
    streamed: float
    basic: float
    watched: float
    listed: float
    found: float
    stored: float
    inserted: float
    document_bytes: float
    singles: dict[int, tuple[float, float]]
    reads_before: float
    reads_during: float


def run() -> Section:
    """Measure everything of this section."""
    progress(f"streams and lists of {PORTFOLIOS} portfolios")
    with world(PORTFOLIOS) as one, collection(one) as documents:
        model_id = one.api.create(message_of(one.siblings.model)).model_id
        rounds = [
            (detached(one, model_id), streamed(one, model_id, FULL), streamed(one, model_id, BASIC))
            for _ in range(ROUNDS)
        ]
        run_id = latest(one, model_id).rebalance_id
        query = {"rebalance_id": run_id}
        listed, found = best(lambda: listing(one, run_id), lambda: list(documents.find(query, WITHOUT_LINES)))
        watched = timed(lambda: watching(one, run_id))
        raw = documents.with_options(RAW_OPTIONS)
        sizes = [len(document.raw) for document in raw.find(query)]
        stored, inserted = storing(one, run_id)
        before, during = reading(one, model_id)
    singles = {size: single(size) for size in MODELS}
    alone, whole, basic = (median(column) for column in zip(*rounds, strict=True))
    return section(
        Found(
            alone,
            whole,
            basic,
            watched,
            listed,
            found,
            stored,
            inserted,
            median(sizes),
            singles,
            before,
            during,
        )
    )


@contextmanager
def collection(one: World, name: str = "portfolio_rebalances") -> Iterator[Collection[dict[str, Any]]]:
    """A collection of the server's database, by the driver alone."""
    with MongoClient[dict[str, Any]](one.uri, w="majority", journal=True) as client:
        yield client[one.name][name]


def detached(one: World, model_id: str) -> float:
    ended = wait_for_end(one.api, started(one.api, model_id).rebalance_id)
    return (ended.finish_time.ToNanoseconds() - ended.create_time.ToNanoseconds()) / 1e9


def streamed(one: World, model_id: str, view: rebalance_pb2.PortfolioRebalanceView.ValueType) -> float:
    request = rebalance_service_pb2.RebalanceModelRequest(model_id=model_id, view=view)
    return timed(lambda: list(one.api.rebalances.RebalanceModel(request, timeout=PATIENCE)))


def watching(one: World, run_id: str) -> None:
    request = rebalance_service_pb2.WatchRebalanceRequest(rebalance_id=run_id)
    told = list(one.api.rebalances.WatchRebalance(request, timeout=PATIENCE))
    assert len(told) == PORTFOLIOS + 2


def latest(one: World, model_id: str) -> rebalance_pb2.Rebalance:
    request = rebalance_service_pb2.ListRebalancesRequest(model_id=model_id, page_size=1)
    return one.api.rebalances.ListRebalances(request, timeout=PATIENCE).rebalances[0]


def listing(one: World, run_id: str) -> None:
    request = rebalance_service_pb2.ListPortfolioRebalancesRequest(
        rebalance_id=run_id, page_size=MAXIMUM_PAGE_SIZE
    )
    rows = 0
    while True:
        page = one.api.rebalances.ListPortfolioRebalances(request, timeout=PATIENCE)
        rows += len(page.portfolio_rebalances)
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert rows == PORTFOLIOS


def best(*measured: Callable[[], object]) -> list[float]:
    """The medians of several, in turns."""
    rounds = [[timed(one) for one in measured] for _ in range(ROUNDS)]
    return [median(column) for column in zip(*rounds, strict=True)]


def storing(one: World, run_id: str) -> tuple[float, float]:
    """Seconds to store as many results through the repository, and by the driver alone."""
    with closing(Database(one.uri, one.name, pool_size=4, timeout_seconds=60)) as database:
        runs = Rebalances(database, PageTokens(b"key"))
        batches = [runs.portfolios_after(run_id, start, WINDOW) for start in range(1, PORTFOLIOS, WINDOW)]
        ours, bare = 0.0, 0.0
        with collection(one) as documents, collection(one, "bare") as target:
            target.create_index([("rebalance_id", 1), ("portfolio_id", 1)], unique=True)
            target.create_index([("rebalance_id", 1), ("chunk", 1), ("place", 1)])
            target.create_index([("portfolio_id", 1), ("rebalance_id", -1)])
            target.create_index([("rebalance_id", 1), ("state", 1), ("portfolio_id", 1)])
            stored = [encode(one) for one in documents.find({"rebalance_id": run_id}, {"_id": 0})]
            raw = target.with_options(RAW_OPTIONS)
            chunks = Chunks(database)
            ids = [done.portfolio_id for batch in batches for done in batch]
            lease, again = begin_again(runs, one, run_id, ids)
            for number, batch in enumerate(batches):
                results = [replace(result, rebalance_id=again) for result in batch]
                ours += timed(lambda: append(chunks, results, lease))  # noqa: B023 - called at once
                same = [RAW_OPTIONS.document_class(one) for one in stored[number * WINDOW :][:WINDOW]]
                bare += timed(lambda: raw.insert_many(same))  # noqa: B023 - called at once
    return ours, bare


def reading(one: World, model_id: str) -> tuple[float, float]:
    """The 95th percentile of GetModel before a run, and during one, one call after another."""
    for _ in range(READS):
        one.api.get(model_id)
    before = [timed(lambda: one.api.get(model_id)) for _ in range(READS)]
    during: list[float] = []
    ended = Event()

    def read() -> None:
        while not ended.is_set():
            during.append(timed(lambda: one.api.get(model_id)))

    reader = Thread(target=read)
    run_id = started(one.api, model_id).rebalance_id
    reader.start()
    wait_for_end(one.api, run_id)
    ended.set()
    reader.join()
    return p95(before), p95(during)


def single(portfolios: int) -> tuple[float, float]:
    """RebalancePortfolio in a model of so many, and a bare durable insert, in turns; the medians."""
    progress(f"RebalancePortfolio in a model of {portfolios} portfolios")
    with world(portfolios) as one, collection(one, "bare") as target:
        model = one.api.create(message_of(one.siblings.model))
        ids = [model.portfolio_ids[n % portfolios] for n in range(SINGLES + 1)]
        rebalanced(one.api, ids[0])  # tickers and prices are read with the first
        document = {"data": b"x" * 3000}
        pairs = [
            (timed(lambda: rebalanced(one.api, key)), timed(lambda: target.insert_one(dict(document))))  # noqa: B023 - called at once
            for key in ids[1:]
        ]
    ours, bare = zip(*pairs, strict=True)
    return median(ours), median(bare)


def section(found: Found) -> Section:
    """The tables."""
    ratios = [
        ("streamed, of detached", found.streamed / found.detached, 1.2),
        ("streamed without positions (BASIC), of detached", found.basic / found.detached, 1.2),
        (f"listing {PORTFOLIOS:,} rows, of the bare find", found.listed / found.found, 2),
        ("storing, of the bare insert", found.stored / found.inserted, 1.3),
        ("GetModel's 95th percentile during a run, of before", found.reads_during / found.reads_before, 2),
        *(
            (f"RebalancePortfolio in a model of {size:,}, of a bare durable insert", ours / bare, 4)
            for size, (ours, bare) in found.singles.items()
        ),
        ("bytes of a portfolio of 100 positions, of 1,500", found.document_bytes / 1500, 1),
    ]
    rows = [goal(what, measured, most, "x") for what, measured, most in ratios]
    times: Sequence[tuple[str, float]] = [
        ("a detached run", found.detached),
        ("a streamed run", found.streamed),
        ("a run streamed without positions", found.basic),
        ("watching it once it has ended", found.watched),
        ("listing its rows", found.listed),
        ("the bare find of its rows", found.found),
        ("storing as many results", found.stored),
        ("the bare insert of as many", found.inserted),
        ("GetModel before a run, 95th percentile", found.reads_before),
        ("GetModel during a run, 95th percentile", found.reads_during),
        *((f"RebalancePortfolio in a model of {size:,}", ours) for size, (ours, _) in found.singles.items()),
        *((f"a bare durable insert beside it ({size:,})", bare) for size, (_, bare) in found.singles.items()),
    ]
    return Section(
        "Results",
        INTRODUCTION,
        [
            Table("Goals of results", ("what", "goal at most", "measured", "verdict"), rows),
            Table("Times", ("what", "time"), [(what, duration(seconds)) for what, seconds in times]),
        ],
        {name: getattr(found, name) for name in Found.__dataclass_fields__},
    )
