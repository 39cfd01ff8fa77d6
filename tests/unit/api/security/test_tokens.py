"""Tokens that are let in, and all that are not."""

import logging
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.api.security.keys import KeyHolder
from ordergen_server.api.security.tokens import REMEMBERED, SKEW_SECONDS, TokenRules, TokenVerifier
from ordergen_server.domain.errors import Unauthenticated, Unavailable
from ordergen_server.domain.subjects import MODELS, READ, CredentialType, Subject
from tests.forgers import forged, part
from tests.issuers import AUDIENCE, ISSUER, Issuer

ALGORITHMS = ["RS256", "ES256", "EdDSA"]


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


FORGED = list(forged(Issuer()))


@pytest.mark.parametrize("kid", ["first", "second", "third"])
def test_a_token_of_each_algorithm_says_who_calls(issuer: Issuer, tokens: TokenVerifier, kid: str) -> None:
    token = issuer.token(kid, subject="ann", scope="openid ordergen:read ordergen:models")
    assert Subject("ann", frozenset({READ, MODELS}), CredentialType.TOKEN) == tokens.subject_of(token)


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
