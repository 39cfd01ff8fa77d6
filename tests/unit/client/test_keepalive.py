"""The client pings no more often than the server allows, with room for a late clock."""

from ordergen_client.connecting.channels import KEEPALIVE
from ordergen_server.api.wire.ports import OPTIONS


def test_the_server_allows_what_the_client_does() -> None:
    allowed = dict(OPTIONS)["grpc.http2.min_ping_interval_without_data_ms"]
    assert dict(KEEPALIVE)["grpc.keepalive_time_ms"] >= 2 * allowed
