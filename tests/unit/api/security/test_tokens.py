"""Tokens that are let in, and all that are not."""

import base64
import hashlib
import hmac
import json
import logging
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.api.security.keys import KeyHolder
from ordergen_server.api.security.tokens import REMEMBERED, SKEW_SECONDS, TokenRules, TokenVerifier
from ordergen_server.domain.errors import Unauthenticated, Unavailable
from ordergen_server.domain.subjects import MODELS, READ, Subject
from tests.issuers import AUDIENCE, ISSUER, Issuer, claims

ALGORITHMS = ["RS256", "ES256", "EdDSA"]
#: Far beyond what a slow test takes.
MINUTES = 600


def holder(issuer: Issuer) -> KeyHolder:
    keys = KeyHolder(issuer.key_set, every_seconds=3600)
    keys.refresh()
    return keys


def verifier(issuer: Issuer) -> TokenVerifier:
    return TokenVerifier(TokenRules(ISSUER, AUDIENCE), holder(issuer))


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer({"first": "RS256", "second": "ES256", "third": "EdDSA"})


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> TokenVerifier:
    return verifier(issuer)


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
        "nested too deep": f"{base64.urlsafe_b64encode(b'[' * 6000).decode()}.e30.AA",
    }


FORGED = list(forged(Issuer()))


@pytest.mark.parametrize("kid", ["first", "second", "third"])
def test_a_token_of_each_algorithm_says_who_calls(issuer: Issuer, tokens: TokenVerifier, kid: str) -> None:
    token = issuer.token(kid, subject="ann", scope="openid ordergen:read ordergen:models")
    assert Subject("ann", frozenset({READ, MODELS})) == tokens.subject_of(token)


@pytest.mark.parametrize("name", FORGED)
def test_what_is_none_of_ours_is_refused_with_one_answer(
    issuer: Issuer, tokens: TokenVerifier, name: str
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        tokens.subject_of(forged(issuer)[name])
    assert refused.value == Unauthenticated(
        "A valid bearer token is missing: the one that was sent is not accepted here, get a new one."
    )
    assert refused.value.__suppress_context__


def test_clocks_may_be_apart_a_little(issuer: Issuer, tokens: TokenVerifier) -> None:
    now = int(time.time())
    late = issuer.token(iat=now + 20, nbf=now + 20)
    assert tokens.subject_of(late).name == "ann"
    short = issuer.token(exp=now - 5)
    assert tokens.subject_of(short).name == "ann"


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        ({"scope": None, "scp": ["ordergen:read", "ordergen:models"]}, {READ, MODELS}),
        ({"scope": None, "scp": "ordergen:read"}, {READ}),
        ({"scope": None}, set()),
        ({"scope": "ordergen:readers everything"}, set()),
        ({"scope": "", "scp": ["ordergen:read"]}, set()),
    ],
)
def test_scopes_are_a_text_or_a_list(
    issuer: Issuer, tokens: TokenVerifier, said: dict[str, Any], scopes: set[str]
) -> None:
    assert tokens.subject_of(issuer.token(**said)).scopes == scopes


def test_an_audience_may_be_one_of_several(issuer: Issuer, tokens: TokenVerifier) -> None:
    assert tokens.subject_of(issuer.token(aud=["others", AUDIENCE])).name == "ann"


def test_a_token_that_was_good_is_refused_once_its_key_is_revoked() -> None:
    issuer = Issuer({"first": "ES256", "second": "EdDSA"})
    keys = holder(issuer)
    tokens = TokenVerifier(TokenRules(ISSUER, AUDIENCE), keys)
    token = issuer.token("first")
    assert [tokens.subject_of(token).name for _ in range(2)] == ["ann"] * 2
    kept = issuer.key("second")
    issuer.algorithms = {"second": "EdDSA"}
    assert issuer.key("second") is kept
    keys.refresh()
    with pytest.raises(Unauthenticated):
        tokens.subject_of(token)


def test_what_is_remembered_ends_with_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer({"first": "EdDSA"})
    tokens = verifier(issuer)
    token = issuer.token()
    tokens.subject_of(token)
    later = time.time() + 3600 + SKEW_SECONDS + 1
    monkeypatch.setattr("ordergen_server.api.security.tokens.time.time", lambda: later)
    monkeypatch.setattr("jwt.api_jwt.datetime", _Clock(later))
    with pytest.raises(Unauthenticated):
        tokens.subject_of(token)


class _Clock:
    """What PyJWT asks for the time."""

    def __init__(self, time_: float) -> None:
        self._time = time_

    def now(self, *, tz: object) -> datetime:
        assert tz is UTC
        return datetime.fromtimestamp(self._time, tz=UTC)


def test_what_is_remembered_is_bounded() -> None:
    issuer = Issuer({"first": "EdDSA"})
    tokens = verifier(issuer)
    for number in range(REMEMBERED + 10):
        tokens.subject_of(issuer.token(subject=f"s{number}"))
    assert len(tokens._remembered) == REMEMBERED  # noqa: SLF001 - how much memory callers can take


def test_without_keys_nobody_can_know_whose_a_token_is(issuer: Issuer) -> None:
    tokens = TokenVerifier(TokenRules(ISSUER, AUDIENCE), KeyHolder(issuer.key_set, every_seconds=3600))
    with pytest.raises(Unavailable) as refused:
        tokens.subject_of(issuer.token())
    assert refused.value.retry_after_seconds == 1.0


def test_no_token_is_in_the_log(
    issuer: Issuer, tokens: TokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for token in forged(issuer).values():
        with pytest.raises(Unauthenticated):
            tokens.subject_of(token)
        assert not token or token not in caplog.text
    assert "a token was refused: ExpiredSignatureError" in caplog.messages


PIECES = st.one_of(
    st.text(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ).map(part),
    st.sampled_from(["none", "RS256", "HS256", "x"]).map(lambda alg: part({"alg": alg, "kid": "first"})),
)


@given(st.lists(PIECES, min_size=1, max_size=4).map(".".join))
def test_whatever_is_sent_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(Unauthenticated):
        shared().subject_of(text)


@cache
def shared() -> TokenVerifier:
    return verifier(Issuer())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_header_does_not_choose_the_algorithm(algorithm: str) -> None:
    """A token that names another algorithm of ours than that of its key is refused."""
    issuer = Issuer({"first": algorithm})
    tokens = verifier(issuer)
    for other in set(ALGORITHMS) - {algorithm}:
        text = f"{part({'alg': other, 'kid': 'first'})}.{issuer.token().partition('.')[2]}"
        with pytest.raises(Unauthenticated):
            tokens.subject_of(text)
