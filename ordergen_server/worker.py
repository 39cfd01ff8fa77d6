"""A worker of a Dask cluster for runs of models: `python -m ordergen_server.worker`.

It is configured by the ORDERGEN_* variables of the server, ORDERGEN_DASK_SCHEDULER among them.
"""

import argparse
import asyncio
import logging
import signal
import sys

import distributed
from pydantic import ValidationError

from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.compute.dask import ChunkWorkerPlugin
from ordergen_server.compute.reports import Reporter
from ordergen_server.compute.wiring import wired
from ordergen_server.configuration.setting_errors import told
from ordergen_server.configuration.settings import Settings
from ordergen_server.garbage import collect_seldom

_log = logging.getLogger(__name__)

#: How long it looks for a scheduler that does not answer; whoever supervises it starts it again.
SCHEDULER_SECONDS = 60


async def serve(settings: Settings, plugin: ChunkWorkerPlugin, host: str | None, port: int) -> None:
    """Take tasks until SIGTERM or SIGINT, or until the scheduler is gone."""
    worker = distributed.Worker(
        settings.dask_scheduler,
        nthreads=1,  # its reading has threads of its own, and Python computes in one
        host=host,
        port=port,
        plugins=(plugin,),
        death_timeout=SCHEDULER_SECONDS,
        memory_limit=0,  # it keeps nothing: results go to the database
        dashboard=False,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with worker:
        _log.info("working for %s", settings.dask_scheduler)
        finished = asyncio.ensure_future(worker.finished())
        await asyncio.wait(
            [finished, asyncio.ensure_future(stop.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        plugin.worker.stop()


def main() -> int:
    """Work until told to end; 0 where all went well, 1 where it could not begin."""
    parser = argparse.ArgumentParser(prog="python -m ordergen_server.worker", description=__doc__)
    parser.add_argument("--host", help="address to listen on (any)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (0)")
    options = parser.parse_args()
    try:
        settings = Settings()
        if not (settings.dask_scheduler and settings.mongodb_uri):
            return _refuse("ORDERGEN_DASK_SCHEDULER and ORDERGEN_MONGODB_URI are needed")
        collect_seldom()
        reporter = Reporter()
        uri = settings.mongodb_uri.get_secret_value()
        with (
            logging_to(sys.stderr, settings.log_level, settings.log_format),
            wired(settings, uri, settings.portfolio_workers, reporter) as own,
        ):
            plugin = ChunkWorkerPlugin(own.worker, reporter)
            asyncio.run(serve(settings, plugin, options.host, options.port))
    except ValidationError as error:
        return _refuse(told(error))
    except (OSError, ValueError, TimeoutError) as error:
        return _refuse(str(error))
    return 0


def _refuse(reason: str) -> int:
    print(f"ordergen_server.worker: {reason}", file=sys.stderr)  # noqa: T201 - the command's output
    return 1


if __name__ == "__main__":
    sys.exit(main())
