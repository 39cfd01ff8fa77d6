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


class Context(ssl.SSLContext):
    """Counts what is loaded into it."""

    loaded = 0

    def load_cert_chain(self, *files: object, **given: object) -> None:
        super().load_cert_chain(*files, **given)  # type: ignore[arg-type] # as the base has it
        self.loaded += 1


def test_half_of_a_pair_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.01)
    authority = trustme.CA()
    files = tls_files(tmp_path, authority.issue_cert("localhost"))
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    renewal = Renewal(context, files.certificate, files.key)
    with caplog.at_level(logging.INFO):
        renewal.start()
        leaf = authority.issue_cert("localhost")
        files.certificate.write_bytes(chain(leaf))
        eventually(lambda: "not used yet" in caplog.text)
        files.key.unlink()
        assert context.loaded == 0
        tls_files(tmp_path, leaf)
        eventually(lambda: context.loaded == 1)
        renewal.close()
    assert "the certificate is renewed" in caplog.text
    assert "PRIVATE KEY" not in caplog.text


class Changing(Context):
    """The first time that it is loaded into, the files are not those any more that were looked at."""

    tried = False

    def load_cert_chain(self, *files: object, **given: object) -> None:
        first, self.tried = not self.tried, True
        if first:
            raise ssl.SSLError("key values mismatch")
        super().load_cert_chain(*files, **given)


def test_a_pair_that_changes_while_it_is_loaded_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.01)
    authority = trustme.CA()
    files = tls_files(tmp_path, authority.issue_cert("localhost"))
    context = Changing(ssl.PROTOCOL_TLS_SERVER)
    renewal = Renewal(context, files.certificate, files.key)
    renewal.start()
    tls_files(tmp_path, authority.issue_cert("localhost"))
    eventually(lambda: context.loaded == 1)
    renewal.close()
