"""The simulated siblings: five real HTTP services in one process, each on a port of its own; gRPC on one.

``python -m ordergen_server.sandbox.services`` prints one line of JSON, the base URL of each service, that of
the services over gRPC, and a model that fits their data, and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.portfolios import Portfolios
from ordergen_server.sandbox.services.answers import Answers
from ordergen_server.sandbox.services.faults import SERVICES, FaultBook
from ordergen_server.sandbox.services.grpc import GrpcSiblings
from ordergen_server.sandbox.services.http import services

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ordergen_server.sandbox.services.http import Service

__all__ = ["main", "serve"]

_HOST = "127.0.0.1"
_END_SECONDS = 0.5  # for calls still open at the end


async def serve(
    portfolios: Portfolios, price_jitter: Decimal, ports: Mapping[str, int], host: str = _HOST
) -> None:
    """Serve on the ports given (0: any free one), announce the base URLs, and end at SIGTERM or SIGINT.

    Whatever addresses it listens on, the URLs are those for this machine.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    answers = Answers(portfolios, price_jitter)
    books = {name: FaultBook() for name in SERVICES}
    with GrpcSiblings(answers, books, ports["grpc"], host=host) as over_grpc:
        runners = {
            name: await _started(each, host, ports[name]) for name, each in services(answers, books).items()
        }
        urls = {name: f"http://{_HOST}:{runner.addresses[0][1]}" for name, runner in runners.items()}
        announcement = urls | {"grpc": over_grpc.url, "model": portfolios.model}
        sys.stdout.write(msgspec.json.encode(announcement).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()
        await asyncio.gather(*(runner.cleanup() for runner in runners.values()))


async def _started(service: Service, host: str, port: int) -> web.AppRunner:
    # Cancelled with its client, or a call that hangs would stay for ever.
    runner = web.AppRunner(
        service.app, access_log=None, handler_cancellation=True, shutdown_timeout=_END_SECONDS
    )
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    return runner


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="siblings", description=__doc__)
    parser.add_argument("--portfolios", type=int, default=25, help="how many portfolios (default 25)")
    parser.add_argument(
        "--positions", type=int, default=60, help="of the suggested model, 1 to 100 (default 60)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data (default 1)")
    parser.add_argument("--securities", type=int, default=500, help="of the synthetic market (default 500)")
    parser.add_argument("--market", type=Path, help="a CSV file of securities and prices to use instead")
    parser.add_argument("--host", default=_HOST, help="address to listen on (default 127.0.0.1)")
    jitter = "let each answer of a price differ from its mean by at most this (default 0)"
    parser.add_argument("--price-jitter", type=_fraction, default=Decimal(0), metavar="FRACTION", help=jitter)
    for name in SERVICES:
        parser.add_argument(
            f"--port-{name}", type=int, default=0, help=f"of the {name} service (default: any)"
        )
    parser.add_argument("--port-grpc", type=int, default=0, help="of the services over gRPC (default: any)")
    return parser


def _fraction(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and 0 <= value < 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction from 0 to below 1")
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.market:
            market = Market.from_csv(options.market, seed=options.seed)
        else:
            market = Market.synthetic(seed=options.seed, securities=options.securities)
        portfolios = Portfolios(market, options.portfolios, options.positions)
    except ValueError as error:
        parser.error(str(error))
    ports: dict[str, int] = {name: getattr(options, f"port_{name}") for name in (*SERVICES, "grpc")}
    asyncio.run(serve(portfolios, options.price_jitter, ports, options.host))


if __name__ == "__main__":
    main()
