"""Whom the gatekeeper lets in, and what it tells the others."""

from collections.abc import Callable, Mapping

import pytest

from ordergen_server.api.security import Gatekeeper, Reflection
from ordergen_server.api.security.keys import KeyHolder
from ordergen_server.api.security.scopes import SCOPE_OF
from ordergen_server.api.security.tokens import TokenRules, TokenVerifier
from ordergen_server.domain.errors import InvalidArgument, PermissionDenied, Unauthenticated, Unsupported
from ordergen_server.domain.subjects import MODELS, NOBODY, READ, CredentialType, Subject
from tests.issuers import AUDIENCE, ISSUER, Issuer

READING = "/globeco.ordergen.v1.ModelService/GetModel"
CHANGING = "/globeco.ordergen.v1.ModelService/CreateModel"
DIAGNOSING = "/globeco.ordergen.v1.DiagnosticsService/Diagnose"
HEALTH = "/grpc.health.v1.Health/Check"
REFLECTING = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
CERTIFICATES = {"desk": frozenset({READ}), "spiffe://globeco/desk": frozenset({READ, MODELS})}
Admit = Callable[..., Subject]


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> TokenVerifier:
    keys = KeyHolder(issuer.key_set, every_seconds=3600)
    keys.refresh()
    return TokenVerifier(TokenRules(ISSUER, AUDIENCE), keys)


def bearer(token: str, scheme: str = "Bearer") -> Mapping[str, str]:
    return {"authorization": f"{scheme} {token}"}


@pytest.mark.parametrize("method", [READING, CHANGING, DIAGNOSING, HEALTH, REFLECTING])
def test_where_nothing_is_asked_for_everybody_is_let_in_as_nobody(method: str) -> None:
    assert Gatekeeper().admit(method, bearer("whatever"), ("desk",)) == NOBODY


def test_where_nothing_is_asked_for_callers_say_who_they_are() -> None:
    admitted = Gatekeeper().admit(READING, {"x-actor": " ann of the desk "})
    assert admitted == Subject("ann of the desk")
    assert not admitted.is_authenticated
    assert Gatekeeper().admit(READING, {"x-actor": "x" * 255}) == Subject("x" * 255)
    for nothing in ("", "  "):
        assert Gatekeeper().admit(READING, {"x-actor": nothing}) == NOBODY


