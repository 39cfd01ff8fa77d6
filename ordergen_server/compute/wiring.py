"""Wires a worker that shares the database and the siblings with whoever gives it work, and nothing else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ordergen_server.compute.reports import Reporter
from ordergen_server.configuration.settings import Settings
from ordergen_server.configuration.sibling_configs import siblings_config
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.runs import RunLog
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.chunk_worker import ChunkWorker, WorkerTimes
from ordergen_server.siblings import open_sources

#: Portfolios read or waiting to be read, for each that is read at once.
WINDOW = 4
#: One that stores, one that looks, and one more of each where a second chunk is worked on.
CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Wired:
    """A worker of its own.

    Attributes:
        work: reads portfolios.
        worker: works chunks off with it.
    """

    work: PortfolioWork
    worker: ChunkWorker


@contextmanager
def wired(settings: Settings, mongodb_uri: str, readers: int, reporter: Reporter) -> Iterator[Wired]:
    """A worker for the time of the block.

    Args:
        settings: those of the server.
        mongodb_uri: the server's database.
        readers: portfolios read at once.
        reporter: notes what it does.

    Raises:
        ValueError: an address, certificate or token cannot be used.
    """
    database = Database(
        mongodb_uri,
        settings.mongodb_database,
        pool_size=CONNECTIONS,
        timeout_seconds=settings.mongodb_timeout_seconds,
        observer=reporter,
    )
    with (
        closing(database),
        open_sources(siblings_config(settings, readers), reporter) as sources,
        ThreadPoolExecutor(readers, "portfolio") as threads,
    ):
        work = PortfolioWork(
            market=sources.market,
            portfolios=sources.portfolios,
            workers=threads,
            window=WINDOW * readers,
            observer=reporter,
        )
        worker = ChunkWorker(
            market_of=RunLog(database).kept_snapshot,
            chunks=Chunks(database),
            work=work,
            times=worker_times(settings),
            observer=reporter,
        )
        yield Wired(work, worker)


def worker_times(settings: Settings) -> WorkerTimes:
    """How often a worker shows that it lives: often enough for whoever holds its run."""
    return WorkerTimes(beat=settings.lease_seconds / 3)
