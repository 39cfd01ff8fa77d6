"""What a server that cannot start says: the reason, and no secret, wherever the secret was put."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from ordergen_server.__main__ import main
from tests import tls
from tests.e2e.programs import ran
from tests.refusals import refused
from tests.tls import HOST, serving_context, tls_before

PASSWORD = "correct-horse-battery-staple"  # noqa: S105 - of nothing
LOUD = {
    "ORDERGEN_LOG_LEVEL": "DEBUG",
    "ORDERGEN_HOST": "127.0.0.1",
    "ORDERGEN_PORT": "0",
    "ORDERGEN_HEALTH_PORT": "0",
    "ORDERGEN_METRICS_PORT": "0",
}
Refusal = Callable[..., str]
NO_ADDRESS = "mongodb_uri is not the address of a MongoDB"
NO_OPTION = "mongodb_uri has an option that is none, or has a wrong value"


def reason(stderr: str) -> str:
    """What it says as it ends, without a secret or a traceback anywhere before."""
    assert PASSWORD not in stderr
    assert "Traceback" not in stderr
    (said,) = [line for line in stderr.splitlines() if line.startswith("ordergen_server: ")]
    return said.removeprefix("ordergen_server: ")


def refusal_of_a_process(**settings: str) -> str:
    answer = ran("ordergen_server", **{**LOUD, **settings})
    assert (answer.returncode, answer.stdout) == (1, "")
    return reason(answer.stderr)


@pytest.fixture
def refusal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Refusal:
    """The same without a process, of which each takes seconds."""

    def refusing(**settings: str) -> str:
        return reason(
            refused(
                main, "ordergen_server", {**LOUD, **settings}, patch=monkeypatch, printed=capfd, logged=caplog
            )
        )

    return refusing


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("mongodb://somebody:{}@127.0.0.1:many/", NO_ADDRESS),
        ("mongodb://somebody:{}@x@127.0.0.1/", NO_ADDRESS),
        ("mongodb://somebody:{}/x@127.0.0.1/", NO_ADDRESS),
        ("mongodb://somebody:%{}%@127.0.0.1/", NO_ADDRESS),
        ("mysql://somebody:{}@127.0.0.1/", NO_ADDRESS),
        ("somebody:{}@127.0.0.1", NO_ADDRESS),
        ("{}", NO_ADDRESS),
        ("mongodb://127.0.0.1/?password={}", NO_OPTION),
        ("mongodb://somebody:{}@127.0.0.1/?tlsCaFlie=x", NO_OPTION),
        ("mongodb://127.0.0.1/?tls={}", NO_OPTION),
        ("mongodb://127.0.0.1/?authMechanism={}", NO_OPTION),
        ("mongodb://127.0.0.1/?authMechanismProperties={}", NO_OPTION),
        (
            "mongodb://127.0.0.1/?tls=true&tlsCertificateKeyFilePassword={}&tlsCertificateKeyFile=/nowhere",
            "mongodb_uri names a file that cannot be used: ",
        ),
    ],
)
def test_an_address_of_a_database(uri: str, told: str, refusal: Refusal) -> None:
    assert refusal(ORDERGEN_MONGODB_URI=uri.format(PASSWORD)).startswith(told)


def test_a_database_that_is_not_trusted(tmp_path: Path) -> None:
    ours = tls.written(tmp_path, trustme.CA())
    with tls_before(1, serving_context(tls.good(trustme.CA()))) as proxy:
        uri = f"mongodb://somebody:{PASSWORD}@{HOST}:{proxy.port}/?directConnection=true&tls=true&tlsCAFile={ours.ca}"
        said = refusal_of_a_process(ORDERGEN_MONGODB_URI=uri, ORDERGEN_MONGODB_TIMEOUT_SECONDS="5")
    assert said.startswith("The database cannot be reached over TLS, certificate verify failed: ")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"ORDERGEN_PRICING_URL": f"https://somebody:{PASSWORD}@pricing"},
            (
                "pricing: its base URL has a user or a password in it; "
                "use ORDERGEN_SIBLING_TOKEN_FILE, or a certificate"
            ),
        ),
        (
            {"ORDERGEN_SIBLING_TOKEN": PASSWORD},
            (
                "security: our token would be sent in plain text to a base URL of http://; "
                "take https://, or allow it with ORDERGEN_SIBLING_TOKEN_INSECURE=true"
            ),
        ),
        (
            {"ORDERGEN_SIBLING_TOKEN": f"two {PASSWORD}"},
            "the token for siblings is no bearer token: letters, digits and -._~+/, = at the end",
        ),
        (
            {"ORDERGEN_SIBLING_TOKEN": PASSWORD, "ORDERGEN_SIBLING_TOKEN_FILE": f"/{PASSWORD}"},
            "ORDERGEN_SIBLING_TOKEN and ORDERGEN_SIBLING_TOKEN_FILE are both given: give one of them",
        ),
        (
            {"ORDERGEN_SIBLING_TOKEN_FILE": PASSWORD},
            "the token file for siblings cannot be read: No such file or directory",
        ),
        (
            {"ORDERGEN_SIBLING_KEY": f"-----BEGIN {PASSWORD}\n", "ORDERGEN_SIBLING_CERTIFICATE": "x"},
            "the certificate for siblings cannot be read: No such file or directory",
        ),
        (
            {"ORDERGEN_SIBLING_CERTIFICATE": PASSWORD},
            "the certificate for siblings and its key need each other: give both or none",
        ),
        (
            {"ORDERGEN_LOG_LEVEL": PASSWORD},
            "ORDERGEN_LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
        ),
        (
            {"ORDERGEN_SIBLING_TOKEN_INSECURE": PASSWORD},
            "ORDERGEN_SIBLING_TOKEN_INSECURE: Input should be a valid boolean, unable to interpret input",
        ),
    ],
)
def test_what_is_about_siblings(
    settings: dict[str, str], told: str, mongodb_uri: str, database_name: str, refusal: Refusal
) -> None:
    https = {f"ORDERGEN_{name}_URL": "https://sibling" for name in ("PORTFOLIO_ACCOUNTING", "PRICING")}
    assert told == refusal(
        **{
            **https,
            "ORDERGEN_MONGODB_URI": mongodb_uri,
            "ORDERGEN_MONGODB_DATABASE": database_name,
            **settings,
        }
    )


def test_arguments_that_are_none_and_help() -> None:
    answer = ran("ordergen_server", "--mongodb", ORDERGEN_MONGODB_URI=PASSWORD)
    assert (answer.returncode, PASSWORD in answer.stdout + answer.stderr) == (2, False)
    answer = ran("ordergen_server", "--help", ORDERGEN_MONGODB_URI=PASSWORD, ORDERGEN_SIBLING_TOKEN=PASSWORD)
    assert (answer.returncode, PASSWORD in answer.stdout + answer.stderr) == (0, False)


SECRET_FILE = "ORDERGEN_MONGODB_URI_FILE"  # noqa: S105 - the name of a variable


def test_the_address_of_a_database_out_of_a_file(tmp_path: Path, refusal: Refusal) -> None:
    path = tmp_path / "uri"
    path.write_text(f"mongodb://somebody:{PASSWORD}@127.0.0.1:1/?directConnection=true\n")
    settings = {SECRET_FILE: str(path), "ORDERGEN_MONGODB_TIMEOUT_SECONDS": "0.3"}
    assert refusal_of_a_process(**settings) == "The database does not answer: try again."
    both = refusal(**settings, ORDERGEN_MONGODB_URI=f"mongodb://{PASSWORD}@host")
    assert both == f"ORDERGEN_MONGODB_URI and {SECRET_FILE} are both given: give one of them"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\n", "is empty"),
        (b"\xff" + PASSWORD.encode(), "is no text"),
    ],
)
def test_a_file_of_a_secret_that_is_none(
    content: bytes | None, told: str, tmp_path: Path, refusal: Refusal
) -> None:
    path = tmp_path / PASSWORD
    if content is not None:
        path.write_bytes(content)
    assert refusal(**{SECRET_FILE: str(path)}) == f"{SECRET_FILE} names a file that {told}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_a_secret_that_we_may_not_read(tmp_path: Path, refusal: Refusal) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o000)
    assert (
        refusal(**{SECRET_FILE: str(path)})
        == f"{SECRET_FILE} names a file that cannot be read: Permission denied"
    )


@pytest.mark.parametrize(
    "name", ["ORDERGEN_PROCESSES", "ORDERGEN_MESSAGE_SECONDS", "ORDERGEN_MONGODB_DATABASE"]
)
def test_an_address_in_the_place_of_another_setting_is_not_told(refusal: Refusal, name: str) -> None:
    assert refusal(**{name: f"mongodb://somebody:{PASSWORD}@127.0.0.1/"}).startswith(f"{name}: ")


def test_a_number_that_cannot_be_is_told(refusal: Refusal) -> None:
    assert refusal(ORDERGEN_PROCESSES="0").endswith(", not '0'")
