"""Orders over TLS with our token: sent to whom they are for, and to nobody else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import trustme

from ordergen_server.domain.errors import SiblingUnavailable
from ordergen_server.domain.orders.order_service import OutgoingOrder, Taken
from ordergen_server.domain.rebalances import Side
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import BearerToken, ClientTls, SiblingConfig, SiblingsConfig, open_sources
from tests import tls
from tests.limits import PATIENCE
from tests.tls import Files, serving_context, tls_before

pytestmark = pytest.mark.parametrize("scheme", ["https", "grpcs"])
MARK = datetime(2026, 3, 2, tzinfo=UTC)
TOKEN = "correct-horse.battery~staple"  # noqa: S105 - of nothing


def port_of(siblings: SimulatedSiblings, scheme: str) -> int:
    return int((siblings.order_url if scheme == "https" else siblings.grpc_url).rpartition(":")[2])


def outgoing(siblings: SimulatedSiblings) -> list[OutgoingOrder]:
    security = siblings.portfolios.market.securities[0].security_id
    return [OutgoingOrder(siblings.model.portfolio_ids[0], security, Side.BUY, 5)]


def config(scheme: str, port: int, files: ClientTls) -> SiblingsConfig:
    at = SiblingConfig(f"{scheme}://{tls.HOST}:{port}", timeout_seconds=PATIENCE, tls=files)
    return SiblingsConfig(order=replace(at, token=BearerToken(lambda: TOKEN)), order_send_seconds=PATIENCE)


def test_orders_go_encrypted_with_our_token(
    scheme: str, siblings: SimulatedSiblings, authority: trustme.CA, files: Files
) -> None:
    with (
        tls_before(port_of(siblings, scheme), serving_context(tls.good(authority))) as proxy,
        open_sources(config(scheme, proxy.port, ClientTls(files.ca))) as sources,
    ):
        assert sources.orders is not None
        [outcome] = sources.orders.send(outgoing(siblings), MARK)
        assert [Taken(one.external_order_id) for one in sources.orders.with_timestamp(MARK)] == [outcome]
        heard = bytes(proxy.heard)
    assert scheme == "grpcs" or f"Authorization: Bearer {TOKEN}".encode() in heard


def test_whom_we_do_not_trust_gets_no_order(
    scheme: str, siblings: SimulatedSiblings, authority: trustme.CA, files: Files
) -> None:
    """It is an error, and not in doubt: nothing left."""
    with (
        tls_before(port_of(siblings, scheme), serving_context(tls.expired(authority))) as proxy,
        open_sources(config(scheme, proxy.port, ClientTls(files.ca))) as sources,
    ):
        assert sources.orders is not None
        with pytest.raises(SiblingUnavailable):
            sources.orders.send(outgoing(siblings), MARK)
        assert bytes(proxy.heard) == b""
    assert siblings.orders == []
