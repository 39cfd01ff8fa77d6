"""The REST front of a sandbox: a process of its own, as it is wherever it runs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ordergen_server.sandbox.credentials import Credentials

STOP_SECONDS = 60.0


class RestFrontError(Exception):
    """The front did not start; it has said why on standard error."""


@contextmanager
def rest_front(target: str, host: str, port: int, credentials: Credentials | None) -> Iterator[str]:
    """The front of the API at `target`, on an address and port, for the time of the block; gives its URL.

    Raises:
        RestFrontError: it does not start.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERGEN_REST_")}
    # It stops at the end of its input, so it cannot outlive us, however we end.
    with subprocess.Popen(
        [sys.executable, "-m", "ordergen_server.rest", "--json", "--until-input-ends"],
        env={**inherited, **_settings(target, host, port, credentials)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RestFrontError("the REST front does not start")
            yield json.loads(line)["rest"]
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(STOP_SECONDS)


def _settings(target: str, host: str, port: int, credentials: Credentials | None) -> Mapping[str, str]:
    plain = {
        "ORDERGEN_REST_HOST": host,
        "ORDERGEN_REST_INSECURE": "true",  # wherever it is told to listen: it is there to be tried
        "ORDERGEN_REST_PORT": str(port),
        "ORDERGEN_REST_TARGET": target,
        "ORDERGEN_REST_LOG_LEVEL": "WARNING",
        "ORDERGEN_REST_LOG_FORMAT": "console",
    }
    if credentials is None:
        return plain
    certificate, key = str(credentials.certificate), str(credentials.key)
    return {
        **plain,
        "ORDERGEN_REST_TLS_CERTIFICATE": certificate,
        "ORDERGEN_REST_TLS_KEY": key,
        "ORDERGEN_REST_TARGET_CA": str(credentials.ca),
        # The server's own name has no scopes, and gives callers none.
        "ORDERGEN_REST_TARGET_CERTIFICATE": certificate,
        "ORDERGEN_REST_TARGET_KEY": key,
    }
