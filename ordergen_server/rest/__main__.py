"""The REST front: `python -m ordergen_server.rest`. It is configured by ORDERGEN_REST_* variables."""

import argparse
import json
import sys

from pydantic import ValidationError

from ordergen_server.addresses import unbracketed, with_port
from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.configuration.setting_errors import told
from ordergen_server.garbage import collect_seldom
from ordergen_server.rest.serving import serving_rest
from ordergen_server.rest.settings import RestSettings
from ordergen_server.stop_signals import stop_at_end_of_input, stop_signals, wait_for


def main() -> int:
    """Serve until SIGTERM or Ctrl-C, then drain; 0 where all went well, 1 where it could not start."""
    parser = argparse.ArgumentParser(prog="python -m ordergen_server.rest", description=__doc__)
    parser.add_argument("--json", action="store_true", help="announce the address as one line of JSON")
    parser.add_argument(
        "--until-input-ends", action="store_true", help="also stop at the end of standard input"
    )
    arguments = parser.parse_args()
    try:
        settings = RestSettings()
        collect_seldom()
        with (
            stop_signals() as stop,
            logging_to(sys.stderr, settings.log_level, settings.log_format),
            serving_rest(settings) as port,
        ):
            url = base_url(settings, port)
            sentence = f"Serving on {url}, documented on {url}/docs."
            print(json.dumps({"rest": url}) if arguments.json else sentence, flush=True)  # noqa: T201 - the command's output
            if arguments.until_input_ends:
                stop_at_end_of_input(stop)
            wait_for(stop)
    except ValidationError as error:
        return _refuse(told(error, RestSettings))
    except (OSError, ValueError) as error:
        return _refuse(str(error))
    return 0


def base_url(settings: RestSettings, port: int) -> str:
    """Where the front is, for who is on this machine."""
    scheme = "https" if settings.tls_certificate else "http"
    host = unbracketed(settings.listening_host)
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared alone
        host = "127.0.0.1"
    return f"{scheme}://{with_port(host, port)}"


def _refuse(reason: str) -> int:
    print(f"ordergen_server.rest: {reason}", file=sys.stderr)  # noqa: T201 - the command's output
    return 1


if __name__ == "__main__":
    sys.exit(main())
