"""Calls through the port with tokens of all kinds."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import pytest
import trustme
from globeco.ordergen.v1 import model_service_pb2, model_service_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from ordergen_client import Client, PermissionDenied, Tls, Unauthenticated, Unavailable
from tests.databases import temporary_database
from tests.doors import (
    Door,
    door,
    knock,
    published,
    refused,
    tls_files,
    tls_settings,
    token_settings,
    trusting,
)
from tests.forgers import forged
from tests.issuers import Issuer
from tests.limits import PATIENCE

MISSING = "Credentials are missing: send a bearer token in the metadata `authorization`."
NOT_ACCEPTED = "A valid bearer token is missing: the one that was sent is not accepted here, get a new one."


@pytest.fixture(scope="module")
def tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return trusting(tmp_path_factory.mktemp("client"), authority)


@pytest.fixture(scope="module")
def asking(
    mongodb_uri: str, authority: trustme.CA, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """A server with TLS that asks for tokens."""
    folder = tmp_path_factory.mktemp("server")
    files = tls_files(folder, authority.issue_cert("localhost"))
    given = {**tls_settings(files), **token_settings(published(issuer, folder))}
    with temporary_database(mongodb_uri) as name, door(mongodb_uri, name, **given) as opened:
        yield opened


@pytest.fixture(scope="module")
def channel(asking: Door, tls: Tls) -> Iterator[grpc.Channel]:
    with grpc.secure_channel(asking.target, tls.credentials()) as opened:
        yield opened


@pytest.mark.parametrize("kid", ["first", "second"])
def test_a_token_lets_in(asking: Door, tls: Tls, issuer: Issuer, kid: str) -> None:
    with asking.client(tls=tls, token=issuer.token(kid)) as client:
        knock(client)


def test_without_a_token_nobody_comes_in(asking: Door, tls: Tls) -> None:
    with asking.client(tls=tls) as client:
        told = refused(lambda: knock(client))
        assert isinstance(told, Unauthenticated)
        assert (told.message, told.reason) == (MISSING, "UNAUTHENTICATED")
        assert isinstance(refused(lambda: list(client.runs.watch("a" * 24))), Unauthenticated)


@pytest.mark.parametrize("name", list(forged(Issuer())))
def test_a_forged_token_lets_nobody_in(channel: grpc.Channel, issuer: Issuer, name: str) -> None:
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    sent = (("authorization", f"Bearer {forged(issuer)[name]}"),)
    with pytest.raises(grpc.RpcError) as told:
        stub.ListModels(model_service_pb2.ListModelsRequest(), metadata=sent, timeout=PATIENCE)
    error: Any = told.value
    if name == "too long" and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return  # of gRPC, which takes no more metadata than 8 KiB for sure
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, NOT_ACCEPTED)


def test_two_tokens_are_none(channel: grpc.Channel, issuer: Issuer) -> None:
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    sent = (("authorization", f"Bearer {issuer.token()}"),) * 2
    with pytest.raises(grpc.RpcError) as told:
        stub.ListModels(model_service_pb2.ListModelsRequest(), metadata=sent, timeout=PATIENCE)
    error: Any = told.value
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, NOT_ACCEPTED)


def test_nobody_is_let_in_before_the_message_has_come(channel: grpc.Channel) -> None:
    """A call that never sends its message is refused, and does not wait for one."""
    method: Any = channel.stream_unary("/globeco.ordergen.v1.ModelService/ListModels")
    never = threading.Event()

    def messages() -> Iterator[bytes]:
        never.wait(PATIENCE)
        yield b""

    try:
        with pytest.raises(grpc.RpcError) as told:
            method(messages(), timeout=PATIENCE)
    finally:
        never.set()
    error: Any = told.value
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, MISSING)


def test_a_scope_that_is_missing_is_named(asking: Door, tls: Tls, issuer: Issuer) -> None:
    with asking.client(tls=tls, token=issuer.token()) as client:
        told = refused(lambda: client.models.create("Mine"))
        assert isinstance(told, PermissionDenied)
        assert (told.reason, told.metadata) == ("PERMISSION_DENIED", {"scope": "ordergen:models"})
        assert isinstance(refused(lambda: client.runs.start("a" * 24)), PermissionDenied)
        assert isinstance(refused(lambda: list(client.runs.stream("a" * 24))), PermissionDenied)
        assert isinstance(refused(lambda: client.runs.delete("a" * 24, 1)), PermissionDenied)


def test_whoever_changed_a_model_is_shown(asking: Door, tls: Tls, issuer: Issuer) -> None:
    scope = "ordergen:read ordergen:models"
    with (
        asking.client(tls=tls, token=lambda: issuer.token(subject="ann", scope=scope)) as ann,
        asking.client(tls=tls, token=lambda: issuer.token(subject="bob", scope=scope)) as bob,
    ):
        created = ann.models.create("Shown")
        assert created.update_actor == "ann"
        assert bob.models.update(created.model_id, 1, name="Shown").update_actor == "ann"  # nothing changed
        changed = bob.models.update(created.model_id, 1, name="Changed")
        assert changed.update_actor == "bob"
        assert ann.models.get(created.model_id) == changed


def test_health_is_open_on_both_ports(asking: Door, channel: grpc.Channel) -> None:
    request = health_pb2.HealthCheckRequest(service="liveness")
    with grpc.insecure_channel(f"127.0.0.1:{asking.health_port}") as plain:
        for one in (channel, plain):
            stub: Any = health_pb2_grpc.HealthStub(one)
            assert stub.Check(request, timeout=PATIENCE).status == health_pb2.HealthCheckResponse.SERVING


def services(channel: grpc.Channel, token: str) -> list[str]:
    """What reflection lists."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # typed without its methods
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    sent = (("authorization", f"Bearer {token}"),) if token else ()
    (answer,) = stub.ServerReflectionInfo(asked, metadata=sent, timeout=PATIENCE)
    return [one.name for one in answer.list_services_response.service]


def test_reflection_is_for_readers(channel: grpc.Channel, issuer: Issuer) -> None:
    assert "globeco.ordergen.v1.ModelService" in services(channel, issuer.token())
    for token, code in (
        ("", grpc.StatusCode.UNAUTHENTICATED),
        (issuer.token(scope="ordergen:models"), grpc.StatusCode.PERMISSION_DENIED),
    ):
        with pytest.raises(grpc.RpcError) as told:
            services(channel, token)
        error: Any = told.value
        assert error.code() is code


def test_a_server_of_another_ca_is_not_talked_to(
    asking: Door, stranger: trustme.CA, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wrong = trusting(tmp_path_factory.mktemp("wrong"), stranger)
    for given in ({"tls": wrong}, {}):
        with asking.client(**given, token=issuer.token()) as client:
            assert isinstance(refused(partial(knock, client)), Unavailable)


def test_a_server_of_another_name_is_not_talked_to(asking: Door, tls: Tls, issuer: Issuer) -> None:
    with Client(f"127.0.0.1:{asking.port}", tls=tls, token=issuer.token()) as client:
        assert isinstance(refused(lambda: knock(client)), Unavailable)
