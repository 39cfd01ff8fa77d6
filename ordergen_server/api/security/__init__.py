"""Who may come in: TLS, bearer tokens, client certificates, and the scope that each call needs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ordergen_server.api.security.certificates import certificate_names
from ordergen_server.api.security.gatekeeper import Gatekeeper, Reflection
from ordergen_server.api.security.key_sources import source
from ordergen_server.api.security.keys import KeyHolder, KeysError
from ordergen_server.api.security.tls import TlsFiles, server_credentials
from ordergen_server.api.security.tokens import TokenRules, TokenVerifier

__all__ = [
    "Gatekeeper",
    "Reflection",
    "SecurityConfig",
    "TlsFiles",
    "TokenConfig",
    "TokenRules",
    "certificate_names",
    "gatekeeping",
    "server_credentials",
]


@dataclass(frozen=True, slots=True)
class TokenConfig:
    """Whose tokens are taken, and where the keys are that they are checked with.

    Attributes:
        keys: the path of a JSON Web Key Set, or its `https://` URL.
        refresh_seconds: how often it is read again.
    """

    keys: str
    rules: TokenRules
    refresh_seconds: float


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    """How callers are known; `certificates` has the scopes of client certificates by their names."""

    tokens: TokenConfig | None = None
    certificates: Mapping[str, frozenset[str]] = field(default_factory=dict)
    reflection: Reflection = Reflection.READERS


@contextmanager
def gatekeeping(config: SecurityConfig) -> Iterator[Gatekeeper]:
    """A gatekeeper for the time of the block, which keeps its keys fresh in the background.

    Raises:
        ValueError: keys come from a file, and it cannot be used. A URL may be down; no token is taken until
            it has been read.
    """
    if config.tokens is None:
        yield Gatekeeper(certificates=config.certificates, reflection=config.reflection)
        return
    keys = KeyHolder(source(config.tokens.keys), every_seconds=config.tokens.refresh_seconds)
    if not config.tokens.keys.startswith("https://"):
        try:
            keys.refresh()
        except (KeysError, OSError) as error:
            raise ValueError(f"the key set {config.tokens.keys} cannot be used: {error}") from error
    keys.start()
    try:
        yield Gatekeeper(
            tokens=TokenVerifier(config.tokens.rules, keys),
            certificates=config.certificates,
            reflection=config.reflection,
        )
    finally:
        keys.close()
