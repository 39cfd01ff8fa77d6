"""HTTP/1.1: a bounded pool of connections, and an answer in time and within its size, or none."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
#: Is called before the first byte of a body leaves.
Begin = Callable[[], object]

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
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, read to its end."""

    status: int
    body: bytes
    retry_after_seconds: float | None


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

    def post(
        self, path: str, body: bytes, read: Callable[[int, bytes], Document], deadline: Deadline, begin: Begin
    ) -> Document:
        """Post a body of JSON, on a connection of its own, and read the status and the body of the answer.

        Until `begin` is called, nothing of the body has left, and so nothing was done. It is the config that
        says how often this is attempted: once, where it is not safe to repeat.

        Raises as `get`, of statuses alone for those that say nothing of what was posted: 401, 429, 5xx.
        """

        def attempt(timeout_seconds: float) -> Document:
            answer = self._exchange("POST", path, timeout_seconds, _begun(body, begin), _headers_of(body))
            _check_service(answer, "POST", path)
            return read(answer.status, answer.body)

        return self.caller.call(attempt, deadline)

    def look(self, path: str, read: Callable[[bytes], object], timeout_seconds: float) -> None:
        """Get `path` once and see whether its body can be read, as `ResilientCaller.look` has it."""
        self.caller.look(lambda seconds: read(self._fetch(path, seconds)), timeout_seconds)

    def close(self) -> None:
        """Close every idle connection; one in use is closed as soon as it comes back."""
        self.caller.close()
        self._pool.close()

    def _fetch(self, path: str, timeout_seconds: float) -> bytes:
        answer = self._exchange("GET", path, timeout_seconds)
        _check_service(answer, "GET", path)
        _check_ok(answer, path)
        return answer.body

    def _exchange(
        self,
        method: str,
        path: str,
        timeout_seconds: float,
        body: Iterator[bytes] | None = None,
        headers: Mapping[str, str] = _NONE,
    ) -> _Answer:
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers={**self._headers(), **headers},
                timeout=urllib3.Timeout(total=timeout_seconds),
                # Attempts are never more than connections: this does not wait, but without a limit it could.
                pool_timeout=_POOL_TIMEOUT_SECONDS,
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
            try:
                answered = self._body(response, f"{method} {path}")
            finally:
                # A connection whose answer was read to its end is back in the pool by now; any other is
                # closed here, and its place given back.
                response.close()
                response.release_conn()
        except NewConnectionError as error:  # which urllib3 counts among the timeouts
            raise AttemptFailed(f"could not be reached for {method} {path}") from error
        except Urllib3TimeoutError as error:
            raise TimedOut(f"did not answer {method} {path} within {timeout_seconds:.3g} s") from error
        except SSLError as error:
            raise tls_failure(error) from error
        except HTTPError as error:
            raise AttemptFailed(f"did not answer {method} {path}: {type(error).__name__}") from error
        return _Answer(response.status, answered, _retry_after(response))

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", **origin.current().headers}
        return headers | {"Authorization": self._token.header} if self._token else headers

    def _body(self, response: urllib3.BaseHTTPResponse, asked: str) -> bytes:
        body = bytearray()
        for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
            body += chunk
            if len(body) > self._maximum_body_bytes:
                raise Refused(f"answered {asked} with more than {self._maximum_body_bytes} bytes")
        return bytes(body)


def _pool(service: str, config: SiblingConfig) -> tuple[HTTPConnectionPool, str]:
    """The connections, and the path below which the service lies."""
    url, size = http_url(service, config), config.pool_size
    host, prefix = url.host or "", (url.path or "").rstrip("/")
    if url.scheme == "http":
        return DeadlinePool(host, url.port, maxsize=size, block=True, retries=False), prefix
    context = FromFiles("the certificates for siblings", config.tls.all, config.tls.context).current
    return DeadlineTlsPool(host, url.port, maxsize=size, block=True, retries=False, context=context), prefix


def _check_service(answer: _Answer, method: str, path: str) -> None:
    """Raise where a status says how the service is, and not what it has to say."""
    status, reason = answer.status, f"answered {method} {path} with status {answer.status}"
    if status == _TOO_MANY_REQUESTS or status in _SERVER_ERRORS:
        failure = InternalFailure if status == _INTERNAL_SERVER_ERROR else AttemptFailed
        is_outage = status != _TOO_MANY_REQUESTS
        raise failure(reason, retry_after_seconds=answer.retry_after_seconds, is_outage=is_outage)
    if status == _UNAUTHORIZED:
        raise NotTrusted(UNKNOWN_TO_THEM.format(status))


def _check_ok(answer: _Answer, path: str) -> None:
    status, reason = answer.status, f"answered GET {path} with status {answer.status}"
    if status != _OK:
        raise Refused(reason, is_unknown=status == _NOT_FOUND, is_invalid=status == _BAD_REQUEST)


def _begun(body: bytes, begin: Begin) -> Iterator[bytes]:
    """The body, asked for once there is a connection: from then on it may have come."""
    begin()
    yield body


def _headers_of(body: bytes) -> dict[str, str]:
    """Of a body; on a connection that was kept, which the service may close as we send, nobody is sure."""
    length = str(len(body))
    return {"Content-Type": "application/json", "Content-Length": length, "Connection": "close"}


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    """The seconds of a Retry-After, which may also be a date; None where there is none, or nonsense."""
    header = response.headers.get("Retry-After")
    if header is None:
        return None
    try:
        return urllib3.Retry().parse_retry_after(header)
    except (InvalidHeader, ValueError, OverflowError):
        return None
