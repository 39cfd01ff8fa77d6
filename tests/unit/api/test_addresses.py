"""An address means the same to sockets and to gRPC, however an operator writes it."""

import pytest

from ordergen_server.addresses import unbracketed, with_port


@pytest.mark.parametrize(
    ("host", "bare", "of_grpc"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1:8088"),
        ("localhost", "localhost", "localhost:8088"),
        ("::1", "::1", "[::1]:8088"),
        ("[::1]", "::1", "[::1]:8088"),
    ],
)
def test_hosts(host: str, bare: str, of_grpc: str) -> None:
    assert (unbracketed(host), with_port(host, 8088)) == (bare, of_grpc)
