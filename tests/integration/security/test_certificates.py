"""Certificates: of clients, of servers that have expired, and new ones while calls come in."""

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import grpc
import pytest
import trustme
from cryptography import x509
from globeco.ordergen.v1 import model_service_pb2, model_service_pb2_grpc

from ordergen_client import (
    Caller,
    Client,
    CredentialType,
    PermissionDenied,
    Tls,
    Unauthenticated,
    Unavailable,
)
from tests.databases import temporary_database
from tests.doors import (
    Door,
    chain,
    door,
    knock,
    published,
    refused,
    tls_files,
    tls_settings,
    token_settings,
    trusting,
)
from tests.issuers import Issuer
from tests.limits import PATIENCE, sized
from tests.tls import with_names

URI = "spiffe://globeco/desk"
SUBJECTS = {"desk.test": "ordergen:read ordergen:models", "viewer": "ordergen:read", URI: "ordergen:read"}
CALLERS, RENEWALS = 4, sized(8, 100)


@pytest.fixture(scope="module")
def mutual(
    mongodb_uri: str, authority: trustme.CA, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """A server that asks for a client certificate, and takes tokens as well."""
    folder = tmp_path_factory.mktemp("server")
    files = tls_files(folder, authority.issue_cert("localhost"), authority)
    given = {
        **tls_settings(files),
        **token_settings(published(issuer, folder)),
        "tls_subjects": SUBJECTS,
    }
    with temporary_database(mongodb_uri) as name, door(mongodb_uri, name, **given) as opened:
        yield opened


def test_a_certificate_stands_for_a_subject_with_scopes(
    mutual: Door, authority: trustme.CA, tmp_path: Path
) -> None:
    with mutual.client(tls=trusting(tmp_path, authority, authority.issue_cert("desk.test"))) as desk:
        assert desk.models.create("By certificate").update_actor == "desk.test"
        assert isinstance(refused(lambda: desk.runs.start("a" * 24)), PermissionDenied)
        scopes = ("ordergen:models", "ordergen:read")
        assert desk.server.diagnose().caller == Caller("desk.test", CredentialType.CERTIFICATE, scopes)


def test_a_common_name_counts_where_there_is_no_other(
    mutual: Door, authority: trustme.CA, tmp_path: Path
) -> None:
    viewer = authority.issue_cert("10.0.0.9", common_name="viewer")
    with mutual.client(tls=trusting(tmp_path, authority, viewer)) as client:
        knock(client)
    hidden = authority.issue_cert("other.test", common_name="viewer")
    with mutual.client(tls=trusting(tmp_path, authority, hidden)) as client:
        assert isinstance(refused(lambda: knock(client)), Unauthenticated)


def test_a_name_counts_as_what_it_is(mutual: Door, authority: trustme.CA, tmp_path: Path) -> None:
    """Not a DNS name that reads like a URI, and not what stands before a NUL, where gRPC ends a name."""
    uri, dns = x509.UniformResourceIdentifier, x509.DNSName
    with mutual.client(tls=trusting(tmp_path, authority, with_names(authority, uri(URI)))) as client:
        knock(client)
    for false in (dns(URI), uri("desk.test"), dns("desk.test\0.evil.test"), uri(f"{URI}\0")):
        with mutual.client(tls=trusting(tmp_path, authority, with_names(authority, false))) as client:
            assert isinstance(refused(partial(knock, client)), Unauthenticated)


def test_a_token_comes_before_the_certificate(
    mutual: Door, authority: trustme.CA, issuer: Issuer, tmp_path: Path
) -> None:
    tls = trusting(tmp_path, authority, authority.issue_cert("unknown.test"))
    with mutual.client(tls=tls) as client:
        told = refused(lambda: knock(client))
        assert isinstance(told, Unauthenticated)
        assert "or connect with a client certificate whose name this server knows" in told.message
    with mutual.client(tls=tls, token=issuer.token(scope="ordergen:models", subject="ann")) as client:
        assert client.models.create("By token").update_actor == "ann"


def test_without_a_good_certificate_there_is_no_connection(
    mutual: Door, authority: trustme.CA, stranger: trustme.CA, issuer: Issuer, tmp_path: Path
) -> None:
    yesterday = datetime.now(UTC) - timedelta(1)
    for own in (
        None,
        stranger.issue_cert("desk.test"),
        authority.issue_cert("desk.test", not_after=yesterday),
    ):
        with mutual.client(tls=trusting(tmp_path, authority, own), token=issuer.token()) as client:
            assert isinstance(refused(partial(knock, client)), Unavailable)


def test_a_server_whose_certificate_has_expired_is_not_talked_to(
    authority: trustme.CA, tmp_path: Path
) -> None:
    """Ours refuses to start with one: this is another."""
    old = authority.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(1))
    server = grpc.server(ThreadPoolExecutor(1))
    credentials = grpc.ssl_server_credentials([(old.private_key_pem.bytes(), chain(old))])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    with Client(f"localhost:{port}", tls=trusting(tmp_path, authority)) as client:
        assert isinstance(refused(lambda: knock(client)), Unavailable)
    server.stop(0).wait()


