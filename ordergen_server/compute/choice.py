"""Who works chunks off, as the settings have it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import ceil

from ordergen_server.compute.compute_process import ComputeConfig
from ordergen_server.compute.processes import ProcessExecutor
from ordergen_server.configuration.settings import Settings
from ordergen_server.services.desk.judging import NOBODY, IdleWorkers
from ordergen_server.services.running.chunk_executor import ChunkExecutor, ThreadExecutor
from ordergen_server.services.running.chunk_worker import ChunkWorker
from ordergen_server.services.running.coordination import IN_FLIGHT
from ordergen_server.services.running.report import Report

#: Chunks of a run that threads of the server work on at once: one is stored while another is solved.
THREADED_CHUNKS = 2
#: Portfolios that a process judges in one turn, at most: a run that begins waits for so many.
PIECE = 32
#: How long a turn takes at most: less than those wait who take a process that does not answer to be lost.
PIECE_SECONDS = 160.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who works.

    Attributes:
        executor: works chunks off.
        idle: judge portfolios while they have nothing else to do.
    """

    executor: ChunkExecutor
    idle: IdleWorkers = NOBODY


@contextmanager
def chosen_workers(
    settings: Settings, mongodb_uri: str, worker: ChunkWorker, heard: Callable[[Report], None]
) -> Iterator[Chosen]:
    """Workers of a cluster, processes of this machine, or threads of this process, for the time of the block.

    Args:
        settings: say which.
        mongodb_uri: the database, for processes.
        worker: does the work where it is done here.
        heard: is told what became of work that is done elsewhere.

    Raises:
        ValueError: what a cluster needs is not installed.
    """
    if settings.dask_scheduler:
        chosen = Chosen(_of_cluster(settings.dask_scheduler, heard))
    elif settings.compute_process_count:
        processes = settings.compute_process_count
        readers = ceil(settings.portfolio_workers / processes)
        config = ComputeConfig(settings, mongodb_uri, readers)
        own = ProcessExecutor(config, processes, heard, _piece(settings, readers))
        chosen = Chosen(own, own)
    else:
        workers = min(THREADED_CHUNKS, settings.portfolio_workers)
        threads = IN_FLIGHT * workers * settings.maximum_runs
        chosen = Chosen(ThreadExecutor(worker.work_off, threads, workers))
    with closing(chosen.executor):
        try:
            yield chosen
        finally:
            worker.stop()


def _piece(settings: Settings, readers: int) -> int:
    """Portfolios of a piece, which is read in time though each call takes all attempts, in all their time."""
    call_seconds = settings.sibling_attempts * settings.sibling_timeout_seconds
    return max(1, min(PIECE, readers * int(PIECE_SECONDS / call_seconds)))


def _of_cluster(scheduler: str, heard: Callable[[Report], None]) -> ChunkExecutor:
    try:
        from ordergen_server.compute.dask import DaskExecutor  # noqa: PLC0415 - an extra, and large
    except ModuleNotFoundError as error:
        raise ValueError(f"ORDERGEN_DASK_SCHEDULER needs the extra `scale`: {error}") from error
    return DaskExecutor(scheduler, heard)
