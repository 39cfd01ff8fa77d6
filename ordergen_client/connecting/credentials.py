"""How a client shows who it is, and knows whom it talks to."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import grpc

from ordergen_client.errors import Unauthenticated

#: A bearer token, a file that has it (read with every call, for it may be renewed), or what makes one.
Token = str | Path | Callable[[], str]
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of a connection with TLS; they are read as it is opened.

    Attributes:
        ca: whoever signed the server's certificate; None trusts what gRPC trusts.
        certificate: our own certificate, for a server that asks for one, and those up to its CA.
        key: its private key.
    """

    ca: Path | str | None = None
    certificate: Path | str | None = None
    key: Path | str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key need each other: give both, or neither")

    def credentials(self) -> grpc.ChannelCredentials:
        """What the files hold. Raises OSError where one cannot be read."""
        ca, certificate, key = (
            None if path is None else Path(path).read_bytes()
            for path in (self.ca, self.certificate, self.key)
        )
        return grpc.ssl_channel_credentials(ca, key, certificate)


def is_this_machine(target: str) -> bool:
    """Whether what is sent to a target stays on this machine."""
    if target.startswith("unix:"):
        return True
    host = target.rpartition("/")[2].rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def authorization(token: Token | None) -> Metadata:
    """The metadata that shows a token; none where there is none.

    Raises:
        Unauthenticated: the token cannot be read, or can be none. Nothing that is raised has the token in it.
    """
    if token is None:
        return ()
    text = _text(token).strip()
    if not (text and text.isascii() and text.isprintable() and " " not in text):
        raise Unauthenticated(
            "UNAUTHENTICATED", "a bearer token is missing: what was given is empty, or no token"
        )
    return (("authorization", f"Bearer {text}"),)


def _text(token: Token) -> str:
    if isinstance(token, str):
        return token
    if not isinstance(token, Path):
        return token()
    try:
        return token.read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise Unauthenticated(
            "UNAUTHENTICATED", f"a bearer token is missing: the file {token} cannot be read"
        ) from (error if isinstance(error, OSError) else None)
