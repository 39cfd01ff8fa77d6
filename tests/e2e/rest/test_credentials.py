"""A front with TLS before an API that asks who calls: what is shown to the one is shown to the other."""

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
import urllib3

from tests.databases import temporary_database
from tests.doors import chain, door, published, tls_files, tls_settings, token_settings, trusting
from tests.e2e.rest.forms import NOWHERE, form
from tests.fronts import Answer, Front, front_process
from tests.issuers import Issuer
from tests.limits import PATIENCE
from tests.waiting import eventually

MODEL = f"/api/v1/model/{NOWHERE}"
#: Each call with the scope that it needs.
CALLS = [
    ("GET", "/api/v1/models", "ordergen:read"),
    ("GET", MODEL, "ordergen:read"),
    ("POST", "/api/v1/models", "ordergen:models"),
    ("DELETE", f"{MODEL}?version=1", "ordergen:models"),
    ("POST", f"{MODEL}/rebalance", "ordergen:rebalance"),
    ("POST", f"/api/v1/portfolio/{NOWHERE}/rebalance", "ordergen:rebalance"),
    ("GET", "/api/v1/rebalances", "ordergen:read"),
    ("GET", f"/api/v1/rebalance/{NOWHERE}", "ordergen:read"),
    ("DELETE", f"/api/v1/rebalance/{NOWHERE}?version=1", "ordergen:admin"),
]


