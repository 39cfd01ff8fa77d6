"""What is answered of the rebalance of a model: never more than can be kept."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from google.type import date_pb2

from ordergen_server.rest.api import Api
from ordergen_server.rest.caller import Caller
from ordergen_server.rest.v1 import rebalancing

pb = rebalance_pb2
RUN = pb.Rebalance(rebalance_id="f" * 24, portfolio_count=1000, state=pb.REBALANCE_STATE_RUNNING)


def portfolio(number: int) -> rebalance_service_pb2.RebalanceModelResponse:
    trade = pb.Transaction(
        transaction_type=pb.TRANSACTION_TYPE_BUY,
        security_id="s" * 24,
        quantity=number,
        trade_date=date_pb2.Date(year=2026, month=11, day=25),
    )
    told = pb.PortfolioRebalance(portfolio_id=f"{number:024}", transactions=[trade])
    return rebalance_service_pb2.RebalanceModelResponse(sequence=number + 1, portfolio=told)


class Stream:
    """As many portfolios as anybody reads."""

    def __init__(self) -> None:
        self.read = 0
        self.cancelled = False

    async def __aiter__(self) -> AsyncIterator[rebalance_service_pb2.RebalanceModelResponse]:
        for number in range(1, RUN.portfolio_count + 1):
            self.read = number
            yield portfolio(number)

    def cancel(self) -> None:
        self.cancelled = True


def test_a_run_of_very_many_orders_is_answered_as_far_as_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebalancing, "LARGEST_BYTES", 1000)
    stream = Stream()

    async def start(*_: object, **__: object) -> rebalance_pb2.Rebalance:
        return RUN

    stubs: Any = SimpleNamespace(
        models=None, rebalances=SimpleNamespace(StartRebalance=start, WatchRebalance=lambda *_, **__: stream)
    )
    api = Api(stubs, Caller((), time.monotonic() + 3600))
    answer = asyncio.run(rebalancing.rebalance_model("f" * 24, api))
    (orders,) = json.loads(bytes(answer.body))
    assert (orders["state"], orders["number_of_portfolios"]) == ("RUNNING", 1000)
    assert orders["portfolios_done"] == len(orders["transactions"]) == stream.read
    assert 1000 < len(answer.body) < 2000
    assert stream.cancelled
