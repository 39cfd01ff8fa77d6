"""TLS from files that may change while the server serves."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from ordergen_server.files import FromFiles


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of a server.

    Attributes:
        certificate: the server's, and those between it and its CA.
        key: its private key, not encrypted.
        client_ca: whoever signs the certificates that clients must then have; None where they need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @property
    def all(self) -> list[Path]:
        """Those that are given."""
        return [path for path in (self.certificate, self.key, self.client_ca) if path]


class ReloadedCertificates:
    """What the files have, read again where they have changed; gRPC asks for it with every connection.

    New files that cannot be used leave things as they are, and a line in the log. Connections that are open
    keep what they began with.

    Raises:
        ValueError: the files cannot be used at the start; says which one and why.
        OSError: one of them cannot be read.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._read = FromFiles("the TLS of the server", files.all, lambda: _configuration(files))
        self.current = self._read.current()

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """New certificates where there are some since the last time, or None."""
        before, self.current = self.current, self._read.current()
        return None if self.current is before else self.current


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Credentials for `add_secure_port`, of a grpc or a grpc.aio server, that follow their files.

    Raises:
        ValueError, OSError: the files cannot be used.
    """
    certificates = ReloadedCertificates(files)
    return grpc.dynamic_ssl_server_credentials(
        certificates.current,
        certificates.changed,  # type: ignore[arg-type] # None is "as before", which the stubs do not know
        require_client_authentication=files.client_ca is not None,
    )


def _configuration(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    chain, key = files.certificate.read_bytes(), files.key.read_bytes()
    _check_pair(_certificates(chain, files.certificate)[0], key, files)
    clients = files.client_ca.read_bytes() if files.client_ca else None
    if clients is not None and files.client_ca:
        _certificates(clients, files.client_ca)
    return grpc.ssl_server_certificate_configuration([(key, chain)], clients)


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError(f"{path} has no PEM certificate that can be read") from None


def _check_pair(certificate: x509.Certificate, key: bytes, files: TlsFiles) -> None:
    """Check that the certificate holds now, and belongs to the key."""
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise ValueError(
            f"the certificate of {files.certificate} is not valid now, but from"
            f" {certificate.not_valid_before_utc:%F %R} to {certificate.not_valid_after_utc:%F %R} UTC"
        )
    try:
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(f"{files.key} has no PEM private key that can be read without a password") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise ValueError(f"the key of {files.key} is not that of the certificate of {files.certificate}")
