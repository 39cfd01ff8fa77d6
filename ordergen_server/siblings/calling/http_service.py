"""GET over HTTP/1.1: a bounded pool of connections, an answer in time and within its size, or none."""

from collections.abc import Callable
from typing import TypeVar

import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError, InvalidHeader, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from ordergen_server.domain import origin
from ordergen_server.files import FromFiles
from ordergen_server.siblings.calling.addresses import http_url
from ordergen_server.siblings.calling.calls import ResilientCaller
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import (
    AttemptFailed,
    InternalFailure,
    NotTrusted,
    Refused,
    TimedOut,
)
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.calling.sockets import DeadlinePool, DeadlineTlsPool
from ordergen_server.siblings.calling.trust import UNKNOWN_TO_THEM, tls_failure

Document = TypeVar("Document")
#: Gets the body of a path, within what is left of the time of one attempt.
Fetch = Callable[[str], bytes]

_CHUNK_BYTES = 64 * 1024
_POOL_TIMEOUT_SECONDS = 1
_LEAST_SECONDS = 0.001
_OK = 200
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY_REQUESTS = 429
_INTERNAL_SERVER_ERROR = 500
_SERVER_ERRORS = range(500, 600)


class HttpService:
    """One service at one base URL.

    A name that resolves to several addresses has each of them tried with the attempt's time, and resolving
    itself has no limit but the resolver's: neither happens inside a cluster, where a service is one address.

    Args:
        service: its name, for errors and the log.
        config: where it is and its limits.
        observer: hears what becomes of calls.

    Raises:
        ValueError: the base URL is not one of HTTP, or a certificate cannot be used.
    """

    def __init__(self, service: str, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        self._pool, self._prefix = _pool(service, config)
        self.caller = ResilientCaller(service, config, observer=observer)
        self._maximum_body_bytes = config.maximum_body_bytes
        self._token = config.token

    def get(self, path: str, read: Callable[[bytes], Document], deadline: Deadline) -> Document:
        """Get `path` and read its body; a body that `read` cannot read is asked for again.

        Raises:
            Refused: a status below 500 other than 200 and 429.
            Unreadable: no attempt brought a body that can be read.
            SiblingUnavailable: no attempt brought an answer, or the breaker is open.
            DeadlineExceeded: the deadline passed first.
        """
        return self.converse(lambda fetch: read(fetch(path)), deadline)

    def converse(self, read: Callable[[Fetch], Document], deadline: Deadline) -> Document:
        """Make one document of several answers: one attempt, in its time, that fails as a whole.

        Raises as `get`.
        """

        def attempt(timeout_seconds: float) -> Document:
            end = Deadline(timeout_seconds)
            return read(lambda path: self._fetch(path, max(_LEAST_SECONDS, end.remaining_seconds)))

        return self.caller.call(attempt, deadline)

    def look(self, path: str, read: Callable[[bytes], object], timeout_seconds: float) -> None:
        """Get `path` once and see whether its body can be read, as `ResilientCaller.look` has it."""
        self.caller.look(lambda seconds: read(self._fetch(path, seconds)), timeout_seconds)

    def close(self) -> None:
        """Close every idle connection; one in use is closed as soon as it comes back."""
        self.caller.close()
        self._pool.close()

    def _fetch(self, path: str, timeout_seconds: float) -> bytes:
        try:
            response = self._pool.urlopen(
                "GET",
                self._prefix + path,
                headers=self._headers(),
                timeout=urllib3.Timeout(total=timeout_seconds),
                # Attempts are never more than connections: this does not wait, but without a limit it could.
                pool_timeout=_POOL_TIMEOUT_SECONDS,
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
            try:
                body = self._body(response, path)
            finally:
                # A connection whose answer was read to its end is back in the pool by now; any other is
                # closed here, and its place given back.
                response.close()
                response.release_conn()
        except NewConnectionError as error:  # which urllib3 counts among the timeouts
            raise AttemptFailed(f"could not be reached for GET {path}") from error
        except Urllib3TimeoutError as error:
            raise TimedOut(f"did not answer GET {path} within {timeout_seconds:.3g} s") from error
        except SSLError as error:
            raise tls_failure(error) from error
        except HTTPError as error:
            raise AttemptFailed(f"did not answer GET {path}: {type(error).__name__}") from error
        _check_status(response, path)
        return body

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", **origin.current().headers}
        return headers | {"Authorization": self._token.header} if self._token else headers

    def _body(self, response: urllib3.BaseHTTPResponse, path: str) -> bytes:
        body = bytearray()
        for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
            body += chunk
            if len(body) > self._maximum_body_bytes:
                raise Refused(f"answered GET {path} with more than {self._maximum_body_bytes} bytes")
        return bytes(body)


def _pool(service: str, config: SiblingConfig) -> tuple[HTTPConnectionPool, str]:
    """The connections, and the path below which the service lies."""
    url, size = http_url(service, config), config.pool_size
    host, prefix = url.host or "", (url.path or "").rstrip("/")
    if url.scheme == "http":
        return DeadlinePool(host, url.port, maxsize=size, block=True, retries=False), prefix
    context = FromFiles("the certificates for siblings", config.tls.all, config.tls.context).current
    return DeadlineTlsPool(host, url.port, maxsize=size, block=True, retries=False, context=context), prefix


def _check_status(response: urllib3.BaseHTTPResponse, path: str) -> None:
    status = response.status
    if status == _OK:
        return
    reason = f"answered GET {path} with status {status}"
    if status == _TOO_MANY_REQUESTS or status in _SERVER_ERRORS:
        failure = InternalFailure if status == _INTERNAL_SERVER_ERROR else AttemptFailed
        is_outage = status != _TOO_MANY_REQUESTS
        raise failure(reason, retry_after_seconds=_retry_after(response), is_outage=is_outage)
    if status == _UNAUTHORIZED:
        raise NotTrusted(UNKNOWN_TO_THEM.format(status))
    raise Refused(reason, is_unknown=status == _NOT_FOUND, is_invalid=status == _BAD_REQUEST)


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    """The seconds of a Retry-After, which may also be a date; None where there is none, or nonsense."""
    header = response.headers.get("Retry-After")
    if header is None:
        return None
    try:
        return urllib3.Retry().parse_retry_after(header)
    except (InvalidHeader, ValueError, OverflowError):
        return None
