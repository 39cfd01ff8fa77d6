"""The database over TLS, by a proxy before the embedded one: what its address asks for is done."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import dns.resolver
import pytest
import trustme

from ordergen_server.domain.errors import DatabaseUnavailable
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from tests import tls
from tests.databases import NAMED
from tests.limits import DATABASE_SECONDS
from tests.tls import HOST, Files, TlsProxy, serving_context, tls_before
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(bool(NAMED), reason="the proxy stands before an embedded database")
#: Enough for one look at a certificate; a client that trusts nobody looks until its time is over.
REFUSED_SECONDS = 5.0
SERVICE, MEMBER = "cluster.ordergen.test", "member.cluster.ordergen.test"


@pytest.fixture(scope="module")
def proxy(mongodb_uri: str, authority: trustme.CA) -> Iterator[TlsProxy]:
    """It asks clients for a certificate."""
    context = serving_context(authority.issue_cert(HOST, MEMBER), clients_of=authority)
    with tls_before(urlsplit(mongodb_uri).port or 0, context) as proxy:
        yield proxy


def uri(proxy: TlsProxy, **options: Path | str) -> str:
    given = "".join(f"&{name}={quote(str(value), safe='')}" for name, value in options.items())
    return f"mongodb://{HOST}:{proxy.port}/?directConnection=true&tls=true{given}"


@contextmanager
def opened(uri: str, name: str = "none", seconds: float = DATABASE_SECONDS) -> Iterator[Database]:
    with closing(Database(uri, name, pool_size=2, timeout_seconds=seconds)) as database:
        yield database


def test_it_works(proxy: TlsProxy, files: Files, database_name: str) -> None:
    """With our certificate, as X.509 has it."""
    with opened(uri(proxy, tlsCAFile=files.ca, tlsCertificateKeyFile=files.both), database_name) as database:
        migrate(database)
        database.look(DATABASE_SECONDS)
    assert proxy.shaken > 0


def test_servers_that_dns_names(proxy: TlsProxy, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such an address asks for TLS by itself, and the certificate is that of the name that DNS tells.

    The embedded database then tells the driver that it is a replica set at its own port, without TLS.
    """

    class Target:
        def to_text(self, *, omit_final_dot: bool) -> str:
            return MEMBER if omit_final_dot else f"{MEMBER}."

    class Record:
        target, port = Target(), proxy.port

    def resolve(name: str, kind: str, **_: object) -> list[Record]:
        if kind == "TXT":
            raise dns.resolver.NoAnswer
        assert name == f"_mongodb._tcp.{SERVICE}"
        return [Record()]

    look_up = socket.getaddrinfo
    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **b: look_up(HOST if host == MEMBER else host, *a, **b)
    )
    before = proxy.shaken
    options = f"tlsCAFile={files.ca}&tlsCertificateKeyFile={files.both}"
    with opened(f"mongodb+srv://{SERVICE}/?{options}"):
        eventually(lambda: proxy.shaken > before)


def test_a_service_that_dns_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise dns.resolver.NXDOMAIN

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    with (
        pytest.raises(ValueError, match="or DNS does not tell the names"),
        opened(f"mongodb+srv://{SERVICE}"),
    ):
        pass


def test_a_database_that_is_not_trusted(proxy: TlsProxy, tmp_path: Path) -> None:
    stranger = tls.written(tmp_path, trustme.CA())
    with (
        opened(uri(proxy, tlsCAFile=stranger.ca), seconds=REFUSED_SECONDS) as database,
        pytest.raises(DatabaseUnavailable, match="over TLS, certificate verify failed: "),
    ):
        migrate(database)


def test_a_database_that_wants_our_certificate(proxy: TlsProxy, files: Files) -> None:
    with (
        opened(uri(proxy, tlsCAFile=files.ca), seconds=REFUSED_SECONDS) as database,
        pytest.raises(DatabaseUnavailable, match=r"over TLS, .*certificate required"),
    ):
        migrate(database)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"tlsCAFile": "/nowhere"},
            "mongodb_uri names a file that cannot be used: ",
        ),
        ({"tlsCAFile": __file__}, "mongodb_uri names a file that cannot be used"),
        ({"tlsCertificateKeyFile": __file__}, "mongodb_uri is not the address of a MongoDB"),
        ({"tlsCaFlie": "/ca.pem"}, "mongodb_uri has an option that is none, or has a wrong value"),
        ({"tlsInsecure": "perhaps"}, "mongodb_uri has an option that is none, or has a wrong value"),
    ],
)
def test_what_cannot_be_done_is_refused(proxy: TlsProxy, options: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match="mongodb_uri") as caught, opened(uri(proxy, **options)):
        pass
    assert told in str(caught.value)
