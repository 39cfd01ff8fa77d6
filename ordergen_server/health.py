"""Asks what a container runs how it is: `python -m ordergen_server.health`, for checks that need no shell.

It ends with 0 where all is well, and with 1 and the reason where it is not. Without an argument it asks what
process 1 was started as. The server is asked at its port of health, which is plain whatever the API is, the
REST front at its own.
"""

import argparse
import ssl
import sys
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import ValidationError

from ordergen_server.addresses import unbracketed, with_port
from ordergen_server.configuration.setting_errors import told
from ordergen_server.configuration.settings import Settings
from ordergen_server.rest.settings import RestSettings

SERVER, REST = "server", "rest"
#: What the image runs, by module. Some have nothing to ask: they end where they cannot work any more.
PARTS = {
    "ordergen_server": SERVER,
    "ordergen_server.rest": REST,
    "ordergen_server.worker": None,
    "ordergen_server.legacy": None,
}
_FIRST_PROCESS = Path("/proc/1/cmdline")
_SECONDS = 5.0


class Unwell(Exception):
    """What was asked is not well, or does not answer; the message says which."""


def part_of(command_line: bytes) -> str | None:
    """Which part a command line starts, its words ended by NUL as in /proc; None: it has nothing to ask.

    Raises:
        Unwell: it starts none of them.
    """
    words = command_line.decode(errors="replace").split("\0")
    for module, part in PARTS.items():
        if module in words:
            return part
    raise Unwell("process 1 is no command of this image: say what to ask, server or rest")


def ask_server(*, alive: bool, seconds: float = _SECONDS) -> None:
    """Ask grpc.health.v1 whether the server is ready, or alive whatever its database does.

    Raises:
        Unwell: it is not, or does not answer in time.
        ValidationError: the settings cannot be read.
    """
    settings = Settings()
    target = with_port(_reached(settings.health_host), settings.health_port)
    request = health_pb2.HealthCheckRequest(service="liveness" if alive else "")
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(target, options) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # set when made
        try:
            status = check(request, timeout=seconds).status
        except grpc.RpcError as error:
            raise Unwell(f"the server does not answer: {error.code().name}") from error
    if status != health_pb2.HealthCheckResponse.SERVING:
        raise Unwell(f"the server is {health_pb2.HealthCheckResponse.ServingStatus.Name(status)}")


def ask_rest(*, alive: bool, seconds: float = _SECONDS) -> None:
    """Ask the REST front whether it and what it stands on are ready, or whether it is alive.

    Raises:
        Unwell: it is not, or does not answer in time.
        ValidationError: the settings cannot be read.
    """
    with closing(_rest_connection(RestSettings(), seconds)) as connection:
        try:
            connection.request("GET", "/health/live" if alive else "/health/ready")
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise Unwell(f"the REST front does not answer: {error}") from error
    if status != HTTPStatus.OK:
        raise Unwell(f"the REST front answers {status}")


def _rest_connection(settings: RestSettings, seconds: float) -> HTTPConnection:
    """To the REST front of this machine, over TLS where it has a certificate."""
    host = _reached(settings.listening_host)
    if settings.tls_certificate is None:
        return HTTPConnection(host, settings.port, timeout=seconds)
    context = ssl.create_default_context()
    # Its certificate is of the name that callers use, and it is told nothing that others might not hear.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(host, settings.port, timeout=seconds, context=context)


def _reached(host: str) -> str:
    """Where this machine reaches who listens on an address."""
    bare = unbracketed(host)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bare, bare)  # noqa: S104 - looked up alone


def main() -> int:
    """Ask, once."""
    parser = argparse.ArgumentParser(prog="python -m ordergen_server.health", description=__doc__)
    parser.add_argument("part", nargs="?", choices=(SERVER, REST), help="what to ask; default: see above")
    parser.add_argument("--alive", action="store_true", help="whether it is alive, not whether it is ready")
    options = parser.parse_args()
    try:
        part = options.part or part_of(_FIRST_PROCESS.read_bytes())
        if part == SERVER:
            ask_server(alive=options.alive)
        elif part == REST:
            ask_rest(alive=options.alive)
    except ValidationError as error:
        return _refuse(told(error, RestSettings if error.title == RestSettings.__name__ else Settings))
    except (Unwell, OSError) as error:
        return _refuse(str(error))
    return 0


def _refuse(reason: str) -> int:
    print(f"ordergen_server.health: {reason}", file=sys.stderr)  # noqa: T201 - the command's output
    return 1


if __name__ == "__main__":
    sys.exit(main())
