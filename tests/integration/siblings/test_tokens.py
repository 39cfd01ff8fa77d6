"""Our token: sent to whom it is for, over TLS, and never shown."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import grpc
import pytest
import trustme

from ordergen_server.domain.errors import SiblingUnavailable
from ordergen_server.siblings import BearerToken, ClientTls, SiblingConfig, SiblingsConfig, open_sources
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.reading.grpc_readers import GrpcPriceReader
from ordergen_server.siblings.reading.http_readers import HttpPriceReader
from tests import tls
from tests.http_servers import http_server
from tests.limits import PATIENCE
from tests.tls import HOST, Files, serving_context, tls_before

TOKEN = "correct-horse.battery~staple"  # noqa: S105 - of nothing
Reader = HttpPriceReader | GrpcPriceReader
READERS: dict[str, Callable[[SiblingConfig], Reader]] = {"http": HttpPriceReader, "grpc": GrpcPriceReader}
SCHEMES = pytest.mark.parametrize("scheme", ["https", "grpcs"])


@dataclass
class Recorder:
    """A pricing service that has no prices, and remembers who came with what."""

    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    location: str = ""

    def tokens(self) -> list[str | None]:
        return [one.get("authorization") for one in self.headers]


@contextmanager
def over_http(recorder: Recorder) -> Iterator[int]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            recorder.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(recorder.status)
            if recorder.location:
                self.send_header("Location", recorder.location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

    with http_server(Answering, HOST) as port:
        yield port


@contextmanager
def over_grpc(recorder: Recorder) -> Iterator[int]:
    class Handler(grpc.GenericRpcHandler):
        def service(
            self, handler_call_details: grpc.HandlerCallDetails
        ) -> "grpc.RpcMethodHandler[bytes, bytes]":
            given = handler_call_details.invocation_metadata or ()
            recorder.headers.append({name: str(value) for name, value in given})

            def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
                if recorder.status != 200:
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, f"no {TOKEN}")
                return b""

            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


SERVERS = {"http": over_http, "grpc": over_grpc}


@contextmanager
def recorded(
    scheme: str, recorder: Recorder, authority: trustme.CA, files: Files, token: BearerToken
) -> Iterator[SiblingConfig]:
    """How to call a recorder over TLS."""
    context = serving_context(tls.good(authority))
    with SERVERS[scheme.removesuffix("s")](recorder) as port, tls_before(port, context) as proxy:
        url = f"{scheme}://{HOST}:{proxy.port}"
        yield SiblingConfig(url, timeout_seconds=PATIENCE, tls=ClientTls(files.ca), token=token)


def asked(config: SiblingConfig, times: int = 1, between: Callable[[], object] = lambda: None) -> None:
    reader = READERS[config.base_url.partition(":")[0].removesuffix("s")](config)
    try:
        for _ in range(times):
            assert reader.read_prices(Deadline(PATIENCE)) == {}
            between()
    finally:
        reader.close()


def of(token: str) -> BearerToken:
    return BearerToken(lambda: token)


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


@SCHEMES
def test_it_comes_with_every_call_and_is_never_shown(
    scheme: str, authority: trustme.CA, files: Files, everything: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    with recorded(scheme, recorder, authority, files, of(TOKEN)) as config:
        asked(config, times=2)
    assert recorder.tokens() == [f"Bearer {TOKEN}"] * 2
    assert TOKEN not in everything.text + repr(config) + str(config) + repr(config.token)


@SCHEMES
def test_one_that_is_not_accepted_is_not_sent_again(
    scheme: str, authority: trustme.CA, files: Files, everything: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(status=401)
    with (
        recorded(scheme, recorder, authority, files, of(TOKEN)) as config,
        pytest.raises(SiblingUnavailable, match="does not know who we are") as caught,
    ):
        asked(config)
    assert len(recorder.headers) == 1
    assert TOKEN not in everything.text + str(caught.value) + repr(caught.value)


@SCHEMES
def test_a_file_that_changes_is_read_again(
    scheme: str, authority: trustme.CA, files: Files, tmp_path: Path
) -> None:
    """And what is no token leaves the former one in place."""
    recorder, path = Recorder(), tmp_path / "token"
    path.write_text("first\n")
    contents = iter(["second\r\n", "no token, but words", "third", "third"])
    with recorded(scheme, recorder, authority, files, BearerToken.of_file(path)) as config:
        asked(config, times=4, between=lambda: path.write_text(next(contents)))
    assert recorder.tokens() == ["Bearer first", "Bearer second", "Bearer second", "Bearer third"]


def test_a_redirect_is_not_followed(authority: trustme.CA, files: Files) -> None:
    """Where it leads nobody gets the token, or anything."""
    elsewhere = Recorder()
    with over_http(elsewhere) as port:
        recorder = Recorder(status=302, location=f"http://{HOST}:{port}/api/v1/prices")
        with (
            recorded("https", recorder, authority, files, of(TOKEN)) as config,
            pytest.raises(SiblingUnavailable, match="with status 302"),
        ):
            asked(config)
    assert (len(recorder.headers), elsewhere.headers) == (1, [])


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_without_tls_it_is_sent_only_where_that_is_said(scheme: str) -> None:
    recorder = Recorder()
    with SERVERS[scheme](recorder) as port:
        config = SiblingConfig(f"{scheme}://{HOST}:{port}", timeout_seconds=PATIENCE, token=of(TOKEN))
        with pytest.raises(ValueError, match="our token would be sent in plain text") as caught:
            asked(config)
        assert recorder.headers == []
        asked(replace(config, token_in_plain_text=True))
        asked(replace(config, token=None))
    assert recorder.tokens() == [f"Bearer {TOKEN}", None]
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("token", ["", "two words", "one\nHeader: more", "späť", "=", "a=b"])
def test_what_is_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ValueError, match="is no bearer token") as caught:
        of(token)
    assert not token or token not in str(caught.value).replace("=", "")


def test_a_file_that_is_not_there_is_refused_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^the token file for siblings cannot be read: No such file"):
        BearerToken.of_file(tmp_path / TOKEN)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:{}@host",
        "http://{}@host:80/path",
        "grpcs://user:{}@host:443",
        "ftp://user:{}@host",
        "user:{}@host",
        "https://[{}",
        "{}://host",
        "https://host/?token={}",
        "grpc://host:80/?token={}",
    ],
)
def test_a_base_url_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    config = SiblingsConfig(pricing=SiblingConfig(url.format(TOKEN)))
    with pytest.raises(ValueError, match=r"^pricing: its base URL") as caught:
        open_sources(config)
    assert TOKEN not in str(caught.value)