@pytest.mark.parametrize("name", ["x" * 256, "a\nb", "a\x00b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Gatekeeper().admit(READING, {"x-actor": name})
    assert [one.subject for one in refused.value.violations] == ["x-actor"]


def test_whoever_has_credentials_is_who_these_say(issuer: Issuer, tokens: TokenVerifier) -> None:
    for name in ("bob", "x" * 256):
        metadata = {**bearer(issuer.token()), "x-actor": name}
        admitted = Gatekeeper(tokens=tokens).admit(READING, metadata)
        assert (admitted.name, admitted.is_authenticated) == ("ann", True)
    with pytest.raises(Unauthenticated):
        Gatekeeper(tokens=tokens).admit(READING, {"x-actor": "bob"})
    named = Gatekeeper(certificates=CERTIFICATES).admit(READING, {"x-actor": "bob"}, ("desk",))
    assert (named.name, named.is_authenticated) == ("desk", True)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_says_who_calls(issuer: Issuer, tokens: TokenVerifier, scheme: str) -> None:
    admitted = Gatekeeper(tokens=tokens).admit(READING, bearer(issuer.token(), scheme))
    assert admitted == Subject("ann", frozenset({READ}), CredentialType.TOKEN)


@pytest.mark.parametrize("metadata", [{}, {"x-token": "abc"}])
def test_missing_credentials_are_said_to_be_missing(
    tokens: TokenVerifier, metadata: Mapping[str, str]
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        Gatekeeper(tokens=tokens).admit(READING, metadata)
    assert refused.value.message == (
        "Credentials are missing: send a bearer token in the metadata `authorization`."
    )
    with pytest.raises(Unauthenticated, match="certificate whose name"):
        Gatekeeper(certificates=CERTIFICATES).admit(READING, metadata)
    with pytest.raises(Unauthenticated, match="`authorization`, or connect with a client certificate"):
        Gatekeeper(tokens=tokens, certificates=CERTIFICATES).admit(READING, metadata)


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", "Basic YWxhZGRpbjpvcGVu", "Bearer a b", "Bearerx"])
def test_another_authorization_than_a_token_is_refused(tokens: TokenVerifier, sent: str) -> None:
    with pytest.raises(Unauthenticated, match="valid bearer token is missing"):
        Gatekeeper(tokens=tokens).admit(READING, {"authorization": sent})


@pytest.mark.parametrize("method", [one for one in SCOPE_OF if one != DIAGNOSING])
def test_each_call_needs_its_scope_and_no_other_will_do(
    issuer: Issuer, tokens: TokenVerifier, method: str
) -> None:
    needed = SCOPE_OF[method]
    gate = Gatekeeper(tokens=tokens)
    assert gate.admit(method, bearer(issuer.token(scope=needed))).scopes == {needed}
    others = " ".join(set(SCOPE_OF.values()) - {needed})
    with pytest.raises(PermissionDenied) as refused:
        gate.admit(method, bearer(issuer.token(scope=others)))
    assert refused.value == PermissionDenied(
        f"The scope {needed} is missing, which {method.rpartition('/')[2]} needs:"
        " ask for it where your credentials come from.",
        metadata={"scope": needed},
    )


def test_whoever_is_known_may_ask_how_the_server_does(issuer: Issuer, tokens: TokenVerifier) -> None:
    gate = Gatekeeper(tokens=tokens, certificates={"bare": frozenset()})
    assert gate.admit(DIAGNOSING, bearer(issuer.token(scope=""))).scopes == frozenset()
    assert gate.admit(DIAGNOSING, {}, ("bare",)).name == "bare"
    for metadata in ({}, bearer("forged")):
        with pytest.raises(Unauthenticated):
            gate.admit(DIAGNOSING, metadata)


def test_a_certificate_stands_for_a_subject() -> None:
    gate = Gatekeeper(certificates=CERTIFICATES)
    desk = Subject("desk", frozenset({READ}), CredentialType.CERTIFICATE)
    assert gate.admit(READING, {}, ("other", "desk")) == desk
    assert gate.admit(CHANGING, {}, ("spiffe://globeco/desk",)).name == "spiffe://globeco/desk"
    with pytest.raises(PermissionDenied):
        gate.admit(CHANGING, {}, ("desk",))
    with pytest.raises(Unauthenticated):
        gate.admit(READING, {}, ("Desk",))


def test_any_certificate_may_stand_for_its_own_name() -> None:
    gate = Gatekeeper(certificates={**CERTIFICATES, "*": frozenset({READ})})
    unknown = Subject("unknown", frozenset({READ}), CredentialType.CERTIFICATE)
    assert gate.admit(READING, {}, ("unknown", "second")) == unknown
    assert gate.admit(CHANGING, {}, ("spiffe://globeco/desk",)).name == "spiffe://globeco/desk"
    with pytest.raises(Unauthenticated):
        gate.admit(READING, {}, ())


def test_a_token_counts_before_a_certificate(issuer: Issuer, tokens: TokenVerifier) -> None:
    gate = Gatekeeper(tokens=tokens, certificates=CERTIFICATES)
    assert gate.admit(READING, bearer(issuer.token()), ("desk",)).name == "ann"
    assert gate.admit(READING, {}, ("desk",)).name == "desk"
    with pytest.raises(Unauthenticated):  # and one that is bad is not passed over
        gate.admit(READING, bearer("forged"), ("desk",))


def test_health_is_open(tokens: TokenVerifier) -> None:
    assert Gatekeeper(tokens=tokens).admit(HEALTH, bearer("forged")) == NOBODY


def test_reflection_is_as_configured(issuer: Issuer, tokens: TokenVerifier) -> None:
    readers = Gatekeeper(tokens=tokens)
    assert readers.admit(REFLECTING, bearer(issuer.token())).name == "ann"
    with pytest.raises(Unauthenticated):
        readers.admit(REFLECTING, {})
    with pytest.raises(PermissionDenied):
        readers.admit(REFLECTING, bearer(issuer.token(scope="ordergen:models")))
    everybody = Gatekeeper(tokens=tokens, reflection=Reflection.EVERYBODY)
    assert everybody.admit(REFLECTING, {}) == NOBODY
    for tokens_or_none in (tokens, None):
        with pytest.raises(Unsupported, match="Reflection is off"):
            Gatekeeper(tokens=tokens_or_none, reflection=Reflection.NOBODY).admit(REFLECTING, {})


@pytest.mark.parametrize("method", ["/globeco.ordergen.v1.ModelService/DropModels", "/a.B/C", "", "/"])
def test_a_call_without_a_row_is_none(issuer: Issuer, tokens: TokenVerifier, method: str) -> None:
    for gate in (Gatekeeper(), Gatekeeper(tokens=tokens)):
        with pytest.raises(Unsupported):
            gate.admit(method, bearer(issuer.token()))
