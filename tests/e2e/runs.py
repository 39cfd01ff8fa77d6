"""A run as a whole, checked against what its database holds and what its siblings say."""

from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType

import pymongo
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api
from tests.e2e.outcomes import inputs, outcome
from tests.limits import PATIENCE
from tests.summaries import check_summary
from tests.verification import verify

pb = rebalance_pb2
_NAMES = ("rebalanced", "no_action", "infeasible", "failed", "skipped")


def start(api: Api, model_id: str, **arguments: object) -> pb.Rebalance:
    request = rebalance_service_pb2.StartRebalanceRequest(model_id=model_id, **arguments)  # type: ignore[arg-type]
    return api.rebalances.StartRebalance(request, timeout=PATIENCE)


def watched(
    api: Api, rebalance_id: str, after_sequence: int = 0, *, seconds: float = PATIENCE
) -> list[rebalance_service_pb2.RebalanceModelResponse]:
    """Every event of a run after a point, until it ends."""
    request = rebalance_service_pb2.WatchRebalanceRequest(
        rebalance_id=rebalance_id, after_sequence=after_sequence
    )
    return list(api.rebalances.WatchRebalance(request, timeout=seconds))


def counts(run: pb.Rebalance) -> dict[str, int]:
    """Portfolios by the state they ended in, without zeros."""
    found = {name.upper(): getattr(run, f"{name}_count") for name in _NAMES}
    return {name: count for name, count in found.items() if count}


def check_told(
    told: list[rebalance_service_pb2.RebalanceModelResponse], portfolio_ids: list[str]
) -> pb.Rebalance:
    """Fail unless a run is told without a gap, each portfolio once, counts and sums that agree; its end."""
    assert [one.sequence for one in told] == list(range(1, len(portfolio_ids) + 3))
    portfolios = [one.portfolio for one in told[1:-1]]
    assert sorted(one.portfolio_id for one in portfolios) == sorted(portfolio_ids)
    ended = told[-1].finished
    states = Counter(pb.PortfolioRebalanceState.Name(one.state) for one in portfolios)
    assert counts(ended) == {
        name.removeprefix("PORTFOLIO_REBALANCE_STATE_"): count for name, count in states.items()
    }
    assert ended.portfolio_count == len(portfolio_ids)
    check_summary(ended, portfolios)
    assert told[0].started.rebalance_id == ended.rebalance_id
    return ended


def check_stored(mongodb_uri: str, database: str, run: pb.Rebalance) -> None:
    """Fail unless a run that ended is stored with each portfolio once, all told, none left to do."""
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        kept = client[database]
        query = {"rebalance_id": run.rebalance_id}
        states = Counter(one["state"] for one in kept.portfolio_rebalances.find(query, {"state": 1}))
        ids = kept.portfolio_rebalances.distinct("portfolio_id", query)
        chunks = list(kept.rebalance_work.find(query))
    assert dict(states) == counts(run)
    told = sorted((one["first_sequence"], one["count"]) for one in chunks)
    assert [first for first, _ in told] == list(accumulate([count for _, count in told[:-1]], initial=2))
    assert all("portfolio_ids" not in one and "state" not in one for one in chunks)
    assert len(ids) == run.portfolio_count == sum(states.values())


def check_answers(
    siblings: SimulatedSiblings,
    portfolios: list[pb.PortfolioRebalance],
    options: pb.RebalanceOptions | None = None,
    cash_flows: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Fail unless every number of every portfolio is right, or it says why there is none."""
    for one in portfolios:
        given = inputs(siblings, one.portfolio_id, options, cash_flows.get(one.portfolio_id, "0"))
        if one.HasField("solution"):
            verify(outcome(one), given)
        elif one.state == pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION:
            assert not any((given.cash, given.cash_flow, given.quantities))
        else:
            assert one.state == pb.PORTFOLIO_REBALANCE_STATE_INFEASIBLE
            assert one.error.message
