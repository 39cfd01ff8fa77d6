"""Tokens that are none of ours, for each way to be so."""

import base64
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ordergen_server.api.security.tokens import SKEW_SECONDS
from tests.issuers import Issuer, claims

#: Far beyond what a slow test takes.
MINUTES = 600


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_with_public_key(issuer: Issuer, algorithm: str) -> str:
    """HMAC with what everybody knows as the secret: the classic confusion of algorithms."""
    public = issuer.key("first").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{part({'alg': algorithm, 'kid': 'first', 'typ': 'JWT'})}.{part(claims())}"
    digest = hmac.new(public, text.encode(), getattr(hashlib, f"sha{algorithm[2:]}")).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def tampered(token: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{part(claims(subject='mallory', scope='ordergen:admin'))}.{signature}"


def forged(issuer: Issuer) -> dict[str, str]:
    """A token for each way to be none of ours."""
    now = int(time.time())
    good = issuer.token()
    other = Issuer({"first": "ES256"})
    return {
        "alg none": f"{part({'alg': 'none', 'kid': 'first'})}.{part(claims())}.",
        "alg none with the signature": f"{part({'alg': 'none', 'kid': 'first'})}.{good.partition('.')[2]}",
        "HMAC with the public key": signed_with_public_key(issuer, "HS256"),
        "HMAC 512 with the public key": signed_with_public_key(issuer, "HS512"),
        "another algorithm of the same key": jwt.encode(
            claims(), issuer.key("first"), "PS256", {"kid": "first"}
        ),
        "another key of the same kid": other.token(),
        "a kid of another kind of key": jwt.encode(claims(), issuer.key("first"), "RS256", {"kid": "second"}),
        "wrong audience": issuer.token(aud="others"),
        "audience missing": issuer.token(aud=None),
        "wrong issuer": issuer.token(iss="https://issuer.test/"),
        "issuer missing": issuer.token(iss=None),
        "not yet": issuer.token(nbf=now + MINUTES),
        "issued in the future": issuer.token(iat=now + MINUTES),
        "expired": issuer.token(exp=now - SKEW_SECONDS - 1),
        "without an end": issuer.token(exp=None),
        "an end that is none": issuer.token(exp="soon"),
        "an endless end": f"{part({'alg': 'RS256', 'kid': 'first'})}.{part({**claims(), 'exp': 1e400})}.AA",
        "subject missing": issuer.token(sub=None),
        "subject empty": issuer.token(subject=""),
        "subject of two lines": issuer.token(subject="ann\nroot"),
        "subject too long": issuer.token(subject="x" * 256),
        "scopes that are none": issuer.token(scope={"ordergen:read": True}),
        "unknown kid": jwt.encode(claims(), issuer.key("first"), "RS256", {"kid": "nobody's"}),
        "kid missing": jwt.encode(claims(), issuer.key("first"), "RS256"),
        "kid of another type": f"{part({'alg': 'RS256', 'kid': 7})}.{part(claims())}.AA",
        "tampered": tampered(good),
        "signature missing": good.rpartition(".")[0] + ".",
        "too long": issuer.token(more="x" * 9000),
        "nothing": "",
        "no token": "abc",
        "nested too deep": f"{base64.urlsafe_b64encode(b'[' * 2900).decode()}.e30.AA",
    }
