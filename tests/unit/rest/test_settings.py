"""Where the front listens, and when it may be in plain text."""

import pytest
from pydantic import ValidationError

from ordergen_server.rest.__main__ import base_url
from ordergen_server.rest.settings import RestSettings

TLS = {"tls_certificate": "/c", "tls_key": "/k"}


@pytest.mark.parametrize(
    ("given", "host", "url"),
    [
        ({}, "127.0.0.1", "http://127.0.0.1:80"),
        ({"insecure": True}, "0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - compared alone
        (TLS, "0.0.0.0", "https://127.0.0.1:80"),  # noqa: S104 - likewise
        ({"host": "::1"}, "::1", "http://[::1]:80"),
        ({"host": "[::1]"}, "[::1]", "http://[::1]:80"),
        ({**TLS, "host": "::"}, "::", "https://127.0.0.1:80"),
        ({**TLS, "host": "front.example"}, "front.example", "https://front.example:80"),
    ],
)
def test_where_it_listens(given: dict[str, object], host: str, url: str) -> None:
    settings = RestSettings.model_validate(given)
    assert (settings.listening_host, base_url(settings, 80)) == (host, url)


@pytest.mark.parametrize(
    "target", ["localhost:8088", "127.0.0.1:1", "[::1]:1", "dns:///localhost:8088", "unix:/run/api"]
)
def test_an_api_on_this_machine_may_be_in_plain_text(target: str) -> None:
    assert RestSettings(target=target).target == target


def test_another_machine_may_where_it_is_meant() -> None:
    with pytest.raises(ValidationError):
        RestSettings(target="ordergen:8088")
    assert RestSettings(target="ordergen:8088", insecure=True).insecure
