"""Checks of drift, with fakes around them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ordergen_server.services.desk.drift_checks import DriftChecks
from ordergen_server.services.desk.judging import NOBODY, IdleWorkers
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.permits import UNLIMITED, Permits
from tests.unit.services.runs import House


@contextmanager
def checks(
    parts: House,
    permits: Permits = UNLIMITED,
    window: int = 4,
    idle: Callable[[PortfolioWork], IdleWorkers] = lambda _: NOBODY,
) -> Iterator[DriftChecks]:
    """Checks that two threads read for; `idle` makes others of the same work."""
    with ThreadPoolExecutor(2) as pool:
        work = PortfolioWork(market=parts.market, portfolios=parts.portfolios, workers=pool, window=window)
        yield DriftChecks(
            models=parts.models,
            settings=parts.settings,
            work=work,
            permits=permits,
            clock=parts.clock,
            maximum_checks=2,
            idle=idle(work),
        )
