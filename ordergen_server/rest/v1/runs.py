"""Runs with what they did: read from the stream that the API has of each, and never shorter than it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2

from ordergen_client.errors import Unavailable
from ordergen_server.rest.answering.answers import encode
from ordergen_server.rest.api import Api
from ordergen_server.rest.v1 import shapes

pb = rebalance_pb2
_COUNTS = tuple(f"{state}_count" for state in ("rebalanced", "no_action", "infeasible", "failed", "skipped"))


async def get_run(api: Api, rebalance_id: str) -> pb.Rebalance:
    """A run."""
    request = rebalance_service_pb2.GetRebalanceRequest(rebalance_id=rebalance_id)
    return await api.call(api.rebalances.GetRebalance, request)


async def portfolios_of(api: Api, run: pb.Rebalance) -> AsyncIterator[pb.PortfolioRebalance]:
    """What a run did for each portfolio, with all lines: of one that goes on, as far as it is.

    Raises:
        OrderGenerationError: it cannot be read, or not as far as the run says that it is.
    """
    done = sum(getattr(run, name) for name in _COUNTS)
    if not done:
        return
    request = rebalance_service_pb2.WatchRebalanceRequest(rebalance_id=run.rebalance_id)
    async with aclosing(api.stream(api.rebalances.WatchRebalance, request)) as messages:
        async for message in messages:
            if message.HasField("portfolio"):
                yield message.portfolio
                done -= 1
            if not done:
                return
    raise Unavailable("UNAVAILABLE", f"rebalance {run.rebalance_id} was not told to its end: read it again")


async def run_in_parts(api: Api, run: pb.Rebalance) -> AsyncGenerator[bytes]:
    """A run with its portfolios, as JSON."""
    # Nothing is told of a run before there is something to tell: until then it may turn out to be deleted.
    mark = head = encode(shapes.rebalance(run))[:-1] + b',"portfolios":['
    async for message in portfolios_of(api, run):
        yield mark + encode(shapes.portfolio(message))
        mark = b","
    yield b"]}" if mark != head else head + b"]}"
