"""Comparisons with fakes around them, and what they tell."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.comparisons import ComparedPortfolio, ComparedVariant, Comparison, Variant
from ordergen_server.domain.errors import BadData
from ordergen_server.domain.open_orders import OpenOrderSource
from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy
from ordergen_server.services.configured import NOT_CONFIGURED, Configured
from ordergen_server.services.desk.comparisons import Comparisons
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.permits import UNLIMITED
from tests.builders import MODEL_ID, NOW, holdings
from tests.limits import PATIENCE
from tests.unit.services.runs import House, each

BAND, TARGET = RebalanceOptions(strategy=Strategy.TO_BAND), RebalanceOptions()
BOTH = (Variant("band", BAND), Variant("target", TARGET))
#: Of a position of 10 a share with a target of 0.1, from 0.05 to 0.15: far over it, on it, nothing.
OVER, ON_TARGET, EMPTY = holdings("500", {1: "50"}), holdings("90", {1: "1"}), holdings("0")
BAD = BadData("bad: look at it")


@contextmanager
def comparing(
    parts: House,
    window: int = 4,
    configured: Configured = NOT_CONFIGURED,
    orders: OpenOrderSource | None = None,
) -> Iterator[Comparisons]:
    with ThreadPoolExecutor(2) as pool:
        work = PortfolioWork(
            market=parts.market, portfolios=parts.portfolios, workers=pool, window=window, orders=orders
        )
        yield Comparisons(
            models=parts.models,
            settings=parts.settings,
            work=work,
            permits=UNLIMITED,
            maximum_comparisons=2,
            clock=lambda: NOW,
            configured=configured,
        )


def told(
    parts: House,
    *variants: Variant,
    points: int = 0,
    asked: Comparison | None = None,
    configured: Configured = NOT_CONFIGURED,
    orders: OpenOrderSource | None = None,
) -> tuple[list[ComparedPortfolio], list[ComparedVariant]]:
    wanted = asked or Comparison("", MODEL_ID, variants or BOTH, points)
    with comparing(parts, configured=configured, orders=orders) as comparisons:
        found = list(each(comparisons.compare(wanted, Deadline.after(PATIENCE))))
    rows = [one for one in found if isinstance(one, ComparedPortfolio)]
    sums = [one for one in found if isinstance(one, ComparedVariant)]
    assert [*rows, *sums] == found
    return sorted(rows, key=lambda one: one.portfolio_id), sums
