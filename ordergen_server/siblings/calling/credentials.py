"""Who we are to siblings, and whom of them we trust: certificates and a bearer token."""

import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ordergen_server.files import FromFiles, read_file

#: RFC 6750, section 2.1: b64token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class BearerToken:
    """A token that we send with every call. It is in no message, log or repr.

    Args:
        read: tells the token.
        files: where it comes from; it is told again when they change.

    Raises:
        ValueError: it cannot be read, or is no bearer token.
    """

    def __init__(self, read: Callable[[], str], files: Sequence[Path] = ()) -> None:
        self._header = FromFiles("the token for siblings", files, lambda: f"Bearer {_checked(read())}")

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """The token in a file, without the newlines that end it; read again when it changes."""
        return cls(lambda: _text(path), [path])

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return self._header.current()


@dataclass(frozen=True, slots=True)
class ClientTls:
    """The PEM files of TLS with siblings; read again when they change.

    Attributes:
        ca: the certificates of those who sign the siblings'; None: whom the operating system trusts, over
            gRPC those whom gRPC does.
        certificate: ours, with its chain, for siblings that ask for one.
        key: its private key, without a passphrase.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("the certificate for siblings and its key need each other: give both or none")

    @property
    def all(self) -> Sequence[Path]:
        """Those that are given."""
        return [path for path in (self.ca, self.certificate, self.key) if path is not None]

    def contents(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """What is in the three files.

        Raises:
            ValueError: one cannot be read.
        """
        return (
            read_file("the CA file for siblings", self.ca) if self.ca else None,
            read_file("the certificate for siblings", self.certificate) if self.certificate else None,
            read_file("the key for siblings", self.key) if self.key else None,
        )

    def context(self) -> ssl.SSLContext:
        """A context that trusts the CA, checks names, and shows our certificate to who asks for it.

        Raises:
            ValueError: a file cannot be read, is not PEM, or the key is not that of the certificate.
        """
        self.contents()  # says better than OpenSSL which one cannot be read
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (ssl.SSLError, ValueError):
            raise ValueError("the CA file for siblings has no certificates in PEM") from None
        if self.certificate and self.key:
            try:
                context.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
            except (ssl.SSLError, ValueError):
                raise ValueError(
                    "the certificate for siblings and its key are not PEM, do not fit each other, or the key "
                    "has a passphrase"
                ) from None
        return context


def _no_passphrase() -> str:
    """Without this OpenSSL would ask for it at the terminal."""
    return ""


def _text(path: Path) -> str:
    return read_file("the token file for siblings", path).decode("ascii", "replace").rstrip("\r\n")


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            "the token for siblings is no bearer token: letters, digits and -._~+/, = at the end"
        )
    return token
