"""Files of TLS: what is refused at the start, and what becomes of new ones."""

import asyncio
import os
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio

from ordergen_server.api.security import TlsFiles, server_credentials
from ordergen_server.api.security.tls import ReloadedCertificates
from tests.limits import PATIENCE


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> TlsFiles:
    written = TlsFiles(tmp_path / "server.pem", tmp_path / "server-key.pem")
    write(written, authority.issue_cert("localhost"))
    return written


def write(files: TlsFiles, leaf: trustme.LeafCert) -> None:
    """New files take the place of the old ones as one step each, as whoever renews them does it."""
    for path, content in (
        (files.key, leaf.private_key_pem.bytes()),
        (files.certificate, b"".join(blob.bytes() for blob in leaf.cert_chain_pems)),
    ):
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)


def expired(authority: trustme.CA) -> trustme.LeafCert:
    yesterday = datetime.now(UTC) - timedelta(1)
    return authority.issue_cert("localhost", not_after=yesterday)


def test_what_does_not_change_is_not_read_again(files: TlsFiles) -> None:
    certificates = ReloadedCertificates(files)
    assert [certificates.changed() for _ in range(3)] == [None] * 3


def test_new_files_are_used_once(files: TlsFiles, authority: trustme.CA) -> None:
    certificates = ReloadedCertificates(files)
    before = certificates.current
    write(files, authority.issue_cert("localhost"))
    new = certificates.changed()
    assert new is certificates.current is not before
    assert certificates.changed() is None


def test_files_behind_a_link_that_moves_are_new(tmp_path: Path, authority: trustme.CA) -> None:
    """As Kubernetes replaces a mounted secret."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write(
            TlsFiles(tmp_path / name / "tls.crt", tmp_path / name / "tls.key"),
            authority.issue_cert("localhost"),
        )
    link = tmp_path / "data"
    link.symlink_to(tmp_path / "first")
    certificates = ReloadedCertificates(TlsFiles(link / "tls.crt", link / "tls.key"))
    (tmp_path / "new").symlink_to(tmp_path / "second")
    os.replace(tmp_path / "new", link)  # noqa: PTH105 - a link, not what it leads to
    assert certificates.changed()


@pytest.mark.parametrize("broken", ["gone", "empty", "no key", "half", "expired"])
def test_new_files_that_cannot_be_used_leave_things_as_they_are(
    files: TlsFiles, authority: trustme.CA, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = ReloadedCertificates(files)
    before = certificates.current
    if broken == "gone":
        files.certificate.unlink()
    elif broken == "empty":
        files.certificate.write_text("")
    elif broken == "no key":
        files.key.write_text("not a key")
    elif broken == "half":  # the certificate is new already, the key is not yet
        authority.issue_cert("localhost").cert_chain_pems[0].write_to_path(str(files.certificate))
    else:
        write(files, expired(authority))
    assert certificates.changed() is None
    assert certificates.current is before
    (told,) = {one.getMessage() for one in caplog.records}
    assert told.startswith("the TLS of the server changed and cannot be used, the former stays: ")
    assert "PRIVATE KEY" not in told
    write(files, authority.issue_cert("localhost"))
    assert certificates.changed() is not None


def test_files_that_cannot_be_used_at_the_start_are_named(files: TlsFiles, authority: trustme.CA) -> None:
    write(files, expired(authority))
    with pytest.raises(ValueError, match=r"server\.pem is not valid now, but from"):
        server_credentials(files)
    write(files, authority.issue_cert("localhost"))
    other = files.key.with_name("other.pem")
    authority.issue_cert("localhost").private_key_pem.write_to_path(str(other))
    with pytest.raises(ValueError, match=r"the key of \S+other\.pem is not that of"):
        server_credentials(TlsFiles(files.certificate, other))
    with pytest.raises(ValueError, match=r"server-key\.pem has no PEM certificate"):
        server_credentials(TlsFiles(files.certificate, files.key, files.key))
    with pytest.raises(FileNotFoundError):
        server_credentials(TlsFiles(files.certificate, files.key.with_name("none.pem")))


def served_certificate(port: int) -> str:
    """The certificate that a new connection gets."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=PATIENCE)


def test_an_aio_server_uses_new_files_for_new_connections(files: TlsFiles, authority: trustme.CA) -> None:
    async def serve() -> Iterator[str]:
        server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(aio.HealthServicer(), server)
        port = server.add_secure_port("127.0.0.1:0", server_credentials(files))
        await server.start()
        channel = grpc.aio.secure_channel(
            f"localhost:{port}", grpc.ssl_channel_credentials(authority.cert_pem.bytes())
        )
        stub: Any = health_pb2_grpc.HealthStub(channel)  # typed without its methods
        found = [await asyncio.to_thread(served_certificate, port)]
        await stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        new = authority.issue_cert("localhost")
        write(files, new)
        found.append(await asyncio.to_thread(served_certificate, port))
        await stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)  # the old connection goes on
        found.append(new.cert_chain_pems[0].bytes().decode())
        await channel.close()
        await server.stop(0)
        return iter(found)

    first, second, new = asyncio.run(serve())
    assert first != second
    assert second.split() == new.split()
