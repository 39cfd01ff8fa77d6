"""Where key sets come from: a file, or an https URL."""

import time
from collections.abc import Callable
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from ordergen_server.api.security.keys import KeysError

#: Some dozen keys with their certificates; a set is one or two KB.
MAXIMUM_BYTES = 256 * 1024
_STEP_SECONDS, _TOTAL_SECONDS = 5.0, 15.0
_OK = 200


def source(place: str) -> Callable[[], bytes]:
    """What reads the key set of a place: the path of a file, or a URL that begins with `https://`."""
    if place.startswith("https://"):
        # The certificates that are trusted are the system's, or those of SSL_CERT_FILE.
        pool = urllib3.PoolManager(num_pools=1, retries=False, timeout=urllib3.Timeout(_STEP_SECONDS))
        return lambda: _of_url(pool, place)
    return lambda: _of_file(Path(place))


def _of_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return _bounded(file.read(MAXIMUM_BYTES + 1))


def _of_url(pool: urllib3.PoolManager, url: str) -> bytes:
    end = time.monotonic() + _TOTAL_SECONDS
    try:
        response = pool.request("GET", url, preload_content=False, redirect=False)
        try:
            if response.status != _OK:
                raise KeysError(f"its server answers {response.status}")
            return _body(response, end)
        finally:
            response.close()  # and its connection, for the next reading is minutes away
    except HTTPError as error:
        raise KeysError(f"its server does not answer ({type(error).__name__})") from error


def _body(response: urllib3.BaseHTTPResponse, end: float) -> bytes:
    """The body, in small steps: a server that sends a byte now and then does not keep us for ever."""
    body = b""
    while step := response.read1(MAXIMUM_BYTES):
        body = _bounded(body + step)
        if time.monotonic() > end:
            raise KeysError(f"its server takes longer than {_TOTAL_SECONDS:.0f} s")
    return body


def _bounded(content: bytes) -> bytes:
    if len(content) > MAXIMUM_BYTES:
        raise KeysError(f"it has more than {MAXIMUM_BYTES} bytes")
    return content
