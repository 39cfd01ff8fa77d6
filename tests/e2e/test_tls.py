"""A server all of whose secrets are files, and all of whose calls are over TLS with certificates of ours."""

from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests import tls
from tests.databases import NAMED
from tests.e2e.api import message_of
from tests.e2e.processes import server_process
from tests.tls import HOST, TlsProxy, serving_context, tls_before

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of nothing
MONGODB_URI = "ORDERGEN_MONGODB_URI"


@pytest.mark.skipif(bool(NAMED), reason="the proxy stands before an embedded database")
def test_everything_is_encrypted_and_nothing_secret_is_in_a_variable(
    siblings: SimulatedSiblings,
    mongodb_uri: str,
    database_name: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    authority = trustme.CA()
    ours = tls.written(tmp_path, authority)
    context = serving_context(tls.good(authority), clients_of=authority)
    token, uri = tmp_path / "token", tmp_path / "uri"
    token.write_text(f"{TOKEN}\n")
    with ExitStack() as stack:

        def before(url: str) -> TlsProxy:
            return stack.enter_context(tls_before(urlsplit(url).port or 0, context))

        database, accounting, prices, others = (
            before(url)
            for url in (mongodb_uri, siblings.accounting_url, siblings.pricing_url, siblings.grpc_url)
        )
        uri.write_text(
            f"mongodb://{HOST}:{database.port}/?directConnection=true&tls=true&tlsCAFile={ours.ca}"
            f"&tlsCertificateKeyFile={ours.both}\n"
        )
        settings = {
            f"{MONGODB_URI}_FILE": str(uri),
            "ORDERGEN_MONGODB_DATABASE": database_name,
            "ORDERGEN_PORTFOLIO_ACCOUNTING_URL": f"https://{HOST}:{accounting.port}",
            "ORDERGEN_PRICING_URL": f"https://{HOST}:{prices.port}",
            "ORDERGEN_SECURITY_URL": f"grpcs://{HOST}:{others.port}",
            "ORDERGEN_PORTFOLIO_URL": f"grpcs://{HOST}:{others.port}",
            "ORDERGEN_SIBLING_CA": str(ours.ca),
            "ORDERGEN_SIBLING_CERTIFICATE": str(ours.certificate),
            "ORDERGEN_SIBLING_KEY": str(ours.key),
            "ORDERGEN_SIBLING_TOKEN_FILE": str(token),
            "ORDERGEN_LOG_LEVEL": "DEBUG",
        }
        with server_process(tmp_path / "data", siblings, **settings) as server:
            model = server.api.create(message_of(siblings.model, portfolios=2))
            assert server.api.rebalance(model.portfolio_ids[0]).positions
            shown = [
                Path(f"/proc/{server.process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")
            ]
            assert TOKEN.encode() not in b"".join(shown)
            assert server.stop() == 0
        bearer = f"authorization: bearer {TOKEN}".encode()
        assert bearer in bytes(accounting.heard).lower()
        assert bearer in bytes(prices.heard).lower()
        assert others.shaken > 0
    logged = capfd.readouterr().err
    assert "GET /api/v1/prices" in logged  # it does log at DEBUG
    assert TOKEN not in logged
