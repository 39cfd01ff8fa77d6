"""What a front that cannot start says: one line with the reason, and 1 as its exit code."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from ordergen_server.rest.__main__ import main
from tests.doors import tls_files, trusting
from tests.e2e.programs import ran
from tests.refusals import refused

LOUD = {"ORDERGEN_REST_PORT": "0", "ORDERGEN_REST_LOG_LEVEL": "DEBUG"}
Refusal = Callable[..., str]


def reason(stderr: str) -> str:
    """The one line, without a traceback anywhere before."""
    assert "Traceback" not in stderr
    (said,) = [line for line in stderr.splitlines() if line.startswith("ordergen_server.rest: ")]
    return said.removeprefix("ordergen_server.rest: ")


@pytest.fixture
def refusal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Refusal:
    """Without a process, of which each takes seconds."""

    def refusing(**settings: object) -> str:
        named = {f"ORDERGEN_REST_{name.upper()}": str(value) for name, value in settings.items()}
        said = refused(
            main, "ordergen_server.rest", {**LOUD, **named}, patch=monkeypatch, printed=capfd, logged=caplog
        )
        return reason(said)

    return refusing


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"tls_certificate": "/c"},
            "ORDERGEN_REST_TLS_CERTIFICATE and ORDERGEN_REST_TLS_KEY need each other",
        ),
        ({"tls_key": "/k"}, "ORDERGEN_REST_TLS_CERTIFICATE and ORDERGEN_REST_TLS_KEY need each other"),
        (
            {"target_certificate": "/c"},
            "ORDERGEN_REST_TARGET_CERTIFICATE and ORDERGEN_REST_TARGET_KEY need each other",
        ),
        (
            {"target_certificate": "/c", "target_key": "/k"},
            "ORDERGEN_REST_TARGET_CERTIFICATE needs ORDERGEN_REST_TARGET_CA",
        ),
        ({"host": "0.0.0.0"}, "ORDERGEN_REST_HOST is not of this machine alone"),  # noqa: S104 - it is refused
        ({"host": "front.example"}, "ORDERGEN_REST_HOST is not of this machine alone"),
        ({"target": "ordergen:8088"}, "ORDERGEN_REST_TARGET is not on this machine"),
        ({"target": "dns:///ordergen:8088"}, "ORDERGEN_REST_TARGET is not on this machine"),
        ({"target": ""}, "ORDERGEN_REST_TARGET: "),
        ({"port": "http"}, "ORDERGEN_REST_PORT: "),
        ({"port": 70_000}, "ORDERGEN_REST_PORT: "),
        ({"root_path": "order-gen"}, "ORDERGEN_REST_ROOT_PATH: "),
        ({"root_path": "/order-gen/"}, "ORDERGEN_REST_ROOT_PATH: "),
        ({"cors_origins": "https://portal.example"}, 'error parsing value for field "cors_origins"'),
        ({"cors_origins": '["portal.example"]'}, "ORDERGEN_REST_CORS_ORIGINS: "),
        ({"cors_origins": '["https://portal.example/path"]'}, "ORDERGEN_REST_CORS_ORIGINS: "),
        ({"maximum_requests": 0}, "ORDERGEN_REST_MAXIMUM_REQUESTS: "),
        ({"maximum_connections": -1}, "ORDERGEN_REST_MAXIMUM_CONNECTIONS: "),
        ({"timeout_seconds": 0}, "ORDERGEN_REST_TIMEOUT_SECONDS: "),
        ({"message_seconds": "nan"}, "ORDERGEN_REST_MESSAGE_SECONDS: "),
        ({"log_level": "LOUD"}, "ORDERGEN_REST_LOG_LEVEL: "),
        ({"insecure": "perhaps"}, "ORDERGEN_REST_INSECURE: "),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], told: str, refusal: Refusal) -> None:
    assert refusal(**settings).startswith(told)


def test_files_that_are_not_there(tmp_path: Path, refusal: Refusal) -> None:
    assert "/nowhere.pem" in refusal(tls_certificate="/nowhere.pem", tls_key="/nowhere.key")
    assert "/nowhere.pem" in refusal(target_ca="/nowhere.pem")
    ours = trusting(tmp_path, trustme.CA())
    said = refusal(target_ca=ours.ca, target_certificate="/nowhere.crt", target_key="/nowhere.key")
    assert "/nowhere" in said


def test_files_that_do_not_belong_together(tmp_path: Path, refusal: Refusal) -> None:
    authority = trustme.CA()
    files = [tls_files(tmp_path / name, authority.issue_cert("localhost")) for name in _folders(tmp_path)]
    assert refusal(tls_certificate=files[0].certificate, tls_key=files[1].key)
    files[0].certificate.write_text("no certificate")
    assert str(files[0].certificate) in refusal(tls_certificate=files[0].certificate, tls_key=files[0].key)


def _folders(folder: Path) -> list[str]:
    for name in ("one", "two"):
        (folder / name).mkdir()
    return ["one", "two"]


def test_a_port_that_is_taken(refusal: Refusal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        assert (
            refusal(port=port)
            == f"cannot listen on port {port} of 127.0.0.1: it is in use, or no such address"
        )


def test_a_process_says_the_same() -> None:
    answer = ran("ordergen_server.rest", ORDERGEN_REST_HOST="0.0.0.0")  # noqa: S104 - it is refused
    assert (answer.returncode, answer.stdout) == (1, "")
    assert reason(answer.stderr).startswith("ORDERGEN_REST_HOST is not of this machine alone")
    assert len(answer.stderr.splitlines()) == 1


def test_it_ends_with_its_input_where_it_is_asked_to() -> None:
    answer = ran(
        "ordergen_server.rest",
        "--json",
        "--until-input-ends",
        ORDERGEN_REST_PORT="0",
        ORDERGEN_REST_TARGET="127.0.0.1:1",
    )
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["rest"].startswith("http://127.0.0.1:")
