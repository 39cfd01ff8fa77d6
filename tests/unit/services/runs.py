"""A house of fakes in which runs are carried out."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Model
from ordergen_server.services.execution import Execution
from ordergen_server.services.rebalancer import Rebalancer
from tests.builders import NOW, holdings, model, portfolio_id, position, snapshot
from tests.fakes import FakeMarket, FakePortfolios, MemoryModels, MemoryRuns

#: Buys 10 shares with its cash, needs nothing, has no positive value.
BUYS, RESTS, WORTHLESS = holdings("1000"), holdings("90", {1: "1"}), holdings("0")


@dataclass(frozen=True)
class House:
    """The use cases with their stores and sources."""

    models: MemoryModels
    runs: MemoryRuns
    market: FakeMarket
    portfolios: FakePortfolios
    execution: Execution
    rebalancer: Rebalancer
    model: Model


@contextmanager
def house(
    *answers: Holdings | Exception,
    market: MarketSnapshot | Exception | None = None,
    before: Callable[[str], object] = lambda _: None,
    workers: int = 2,
    window: int = 2,
    wanted: Model | None = None,
) -> Iterator[House]:
    """A house whose one model has a portfolio for every answer, with one position of 10 a share."""
    followed = wanted or model(position(1), portfolios=len(answers))
    models, runs = MemoryModels(followed), MemoryRuns()
    source = FakeMarket(market or snapshot({1: "10"}))
    portfolios = FakePortfolios(
        {portfolio_id(number): answer for number, answer in enumerate(answers)}, before
    )
    with ThreadPoolExecutor(workers) as pool:
        execution = Execution(market=source, portfolios=portfolios, workers=pool, window=window)
        rebalancer = Rebalancer(models=models, runs=runs, execution=execution, clock=lambda: NOW)
        yield House(models, runs, source, portfolios, execution, rebalancer, followed)
