"""Keys of tokens that come from a URL: down at the start, down later, revoked, new."""

from pathlib import Path

import pytest
import trustme

from ordergen_client import Client, Unauthenticated, Unavailable
from tests.doors import door, knock, refused, token_settings
from tests.issuers import Issuer, KeyServer
from tests.waiting import eventually


def lets_in(client: Client) -> bool:
    try:
        knock(client)
    except (Unauthenticated, Unavailable):
        return False
    return True


def test_keys_come_and_go(
    mongodb_uri: str,
    database_name: str,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    issuer = Issuer({"first": "EdDSA"})
    with KeyServer(issuer, authority).running() as keys:
        keys.status = 503
        given = {**token_settings(keys.url), "token_keys_seconds": 0.05}
        with (
            door(mongodb_uri, database_name, **given) as opened,
            opened.client(token=lambda: issuer.token("first")) as first,
            opened.client(token=lambda: issuer.token("second")) as second,
        ):
            told = refused(lambda: first.models.create("Too early"))
            assert isinstance(told, Unavailable)
            assert told.retry_after_seconds == 1
            keys.status = 200
            eventually(lambda: lets_in(first))
            assert isinstance(refused(lambda: knock(second)), Unauthenticated)
            keys.status = 503
            asked = keys.asked
            eventually(lambda: keys.asked > asked + 1)
            knock(first)  # with the keys that were read last
            issuer.algorithms = {"first": "EdDSA", "second": "EdDSA"}
            keys.status = 200
            eventually(lambda: lets_in(second))
            knock(first)
            issuer.algorithms = {"second": "EdDSA"}
            eventually(lambda: not lets_in(first))
            knock(second)


def test_a_key_set_that_is_no_file_ends_the_start(
    mongodb_uri: str, database_name: str, tmp_path: Path
) -> None:
    path = tmp_path / "jwks.json"
    for content in (None, b"{}", b'{"keys": []}'):
        if content is not None:
            path.write_bytes(content)
        with (
            pytest.raises(ValueError, match=r"the key set \S+jwks\.json cannot be used: "),
            door(mongodb_uri, database_name, **token_settings(str(path))),
        ):
            raise AssertionError("it serves")
