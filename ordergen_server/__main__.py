"""The server: `python -m ordergen_server`. It is configured by ORDERGEN_* variables."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.api.telemetry.tracing import tracing_to_collector
from ordergen_server.bootstrap import serving
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase, EmbeddedDatabaseError
from ordergen_server.settings import Settings
from ordergen_server.stop_signals import stop_signals, wait_for


@contextmanager
def database_uri(settings: Settings) -> Iterator[str]:
    """The MongoDB the settings name, or an embedded one that lives as long as the block."""
    if settings.mongodb_uri:
        yield settings.mongodb_uri.get_secret_value()
        return
    with EmbeddedDatabase(settings.data_folder) as database:
        yield database.uri


def main() -> int:
    """Serve until SIGTERM or Ctrl-C, then drain; 0 where all went well, 1 where it could not start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="announce the ports as one line of JSON")
    arguments = parser.parse_args()
    try:
        settings = Settings()
        with (
            stop_signals() as stop,
            logging_to(sys.stderr, settings.log_level, settings.log_format),
            tracing_to_collector(os.environ) as tracing,
            database_uri(settings) as uri,
            serving(settings, uri, tracing) as server,
        ):
            ports = asdict(server)
            sentence = (
                f"Serving on port {server.port}, health on {server.health_port},"
                f" metrics on {server.metrics_port}."
            )
            print(json.dumps(ports) if arguments.json else sentence, flush=True)  # noqa: T201 - the command's output
            wait_for(stop)
    except ValidationError as error:
        return _refuse("; ".join(map(_named, error.errors())))
    except (EmbeddedDatabaseError, OrderGenerationError, OSError, ValueError) as error:
        return _refuse(str(error))
    return 0


def _named(problem: ErrorDetails) -> str:
    """What is wrong with a setting, by the name of its variable."""
    return f"ORDERGEN_{problem['loc'][0]}".upper() + f": {problem['msg']}, not {problem['input']!r}"


def _refuse(reason: str) -> int:
    print(f"ordergen_server: {reason}", file=sys.stderr)  # noqa: T201 - the command's output
    return 1


if __name__ == "__main__":
    sys.exit(main())
