"""How many portfolios a compute process judges in one turn."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ordergen_server.compute.choice import PIECE, PIECE_SECONDS, chosen_workers
from ordergen_server.configuration.settings import Settings
from ordergen_server.services.desk.judging import NOBODY, IdleWorkers
from ordergen_server.services.desk.lending import SILENT_SECONDS
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.chunk_worker import ChunkWorker
from tests.unit.services.runs import house


def idle(settings: Settings) -> IdleWorkers:
    """Those of a server with such settings; none has begun."""
    with house() as parts, ThreadPoolExecutor(1) as threads:
        work = PortfolioWork(market=parts.market, portfolios=parts.portfolios, workers=threads, window=1)
        worker = ChunkWorker(market_of=parts.runs.kept_snapshot, chunks=parts.chunks, work=work)
        with chosen_workers(settings, "mongodb://127.0.0.1:1", worker, lambda _: None) as chosen:
            return chosen.idle


@pytest.mark.parametrize(
    ("workers", "processes", "seconds", "piece"),
    [
        (16, 2, 10, PIECE),
        (16, 8, 10, 10),
        (8, 8, 10, 5),
        (1, 2, 20, 2),
        (1, 1, 600, 1),
        (16, 2, 600, 1),
        (16, 1, 40, 16),
        (16, 2, 1, PIECE),
    ],
)
def test_a_turn_ends_in_time_though_each_call_takes_all_that_it_may(
    workers: int, processes: int, seconds: float, piece: int
) -> None:
    settings = Settings(
        portfolio_workers=workers,
        compute_processes=processes,
        sibling_timeout_seconds=seconds,
        sibling_attempts=3,
    )
    assert idle(settings).piece == piece


def test_those_who_wait_wait_longer_than_a_turn_takes() -> None:
    assert PIECE_SECONDS < SILENT_SECONDS


def test_without_processes_nobody_is_idle() -> None:
    assert idle(Settings(compute_processes=0)) is NOBODY
