"""The public keys that tokens are checked with: a JSON Web Key Set (RFC 7517), read again and again."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_log = logging.getLogger(__name__)

MINIMUM_RSA_BITS = 2048
#: An unknown key is looked for at most this often, however many calls name one.
LOOK_SECONDS = 60.0
#: After an attempt that failed the next one comes after this, or sooner where the interval is shorter.
RETRY_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
#: Each kind of key has the one algorithm that we take of it, whatever a token's header asks for.
_ALGORITHM_OF = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}


class KeysError(Exception):
    """A key set cannot be read; says why, without any of its content."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, and the one algorithm that it verifies: what a token says of that does not count."""

    key: RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
    algorithm: str


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys by kid, as one reading has them; `number` tells readings that differ apart."""

    number: int
    keys: Mapping[str, VerificationKey]


class KeyHolder:
    """Keeps the last key set that could be read, and reads it again in a thread of its own.

    Nothing here waits for a reading: `find` answers from what is known.

    Args:
        read: reads the key set as JSON. Raises KeysError, OSError.
        every_seconds: how often; a key that was revoked is accepted for so long at most.
        look_seconds: an unknown key is looked for at most this often.
    """

    def __init__(
        self, read: Callable[[], bytes], *, every_seconds: float, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._read = read
        self._every_seconds = every_seconds
        self._look_seconds = look_seconds
        self._set = KeySet(0, {})
        self._looked = -look_seconds + time.monotonic()
        self._failing = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_reading, name="token-keys", daemon=True)

    @property
    def current(self) -> KeySet:
        """The last key set that could be read; number 0 where none could yet."""
        return self._set

    def find(self, kid: str) -> VerificationKey | None:
        """The key of a kid; where it is not known it is looked for in the background, now and then."""
        key = self._set.keys.get(kid)
        if key is None:
            self._look()
        return key

    def start(self) -> None:
        """Read, and go on reading, in the background."""
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._closing.set()
        self._wake.set()
        self._thread.join(_CLOSE_SECONDS)  # a reading that is under way ends by itself, and is thrown away

    def refresh(self) -> None:
        """Read the key set now. Raises KeysError or OSError; the last set stays then."""
        keys = dict(_usable(self._read()))
        if not keys:
            raise KeysError("it has no key that can be used: RSA of 2048 bits, P-256 or Ed25519, with a kid")
        if keys != self._set.keys:
            self._set = KeySet(self._set.number + 1, keys)
            _log.info("tokens are checked with the keys %s", ", ".join(sorted(keys)))

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked >= self._look_seconds:
            self._looked = now
            self._wake.set()

    def _keep_reading(self) -> None:
        while not self._closing.is_set():
            self._wake.clear()
            pause = self._every_seconds if self._refreshed() else min(RETRY_SECONDS, self._every_seconds)
            self._wake.wait(pause)

    def _refreshed(self) -> bool:
        try:
            self.refresh()
        except Exception as error:  # noqa: BLE001 - logged; without this thread a revoked key would be accepted for ever
            if not self._failing:
                _log.warning(
                    "the keys of tokens cannot be read, %s: %s",
                    "those read before go on being used" if self._set.number else "no token is accepted",
                    error if isinstance(error, KeysError | OSError) else type(error).__name__,
                )
            self._failing = True
            return False
        if self._failing:
            _log.warning("the keys of tokens can be read again")
        self._failing = False
        return True


class _KeySetDocument(msgspec.Struct):
    keys: list[dict[str, Any]]


def _usable(content: bytes) -> Iterator[tuple[str, VerificationKey]]:
    """The keys that signatures of ours may be made with; others (of encryption, say) are passed over."""
    try:
        document = msgspec.json.decode(content, type=_KeySetDocument)
    except msgspec.MsgspecError as error:
        raise KeysError("it is no JSON Web Key Set") from error
    for described in document.keys:
        kid = described.get("kid")
        key = _public_key(described)
        if key and isinstance(kid, str) and kid:
            yield kid, key


def _public_key(described: Mapping[str, Any]) -> VerificationKey | None:
    """The key of a JWK, or None where it is for another purpose, too weak, or none of our kinds."""
    if described.get("use", "sig") != "sig" or "verify" not in described.get("key_ops", ["verify"]):
        return None
    algorithm = _ALGORITHM_OF.get((str(described.get("kty")), str(described.get("crv", ""))))
    if algorithm is None or described.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK({**described}, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return VerificationKey(key, algorithm) if _is_good(key) else None


def _is_good(key: object) -> bool:
    """Whether a key is public, of a kind of ours, and long enough."""
    if isinstance(key, RSAPublicKey):
        return key.key_size >= MINIMUM_RSA_BITS
    if isinstance(key, EllipticCurvePublicKey):
        return isinstance(key.curve, SECP256R1)
    return isinstance(key, Ed25519PublicKey)
