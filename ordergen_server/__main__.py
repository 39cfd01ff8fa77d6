"""The server: `python -m ordergen_server`. It is configured by ORDERGEN_* variables."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from pydantic import ValidationError

from ordergen_client.variables import misspelt
from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.bootstrap import Serving, server_process, serving
from ordergen_server.configuration.secret_files import variable
from ordergen_server.configuration.setting_errors import told
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.processes import ServerProcesses, serving_processes
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase, EmbeddedDatabaseError
from ordergen_server.stop_signals import stop_signals, wait_for

_log = logging.getLogger(__name__)


@contextmanager
def database_uri(settings: Settings) -> Iterator[str]:
    """The MongoDB the settings name, or an embedded one that lives as long as the block."""
    if settings.mongodb_uri:
        yield settings.mongodb_uri.get_secret_value()
        return
    with EmbeddedDatabase(settings.data_folder) as database:
        yield database.uri


def _serving(
    settings: Settings, uri: str, tracing: Tracing
) -> AbstractContextManager[Serving | ServerProcesses]:
    if settings.processes == 1:
        return serving(settings, uri, tracing)
    return serving_processes(settings, uri)


def _warn_of_slips() -> None:
    known = [variable(Settings, name) for name in Settings.model_fields]
    known += [f"{name}_FILE" for name in known]
    for given, meant in misspelt(os.environ, known, ("ORDERGEN_REST_", "ORDERGEN_LEGACY_")).items():
        _log.warning("%s is no setting, and changes nothing: is %s meant?", given, meant)


def main() -> int:
    """Serve until SIGTERM or Ctrl-C, then drain; 0 where all went well, 1 where it could not start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="announce the ports as one line of JSON")
    arguments = parser.parse_args()
    try:
        settings = Settings()
        with stop_signals() as stop, server_process(settings) as tracing:
            _log.log(logging.WARNING if settings.insecure else logging.INFO, settings.exposure)
            _warn_of_slips()
            with database_uri(settings) as uri, _serving(settings, uri, tracing) as server:
                _announce(server, as_json=arguments.json)
                wait_for(stop)
    except ValidationError as error:
        return _refuse(told(error))
    except (EmbeddedDatabaseError, OrderGenerationError, OSError, ValueError) as error:
        return _refuse(str(error))
    return 0


def _announce(server: Serving | ServerProcesses, *, as_json: bool) -> None:
    ports = {name: getattr(server, name) for name in ("port", "health_port", "metrics_port")}
    sentence = "Serving on port {port}, health on {health_port}, metrics on {metrics_port}."
    print(json.dumps(ports) if as_json else sentence.format(**ports), flush=True)  # noqa: T201 - the command's output


def _refuse(reason: str) -> int:
    print(f"ordergen_server: {reason}", file=sys.stderr)  # noqa: T201 - the command's output
    return 1


if __name__ == "__main__":
    sys.exit(main())
