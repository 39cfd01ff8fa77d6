"""The commands: their help, their announcements, and how they say what is wrong."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ordergen_server.configuration.settings import Settings
from tests.e2e.programs import ran
from tests.limits import PATIENCE


@pytest.mark.parametrize("module", ["ordergen_server", "ordergen_server.sandbox", "ordergen_server.legacy"])
def test_help(module: str) -> None:
    answer = ran(module, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "usage:" in answer.stdout
    assert "--json" in answer.stdout


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ORDERGEN_PORT", "many", "unable to parse string as an integer"),
        ("ORDERGEN_PORT", "70000", "less than or equal to 65535, not '70000'"),
        ("ORDERGEN_MONGODB_TIMEOUT_SECONDS", "0", "greater than 0, not '0'"),
        ("ORDERGEN_LOG_LEVEL", "LOUD", "Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str, told: str) -> None:
    answer = ran("ordergen_server", **{name: value})
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"ordergen_server: {name}: ")
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ORDERGEN_HOST": "0.0.0.0"}, "ORDERGEN_HOST is not of this machine alone, and there is no TLS"),  # noqa: S104 - refused
        ({"ORDERGEN_TLS_KEY": "key.pem"}, "ORDERGEN_TLS_CERTIFICATE and ORDERGEN_TLS_KEY need each other"),
        ({"ORDERGEN_TLS_SUBJECTS": "desk"}, "tls_subjects"),
        (
            {
                "ORDERGEN_TOKEN_KEYS": "https://me:hunter2@issuer/keys",
                "ORDERGEN_TOKEN_ISSUER": "https://issuer",
                "ORDERGEN_TOKEN_AUDIENCE": "ordergen",
            },
            "ORDERGEN_TOKEN_KEYS must be a file, or an https URL without a password",
        ),
    ],
)
def test_settings_that_are_not_safe_are_refused(settings: dict[str, str], told: str) -> None:
    answer = ran("ordergen_server", **settings)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("ordergen_server: ")
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "hunter2" not in answer.stderr


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    files = {"ORDERGEN_TLS_CERTIFICATE": str(tmp_path / "none.pem"), "ORDERGEN_TLS_KEY": "key.pem"}
    answer = ran("ordergen_server", **files, ORDERGEN_DATA_FOLDER=str(tmp_path / "data"))
    assert answer.returncode == 1
    assert f"{tmp_path}/none.pem" in answer.stderr
    first, *_ = answer.stderr.splitlines()
    expected = "The API is served with TLS on 0.0.0.0, and asks for no credentials."
    assert json.loads(first)["event"] == expected


def test_every_bad_setting_is_named() -> None:
    answer = ran("ordergen_server", ORDERGEN_PORT="x", ORDERGEN_MAXIMUM_CALLS="0")
    assert answer.returncode == 1
    assert "ORDERGEN_PORT" in answer.stderr
    assert "ORDERGEN_MAXIMUM_CALLS" in answer.stderr


def test_an_address_of_no_database_is_not_repeated() -> None:
    answer = ran("ordergen_server", ORDERGEN_MONGODB_URI="mongodb://user:pass/word@host")
    expected = "ordergen_server: mongodb_uri is not the address of a MongoDB"
    assert (answer.returncode, answer.stderr.splitlines()[1:]) == (1, [expected])


def test_a_database_that_does_not_answer() -> None:
    answer = ran(
        "ordergen_server",
        ORDERGEN_MONGODB_URI="mongodb://127.0.0.1:1/?directConnection=true",
        ORDERGEN_MONGODB_TIMEOUT_SECONDS="0.3",
    )
    assert (answer.returncode, answer.stderr.splitlines()[1:]) == (
        1,
        ["ordergen_server: The database does not answer: try again."],
    )


def test_a_sibling_without_a_scheme(tmp_path: Path) -> None:
    answer = ran(
        "ordergen_server",
        ORDERGEN_DATA_FOLDER=str(tmp_path),
        ORDERGEN_PORT="0",
        ORDERGEN_HEALTH_PORT="0",
        ORDERGEN_PRICING_URL="ftp://pricing",
    )
    assert answer.returncode == 1
    assert "pricing: its base URL begins with none of http://, https://, grpc://, grpcs://" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = ran("ordergen_server", ORDERGEN_DATA_FOLDER=str(tmp_path / "file"))
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[1].startswith("ordergen_server: cannot use the folder")


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = ran(
            "ordergen_server",
            ORDERGEN_HOST="127.0.0.1",
            ORDERGEN_PORT=str(port),
            ORDERGEN_DATA_FOLDER=str(tmp_path),
        )
    assert answer.returncode == 1
    assert f"cannot listen on port {port} of 127.0.0.1" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_sandbox_says_where_its_parts_are_and_ends_with_its_input(tmp_path: Path) -> None:
    """For programs: one line of JSON; it ends when they do."""
    arguments = ["--portfolios", "2", "--positions", "3", "--port", "0", "--data-folder", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "ordergen_server.sandbox", *arguments, "--json", "--until-input-ends"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stack = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    assert len(stack["model"]["portfolio_ids"]) == 2
    assert len(stack["model"]["positions"]) == 3
    assert stack["target"].startswith("127.0.0.1:")
    assert set(stack["siblings"]) == {"accounting", "pricing", "security", "portfolio", "order"}
    assert stack["siblings_grpc"].startswith("grpc://127.0.0.1:")


def test_the_sandbox_says_what_is_wrong(tmp_path: Path) -> None:
    answer = ran("ordergen_server.sandbox", "--positions", "101", "--data-folder", str(tmp_path))
    assert answer.returncode == 1
    assert answer.stderr.startswith("sandbox: positions must be from 1 to 100")


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_a_sandbox_that_cannot_listen_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = ran("ordergen_server.sandbox", "--port", port, "--data-folder", str(tmp_path))
    assert (answer.returncode, answer.stdout) == (1, "")
    said = f"sandbox: cannot listen on port {port} of 127.0.0.1: it is in use, or no such address"
    assert answer.stderr.splitlines()[-1] == said


def test_a_sandbox_of_no_portfolios_is_refused(tmp_path: Path) -> None:
    answer = ran("ordergen_server.sandbox", "--portfolios", "0", "--data-folder", str(tmp_path))
    assert (answer.returncode, answer.stderr) == (1, "sandbox: portfolios must be at least 1, got 0\n")