def test_a_server_does_not_start_with_a_certificate_that_has_expired(
    mongodb_uri: str, database_name: str, authority: trustme.CA, tmp_path: Path
) -> None:
    old = authority.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(1))
    given = tls_settings(tls_files(tmp_path, old))
    with (
        pytest.raises(ValueError, match=r"server\.pem is not valid now"),
        door(mongodb_uri, database_name, **given),
    ):
        raise AssertionError("it serves")


def untiring(opened: Door, tls: Tls) -> grpc.Channel:
    """A channel with a connection of its own, whose calls are not tried again."""
    options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.secure_channel(opened.target, tls.credentials(), options)


def call(channel: grpc.Channel) -> None:
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    stub.ListModels(model_service_pb2.ListModelsRequest(), timeout=PATIENCE)


def test_certificates_are_renewed_under_load_and_no_call_fails(
    mongodb_uri: str, database_name: str, authority: trustme.CA, tmp_path: Path
) -> None:
    """Half the callers keep their connection, the others make a new one for each call."""
    tls = trusting(tmp_path, authority)
    done, stop, calls = [0] * CALLERS, threading.Event(), threading.Barrier(CALLERS + 1)
    files = tls_files(tmp_path, authority.issue_cert("localhost"))
    with door(mongodb_uri, database_name, **tls_settings(files)) as opened:

        def keep(place: int) -> None:
            with untiring(opened, tls) as channel:
                calls.wait()
                while not stop.is_set():
                    call(channel)
                    done[place] += 1

        def renew(place: int) -> None:
            calls.wait()
            while not stop.is_set():
                with untiring(opened, tls) as channel:
                    call(channel)
                done[place] += 1

        with ThreadPoolExecutor(CALLERS) as pool:
            callers = [pool.submit((keep, renew)[place % 2], place) for place in range(CALLERS)]
            calls.wait()
            try:
                for _ in range(RENEWALS):
                    before = sum(done)
                    new = authority.issue_cert("localhost")
                    tls_files(tmp_path, new)
                    served = ssl.get_server_certificate(("127.0.0.1", opened.port), timeout=PATIENCE)
                    assert served.split() == new.cert_chain_pems[0].bytes().decode().split()
                    files.certificate.write_text("broken")
                    while sum(done) < before + 3 * CALLERS and not any(one.done() for one in callers):
                        threading.Event().wait(0.01)
            finally:
                stop.set()
            for caller in callers:
                caller.result()  # raises what a call failed with
    assert min(done) > 0


def test_another_ca_of_clients_takes_the_place_of_the_old_one(
    mongodb_uri: str, database_name: str, authority: trustme.CA, stranger: trustme.CA, tmp_path: Path
) -> None:
    server = authority.issue_cert("localhost")
    files = tls_files(tmp_path, server, authority)
    given = {**tls_settings(files), "tls_subjects": {"*": "ordergen:read"}}
    new = trusting(tmp_path, authority, stranger.issue_cert("new.test"))
    old = trusting(tmp_path, authority, authority.issue_cert("old.test"))
    with door(mongodb_uri, database_name, **given) as opened:
        with opened.client(tls=old) as client:
            knock(client)
        with opened.client(tls=new) as client:
            assert isinstance(refused(lambda: knock(client)), Unavailable)
        tls_files(tmp_path, server, stranger)
        with opened.client(tls=new) as client:
            knock(client)
        with opened.client(tls=old) as client:
            assert isinstance(refused(lambda: knock(client)), Unavailable)
