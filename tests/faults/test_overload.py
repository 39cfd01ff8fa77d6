"""Far more is asked than can be done: what cannot be done in time is refused when it comes, and not late."""

import statistics
import time
from collections import Counter

import grpc
from globeco.ordergen.v1 import rebalance_service_pb2
from google.rpc import error_details_pb2

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import failure, message_of, served
from tests.limits import PATIENCE
from tests.waiting import eventually

LEARNT, ASKED = 15, 60
#: Of what a call takes alone: the time that each has, of which half is for its wait and its work.
PATIENT = 8
#: Single portfolios that are worked on at once.
SINGLES = 8


def test_who_cannot_be_answered_in_time_is_told_when_to_come_back(
    mongodb_uri: str, database_name: str
) -> None:
    """One call is worked on at a time, and the server has learnt how long one takes: some four have room."""
    with (
        SimulatedSiblings(portfolios=1, positions=5) as siblings,
        served(mongodb_uri, database_name, siblings, portfolio_workers=1) as api,
    ):
        model = api.create(message_of(siblings.model, portfolios=1))
        siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.2)])
        request = rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=model.portfolio_ids[0])
        taken: list[float] = []
        for _ in range(LEARNT):
            began = time.monotonic()
            api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
            taken.append(time.monotonic() - began)
        seconds = PATIENT * statistics.median(taken)
        calls = [api.rebalances.RebalancePortfolio.future(request, timeout=seconds) for _ in range(ASKED)]
        codes = Counter(call.code() for call in calls)
        siblings.clear()
        assert api.rebalance(model.portfolio_ids[0]).HasField("solution")
    # A machine that stumbles may let some pass their deadline that had room.
    assert set(codes) <= {
        grpc.StatusCode.OK,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
    assert codes[grpc.StatusCode.RESOURCE_EXHAUSTED] > ASKED // 2
    refused = next(call for call in calls if call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED)
    found = failure(refused.result)
    assert (found.info.reason, found.info.metadata["kind"]) == ("TOO_MANY_CALLS", "solving")
    assert found.detail(error_details_pb2.RetryInfo).retry_delay.seconds >= 1
    assert "before the deadline" in found.message


def test_eight_single_portfolios_are_worked_on_at_once(mongodb_uri: str, database_name: str) -> None:
    """More take the interpreter from whoever refuses calls; runs read more of them."""
    with (
        SimulatedSiblings(portfolios=12, positions=5) as siblings,
        served(mongodb_uri, database_name, siblings, portfolio_workers=16) as api,
    ):
        model = api.create(message_of(siblings.model))
        siblings.set_faults("accounting", [Fault(kind="hang")])
        requests = [
            rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=one) for one in model.portfolio_ids
        ]
        calls = [api.rebalances.RebalancePortfolio.future(one, timeout=PATIENCE) for one in requests]
        eventually(lambda: siblings.calls("accounting").get("summary", 0) >= SINGLES)
        api.get(model.model_id)  # who would have come too had time to
        assert siblings.calls("accounting")["summary"] == SINGLES
        assert len(calls) > SINGLES
        siblings.stop()
