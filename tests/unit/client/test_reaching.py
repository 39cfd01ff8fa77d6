"""Why a server cannot be reached: true servers and none, in plain text and TLS, seen without gRPC."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import trustme

from ordergen_client.connecting.credentials import Tls
from ordergen_client.connecting.reaching import Step, way_to


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def folder(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(str(made / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(made / "other.pem"))
    own = authority.issue_cert("desk.test")
    own.cert_chain_pems[0].write_to_path(str(made / "certificate.pem"))
    own.private_key_pem.write_to_path(str(made / "key.pem"))
    return made


@pytest.fixture(scope="module")
def ports(authority: trustme.CA) -> Iterator[dict[str, int]]:
    """A gRPC server in plain text, with TLS, and with certificates of both."""
    server = grpc.server(ThreadPoolExecutor(1))
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    pair = leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes()
    asking = grpc.ssl_server_credentials([pair], authority.cert_pem.bytes(), require_client_auth=True)
    made = {
        "plain": server.add_insecure_port("127.0.0.1:0"),
        "tls": server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair])),
        "mutual": server.add_secure_port("127.0.0.1:0", asking),
    }
    server.start()
    yield made
    server.stop(0).wait()


def last(port: int, tls: Tls | None) -> Step:
    return way_to(f"127.0.0.1:{port}", tls)[-1]


@pytest.mark.parametrize(
    ("port", "files", "told", "failed"),
    [
        ("plain", None, "plain text", False),
        ("plain", ("ca.pem",), "it speaks plain text, and we TLS", True),
        ("tls", None, "it speaks TLS, and we do not", True),
        ("tls", ("ca.pem",), "its certificate is trusted", False),
        ("tls", ("other.pem",), "its certificate is not trusted", True),
        ("mutual", ("ca.pem",), "it refuses us", True),
        ("mutual", ("ca.pem", "certificate.pem", "key.pem"), "its certificate is trusted", False),
    ],
)
def test_the_way_to_a_server(
    ports: dict[str, int], folder: Path, port: str, files: tuple[str, ...] | None, told: str, *, failed: bool
) -> None:
    tls = None if files is None else Tls(*(folder / file for file in files))
    step = last(ports[port], tls)
    assert (told in step.told, step.failed) == (True, failed), step


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert way_to(f"127.0.0.1:{port}", None)[-1].told == f"127.0.0.1 port {port} refuses connections"


def test_no_such_name() -> None:
    (step,) = way_to("no-such-name.invalid:1", None)
    assert step.told == "no-such-name.invalid is no name that this machine knows"


def test_another_program_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for _ in range(2):  # the try of TLS comes after that of plain text
                connection, _peer = listening.accept()
                with connection:
                    connection.recv(1024)
                    connection.sendall(b"220 mail\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        step = last(listening.getsockname()[1], None)
    assert (step.told, step.failed) == ("what answers speaks no gRPC", True)


@pytest.mark.parametrize("target", ["unix:/tmp/socket", "xds:///service", "localhost"])
def test_a_target_of_another_kind_has_no_such_way(target: str) -> None:
    assert way_to(target, None) == []
