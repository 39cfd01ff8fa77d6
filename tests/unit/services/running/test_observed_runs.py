"""Observers of runs hear of stages, solves and ends; workers work for the call that began the run."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ordergen_server.domain import origin
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.origin import Origin, working_for
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.services.observer import SolveMethod, Stage
from tests.builders import holdings
from tests.limits import PATIENCE
from tests.unit.services.runs import house

CALL = Origin({"correlation_id": "c-1"}, {"x-correlation-id": "c-1"})


class Heard:
    """Notes what it hears, and for which call."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stages: Counter[tuple[Stage, str]] = Counter()
        self.solves: Counter[tuple[SolveMethod, str]] = Counter()
        self.portfolios: Counter[PortfolioState] = Counter()
        self.ended: list[RebalanceState] = []
        self.runs: list[tuple[str, bool]] = []
        self.lost = 0

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        with self.lock:
            self.stages[stage, origin.current().fields.get("correlation_id", "")] += 1
        yield

    def solved(self, method: SolveMethod, status: str, seconds: float, portfolios: int = 1) -> None:
        assert seconds >= 0
        self.solves[method, status] += portfolios

    def stored(self, counts: Mapping[PortfolioState, int]) -> None:
        self.portfolios.update(counts)

    @contextmanager
    def run(self, rebalance_id: str, *, taken_over: bool) -> Iterator[None]:
        assert origin.current().fields["rebalance_id"] == rebalance_id
        self.runs.append((rebalance_id, taken_over))
        yield

    def lease_lost(self) -> None:
        self.lost += 1

    def run_ended(self, state: RebalanceState) -> None:
        self.ended.append(state)


def test_a_run_of_a_model_is_heard_in_the_name_of_its_call() -> None:
    heard = Heard()
    with house(holdings("1000"), holdings("1000"), holdings("1000"), observer=heard) as parts:
        with working_for(CALL):
            begun = parts.rebalancers.model.start(parts.model.model_id, RebalanceOptions(), PATIENCE)
        assert parts.ended(begun.rebalance_id)
    assert {call for _, call in heard.stages} == {"c-1"}
    assert heard.stages[Stage.READ, "c-1"] == 3
    assert heard.stages[Stage.MARKET, "c-1"] == 1
    assert heard.stages[Stage.STORE, "c-1"] >= 1
    assert heard.solves.total() == heard.portfolios.total() == 3
    assert (heard.ended, heard.runs, heard.lost) == (
        [RebalanceState.COMPLETED],
        [(begun.rebalance_id, False)],
        0,
    )


def test_a_run_of_one_portfolio_is_heard_when_it_is_stored() -> None:
    heard = Heard()
    with house(holdings("1000"), observer=heard) as parts, working_for(CALL):
        (one,) = parts.model.portfolio_ids
        preview = parts.rebalancers.portfolio.rebalance(
            one, RebalanceOptions(), Deadline.after(PATIENCE), validate_only=True
        )
        assert heard.ended == []
        stored = parts.rebalancers.portfolio.rebalance(one, RebalanceOptions(), Deadline.after(PATIENCE))
    assert preview.state is stored.state
    assert heard.portfolios == {stored.state: 1}
    assert heard.ended == [RebalanceState.COMPLETED]
    assert heard.stages == {
        (Stage.MARKET, "c-1"): 2,
        (Stage.READ, "c-1"): 2,
        (Stage.SOLVE, "c-1"): 2,
        (Stage.STORE, "c-1"): 1,
    }