@dataclass(frozen=True)
class Secure:
    """A front and an API, both with TLS; the front has a certificate that the API gives every scope."""

    front: Front
    issuer: Issuer
    authority: trustme.CA
    folder: Path
    log: Path

    def ask(self, method: str, path: str, token: str | None = None, **headers: str) -> Answer:
        shown = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = form() if method == "POST" and path == "/api/v1/models" else None
        return self.front.ask(method, path, body, headers={**shown, **headers})

    def serial(self) -> int:
        """That of the certificate which a new connection is shown."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with (
            socket.create_connection(("127.0.0.1", self.front.port), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as one,
        ):
            shown = one.getpeercert()
            assert shown
            return int(str(shown["serialNumber"]), 16)


@pytest.fixture(scope="module")
def secure(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder, authority, issuer = tmp_path_factory.mktemp("secure"), trustme.CA(), Issuer({"first": "EdDSA"})
    (folder / "api").mkdir()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    ours = trusting(folder, authority, authority.issue_cert("front.test"))
    files = tls_files(folder, authority.issue_cert("127.0.0.1"))
    api_files = tls_files(folder / "api", authority.issue_cert("localhost"), authority)
    everything = "ordergen:read ordergen:models ordergen:rebalance ordergen:admin"
    given = {
        **tls_settings(api_files),
        **token_settings(published(issuer, folder)),
        "tls_subjects": {"front.test": everything},
    }
    settings = {
        "ORDERGEN_REST_TLS_CERTIFICATE": str(files.certificate),
        "ORDERGEN_REST_TLS_KEY": str(files.key),
        "ORDERGEN_REST_HOST": "127.0.0.1",
        "ORDERGEN_REST_TARGET_CA": str(ours.ca),
        "ORDERGEN_REST_TARGET_CERTIFICATE": str(ours.certificate),
        "ORDERGEN_REST_TARGET_KEY": str(ours.key),
        "ORDERGEN_REST_LOG_LEVEL": "DEBUG",
    }
    log = folder / "log"
    with (
        temporary_database(mongodb_uri) as name,
        door(mongodb_uri, name, **given) as api,
        log.open("w") as stream,
        front_process(api.target, stream, ca=str(folder / "ca.pem"), **settings) as front,
    ):
        yield Secure(front, issuer, authority, folder, log)


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_a_scope_is_enough_for_its_calls_and_for_no_others(
    secure: Secure, method: str, path: str, scope: str
) -> None:
    others = {one for _, _, one in CALLS} - {scope}
    refused = secure.ask(method, path, secure.issuer.token(scope=" ".join(others)))
    assert (refused.status, scope in refused.json["detail"]) == (403, True)
    assert secure.ask(method, path, secure.issuer.token(scope=scope)).status in (200, 201, 404)


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_who_shows_nothing_gets_nothing(secure: Secure, method: str, path: str, scope: str) -> None:
    """Our own certificate, which has every scope, is not lent to anybody."""
    del scope
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer caf\xe9"}):
        answer = secure.ask(method, path, **headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert isinstance(answer.json["detail"], str)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/models"),
        ("DELETE", f"/api/v2/model/{NOWHERE}?version=1"),
        ("POST", f"/api/v2/model/{NOWHERE}:rebalance"),
        ("GET", f"/api/v2/rebalance/{NOWHERE}:watch"),
    ],
)
def test_who_shows_nothing_gets_nothing_of_version_2(secure: Secure, method: str, path: str) -> None:
    """Neither is our certificate lent to who asks in the other form, or for a stream."""
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer caf\xe9"}):
        answer = secure.ask(method, path, **headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("shown", ["Bearer x.y.z", "Basic dXNlcjpwYXNz", "Bearer ", "token"])
def test_what_is_no_token_is_refused(secure: Secure, shown: str) -> None:
    answer = secure.ask("GET", "/api/v1/models", Authorization=shown)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_token_of_another_issuer_is_refused(secure: Secure) -> None:
    assert secure.ask("GET", MODEL, secure.issuer.token(iss="https://other.test")).status == 401


def test_what_is_written_has_the_name_of_its_writer(secure: Secure) -> None:
    """The token is that of the caller, not one of ours."""
    token = secure.issuer.token(subject="ben", scope="ordergen:models ordergen:read")
    assert secure.ask("POST", "/api/v1/models", token).status == 201


def test_probes_need_no_credentials(secure: Secure) -> None:
    for path in ("/health", "/health/live", "/health/ready", "/metrics"):
        assert secure.ask("GET", path).status == 200


def test_browsers_are_told_to_come_back_over_tls(secure: Secure) -> None:
    for answer in (secure.ask("GET", "/health/live"), secure.ask("GET", MODEL), secure.ask("GET", "/none")):
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_who_does_not_trust_our_ca_is_not_served(secure: Secure) -> None:
    with urllib3.PoolManager() as http, pytest.raises(urllib3.exceptions.MaxRetryError):
        http.request("GET", f"{secure.front.url}/health/live", retries=0, timeout=PATIENCE)


def test_plain_text_is_not_answered(secure: Secure) -> None:
    with socket.create_connection(("127.0.0.1", secure.front.port), PATIENCE) as one:
        one.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        assert not one.recv(65536).startswith(b"HTTP/")


def test_no_level_of_the_log_has_a_token(secure: Secure) -> None:
    token = secure.issuer.token()
    for one in (token, token[:-8] + "AAAAAAAA"):
        secure.ask("GET", MODEL, one)
        secure.ask("POST", "/api/v1/models", one)
    lines = eventually(lambda: [one for one in secure.log.read_text().splitlines() if '"status":401' in one])
    assert lines
    assert token.rpartition(".")[0] not in secure.log.read_text()


def test_a_new_certificate_is_shown_without_a_restart(secure: Secure) -> None:
    """To connections that begin; half of a pair changes nothing, and those that are open go on."""
    first = secure.serial()
    leaf = secure.authority.issue_cert("127.0.0.1")
    stop, failed = threading.Event(), []

    def calls() -> None:
        while not stop.is_set():
            if secure.ask("GET", "/health/live").status != 200:
                failed.append(1)

    caller = threading.Thread(target=calls)
    caller.start()
    try:
        (secure.folder / "server.pem").write_bytes(chain(leaf))  # and its key not yet
        eventually(lambda: "the new certificate is not used yet" in secure.log.read_text())
        assert secure.serial() == first
        tls_files(secure.folder, leaf)
        eventually(lambda: secure.serial() != first)
    finally:
        stop.set()
        caller.join(PATIENCE)
    assert failed == []
    assert secure.ask("GET", "/health/ready").status == 200
