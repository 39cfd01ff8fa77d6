"""A server that asks who calls: its files, its port, and clients that knock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from ordergen_client import Client, OrderGenerationError, Tls
from ordergen_server.api.security import TlsFiles
from ordergen_server.bootstrap import serving
from ordergen_server.configuration.settings import Settings
from tests.issuers import AUDIENCE, ISSUER, Issuer
from tests.limits import DATABASE_SECONDS, PATIENCE


@dataclass(frozen=True)
class Door:
    """Where the API and the health port are."""

    port: int
    health_port: int

    @property
    def target(self) -> str:
        return f"localhost:{self.port}"

    def client(self, **given: Any) -> Client:  # noqa: ANN401 - whatever a client takes
        return Client(self.target, timeout_seconds=PATIENCE, **given)


@contextmanager
def door(mongodb_uri: str, database_name: str, **given: object) -> Iterator[Door]:
    """A server with these settings, on ports of its own."""
    settings = Settings.model_validate(
        {
            "host": "127.0.0.1",
            "port": 0,
            "health_port": 0,
            "metrics_port": 0,
            "message_seconds": PATIENCE,
            "mongodb_database": database_name,
            "mongodb_timeout_seconds": DATABASE_SECONDS,
            "maximum_call_seconds": PATIENCE,
            "sibling_timeout_seconds": PATIENCE,
            "drain_seconds": 1,
            **given,
        }
    )
    with serving(settings, mongodb_uri) as server:
        yield Door(server.port, server.health_port)


def token_settings(keys: str) -> dict[str, object]:
    """Settings of a server that takes tokens of the tests' issuer."""
    return {"token_keys": keys, "token_issuer": ISSUER, "token_audience": AUDIENCE}


def published(issuer: Issuer, folder: Path) -> str:
    """The issuer's key set in a file."""
    path = folder / "jwks.json"
    path.write_bytes(issuer.key_set())
    return str(path)


def tls_files(folder: Path, leaf: trustme.LeafCert, client_ca: trustme.CA | None = None) -> TlsFiles:
    """Files of a server; those that are there are replaced, each as one step."""
    files = TlsFiles(
        folder / "server.pem", folder / "server-key.pem", folder / "clients.pem" if client_ca else None
    )
    contents = {files.key: leaf.private_key_pem.bytes(), files.certificate: chain(leaf)}
    if client_ca and files.client_ca:
        contents[files.client_ca] = client_ca.cert_pem.bytes()
    for path, content in contents.items():
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)
    return files


def tls_settings(files: TlsFiles) -> dict[str, object]:
    """Settings of a server with these files."""
    return {"tls_certificate": files.certificate, "tls_key": files.key, "tls_client_ca": files.client_ca}


def trusting(folder: Path, authority: trustme.CA, own: trustme.LeafCert | None = None) -> Tls:
    """What a client needs that trusts a CA, with a certificate of its own or without."""
    ca = folder / f"ca-{id(authority)}.pem"
    ca.write_bytes(authority.cert_pem.bytes())
    if own is None:
        return Tls(ca)
    certificate, key = folder / f"client-{id(own)}.pem", folder / f"client-{id(own)}-key.pem"
    certificate.write_bytes(chain(own))
    key.write_bytes(own.private_key_pem.bytes())
    return Tls(ca, certificate, key)


def chain(leaf: trustme.LeafCert) -> bytes:
    return b"".join(blob.bytes() for blob in leaf.cert_chain_pems)


def refused(call: Callable[[], object]) -> OrderGenerationError:
    """How a call fails."""
    with pytest.raises(OrderGenerationError) as told:
        call()
    return told.value


def knock(client: Client) -> None:
    """A call that needs the scope to read."""
    list(client.models.list(page_size=1))


def ready(channel: grpc.Channel) -> None:
    """Wait until a channel is connected."""
    grpc.channel_ready_future(channel).result(PATIENCE)
