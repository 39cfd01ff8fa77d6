"""Settings that are not safe, or do not go together, are refused; and what is served says how."""

import pytest
from pydantic import ValidationError

from ordergen_server.configuration.settings import Settings

TLS = {"tls_certificate": "server.pem", "tls_key": "server-key.pem"}
TOKENS = {"token_keys": "jwks.json", "token_issuer": "https://issuer", "token_audience": "ordergen"}
MUTUAL = {**TLS, "tls_client_ca": "ca.pem"}


@pytest.mark.parametrize(
    ("given", "api", "health"),
    [
        ({}, "127.0.0.1", "0.0.0.0"),  # noqa: S104 - what must be
        ({"host": "127.0.0.1"}, "127.0.0.1", "127.0.0.1"),
        ({"host": "::1"}, "::1", "::1"),
        ({"host": "localhost"}, "localhost", "localhost"),
        ({"insecure": True}, "0.0.0.0", "0.0.0.0"),  # noqa: S104 - what a setting says, where nobody listens
        ({"insecure": True, "host": "10.0.0.1"}, "10.0.0.1", "10.0.0.1"),
        (TLS, "0.0.0.0", "0.0.0.0"),  # noqa: S104 - what a setting says, where nobody listens
        ({**TLS, "host": "127.0.0.1"}, "127.0.0.1", "127.0.0.1"),
    ],
)
def test_without_tls_the_api_is_for_this_machine(given: dict[str, object], api: str, health: str) -> None:
    settings = Settings.model_validate(given)
    assert (settings.api_host, settings.health_host) == (api, health)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"host": "0.0.0.0"}, "ORDERGEN_HOST is not of this machine alone"),  # noqa: S104 - what a setting says, where nobody listens
        ({"host": "::"}, "ORDERGEN_INSECURE=true"),
        ({"host": "ordergen.globeco"}, "there is no TLS"),
        ({"tls_certificate": "server.pem"}, "ORDERGEN_TLS_CERTIFICATE and ORDERGEN_TLS_KEY need each other"),
        ({"tls_key": "server.pem"}, "need each other"),
        ({"tls_client_ca": "ca.pem", **TOKENS}, "ORDERGEN_TLS_CLIENT_CA needs ORDERGEN_TLS_CERTIFICATE"),
        (MUTUAL, "ORDERGEN_TLS_CLIENT_CA needs ORDERGEN_TLS_SUBJECTS or ORDERGEN_TOKEN_KEYS"),
        ({**TLS, "tls_subjects": {"a": ""}}, "ORDERGEN_TLS_SUBJECTS needs ORDERGEN_TLS_CLIENT_CA"),
        ({**MUTUAL, "tls_subjects": {"a": "ordergen:reed"}}, "ORDERGEN_TLS_SUBJECTS may name the scopes"),
        ({"token_keys": "jwks.json"}, "ORDERGEN_TOKEN_AUDIENCE need each other"),
        ({"token_issuer": "https://issuer"}, "need each other"),
        ({**TOKENS, "token_keys": "http://issuer/keys"}, "must be a file, or an https URL"),
        ({**TOKENS, "token_keys": "https://me:hunter2@issuer/keys"}, "without a password"),
    ],
)
def test_what_is_not_safe_is_refused_in_words_of_its_own(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(given)
    (problem,) = refused.value.errors()
    assert told in problem["msg"]
    assert "hunter2" not in problem["msg"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "The API is served in plain text on 127.0.0.1, and asks for no credentials."),
        ({"insecure": True}, "The API is served in plain text on 0.0.0.0, and asks for no credentials."),
        ({**TLS, **TOKENS}, "The API is served with TLS on 0.0.0.0, and asks for a bearer token."),
        (
            {**MUTUAL, **TOKENS},
            "The API is served with TLS on 0.0.0.0, and asks for a bearer token and a client certificate.",
        ),
    ],
)
def test_the_first_line_of_the_log(given: dict[str, object], told: str) -> None:
    assert Settings.model_validate(given).exposure == told
