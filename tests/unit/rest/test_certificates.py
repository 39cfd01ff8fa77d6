"""A new pair of certificate and key is used once both are there."""

import logging
import ssl
from pathlib import Path

import pytest
import trustme

from ordergen_server.rest import certificates
from ordergen_server.rest.certificates import Renewal
from tests.doors import chain, tls_files
from tests.waiting import eventually


def shown(context: ssl.SSLContext, authority: trustme.CA) -> int:
    """The serial number of the certificate in a handshake with the context, without a socket."""
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = trusting.wrap_bio(to_client, to_server, server_hostname="localhost")
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    certificate = client.getpeercert()
    assert certificate
    return int(str(certificate["serialNumber"]), 16)


def test_half_of_a_pair_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.01)
    authority = trustme.CA()
    files = tls_files(tmp_path, authority.issue_cert("localhost"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    first = shown(context, authority)
    renewal = Renewal(context, files.certificate, files.key)
    with caplog.at_level(logging.INFO):
        renewal.start()
        leaf = authority.issue_cert("localhost")
        files.certificate.write_bytes(chain(leaf))
        eventually(lambda: "not used yet" in caplog.text)
        files.key.unlink()
        assert shown(context, authority) == first
        tls_files(tmp_path, leaf)
        eventually(lambda: shown(context, authority) != first)
        renewal.close()
    assert "the certificate is renewed" in caplog.text
    assert "PRIVATE KEY" not in caplog.text


class InUse(ssl.SSLContext):
    """Counts what is loaded into it: for a moment it has a certificate and no key, and lets nobody in."""

    loaded = 0

    def load_cert_chain(self, *files: object, **given: object) -> None:
        super().load_cert_chain(*files, **given)  # type: ignore[arg-type] # as the base has it
        self.loaded += 1


def test_a_context_in_use_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.01)
    authority = trustme.CA()
    files = tls_files(tmp_path, authority.issue_cert("localhost"))
    context = InUse(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    renewal = Renewal(context, files.certificate, files.key)
    renewal.start()
    first = shown(context, authority)
    tls_files(tmp_path, authority.issue_cert("localhost"))
    eventually(lambda: shown(context, authority) != first)
    renewal.close()
    assert context.loaded == 1
