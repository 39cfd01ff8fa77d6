"""A server as a process, and one of several, that asks for TLS and tokens."""

from functools import partial
from pathlib import Path

import pytest
import trustme

from ordergen_client import Unauthenticated
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.doors import Door, knock, published, refused, tls_files, trusting
from tests.e2e.processes import server_process
from tests.issuers import AUDIENCE, ISSUER, Issuer


@pytest.mark.parametrize("processes", [1, 2])
def test_every_process_asks_who_calls(
    tmp_path: Path, clean_siblings: SimulatedSiblings, processes: int
) -> None:
    authority, issuer = trustme.CA(), Issuer({"first": "EdDSA"})
    files = tls_files(tmp_path, authority.issue_cert("localhost"))
    settings = {
        "ORDERGEN_PROCESSES": str(processes),
        "ORDERGEN_TLS_CERTIFICATE": str(files.certificate),
        "ORDERGEN_TLS_KEY": str(files.key),
        "ORDERGEN_TOKEN_KEYS": published(issuer, tmp_path),
        "ORDERGEN_TOKEN_ISSUER": ISSUER,
        "ORDERGEN_TOKEN_AUDIENCE": AUDIENCE,
    }
    tls = trusting(tmp_path, authority)
    with server_process(tmp_path / "data", clean_siblings, **settings) as server:
        opened = Door(server.api.port, server.api.health_port)
        for _ in range(4 * processes):  # each has a connection of its own, which any of them may get
            with opened.client(tls=tls, token=issuer.token()) as client:
                knock(client)
            with opened.client(tls=tls) as client:
                assert isinstance(refused(partial(knock, client)), Unauthenticated)
        assert server.stop() == 0
