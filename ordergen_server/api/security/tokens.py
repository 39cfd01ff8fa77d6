"""Bearer tokens: signed by a key that we know, for us, and now."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from jwt.exceptions import InvalidSubjectError

from ordergen_server.api.security.keys import KeyHolder
from ordergen_server.domain.errors import Unauthenticated, Unavailable
from ordergen_server.domain.subjects import SCOPES, CredentialType, Subject, is_name

_log = logging.getLogger(__name__)

#: How far the clocks of an issuer and ours may be apart.
SKEW_SECONDS = 30
MAXIMUM_TOKEN_BYTES = 8 * 1024
#: Verified tokens that are remembered: checking a signature takes some hundred microseconds.
REMEMBERED = 1024
_REQUIRED = ["exp", "iss", "aud", "sub"]


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Who must have issued a token, and for whom."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class _Verified:
    subject: Subject
    until: float
    key_set: int


class TokenVerifier:
    """Knows whose a token is; for the one thread of the front door."""

    def __init__(self, rules: TokenRules, keys: KeyHolder) -> None:
        self._rules = rules
        self._keys = keys
        self._remembered: OrderedDict[bytes, _Verified] = OrderedDict()

    def subject_of(self, token: str) -> Subject:
        """Whose a token is, with what it says of its scopes.

        Raises:
            Unauthenticated: it is none of ours, whatever is wrong with it.
            Unavailable: no key set could be read since the start, so nobody can know.
        """
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        known = self._remembered.get(digest)
        if known and time.time() < known.until and known.key_set == self._keys.current.number:
            return known.subject
        verified = self._verified(token)
        self._remembered[digest] = verified
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return verified.subject

    def _verified(self, token: str) -> _Verified:
        key_set = self._keys.current.number
        if not key_set:
            raise Unavailable(
                "The keys that tokens are checked with cannot be read yet: try again in a moment.",
                retry_after_seconds=1.0,
            )
        try:
            claims = self._claims(token)
            return _Verified(_subject(claims), int(claims["exp"]) + SKEW_SECONDS, key_set)
        # A token is anybody's text: numbers too large, nesting too deep and the like end here, too.
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            _log.debug("a token was refused: %s", type(error).__name__)
            raise refused() from None

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAXIMUM_TOKEN_BYTES:
            raise jwt.InvalidTokenError
        kid = jwt.get_unverified_header(token).get("kid")
        key = self._keys.find(kid) if isinstance(kid, str) and kid else None
        if key is None:
            raise jwt.InvalidTokenError
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            issuer=self._rules.issuer,
            audience=self._rules.audience,
            leeway=SKEW_SECONDS,
            options={"require": _REQUIRED},
        )
        return claims


def refused() -> Unauthenticated:
    """The one answer to every token that is none of ours."""
    return Unauthenticated(
        "A valid bearer token is missing: the one that was sent is not accepted here, get a new one."
    )


def _subject(claims: dict[str, Any]) -> Subject:
    name = claims["sub"]
    if not (isinstance(name, str) and is_name(name)):
        raise InvalidSubjectError
    scopes = claims.get("scope", claims.get("scp", []))
    named = scopes.split() if isinstance(scopes, str) else scopes
    if not isinstance(named, list):
        raise jwt.InvalidTokenError
    return Subject(name, SCOPES.intersection(named), CredentialType.TOKEN)
