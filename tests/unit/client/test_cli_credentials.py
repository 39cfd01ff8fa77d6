"""How the commands are told whom to trust and who they are; and that nobody else sees it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import trustme
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2, rebalance_service_pb2_grpc
from google.type import date_pb2

from ordergen_client.cli import main

TOKEN = "header.payload.signature"  # noqa: S105 - of a test
VARIABLES = ("TARGET", "CA", "CERTIFICATE", "KEY", "TOKEN", "TOKEN_FILE")


class Listening(rebalance_service_pb2_grpc.RebalanceServiceServicer):
    """Notes what callers show."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def StartRebalance(  # noqa: N802 - the name in the contract
        self, request: rebalance_service_pb2.StartRebalanceRequest, context: grpc.ServicerContext
    ) -> rebalance_pb2.Rebalance:
        self.shown.append(dict(context.invocation_metadata()).get("authorization"))
        return rebalance_pb2.Rebalance(
            rebalance_id=request.model_id, rebalance_date=date_pb2.Date(year=2026, month=1, day=2)
        )


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server(authority: trustme.CA) -> Iterator[tuple[Listening, int, int]]:
    """A server, its port with TLS that asks for a client certificate, and its plain one."""
    listening = Listening()
    server = grpc.server(ThreadPoolExecutor(1))
    rebalance_service_pb2_grpc.add_RebalanceServiceServicer_to_server(listening, server)
    leaf = authority.issue_cert("localhost")
    pair = leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes()
    asking = grpc.ssl_server_credentials([pair], authority.cert_pem.bytes(), require_client_auth=True)
    secure, plain = server.add_secure_port("127.0.0.1:0", asking), server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield listening, secure, plain
    server.stop(0).wait()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """What each option is given."""
    own = authority.issue_cert("desk.test")
    found = {name: str(tmp_path / name) for name in ("ca", "certificate", "key", "token-file")}
    authority.cert_pem.write_to_path(found["ca"])
    own.cert_chain_pems[0].write_to_path(found["certificate"])
    own.private_key_pem.write_to_path(found["key"])
    Path(found["token-file"]).write_text(TOKEN)
    return found


def ran(*arguments: str, **variables: str) -> Result:
    unset = {f"ORDERGEN_{name}": None for name in VARIABLES}
    command = ["rebalance", "a" * 24, "--detach", *arguments]
    return CliRunner().invoke(main, command, env={**unset, **variables})


def test_options_lead_to_a_server_that_asks_for_everything(
    server: tuple[Listening, int, int], files: dict[str, str]
) -> None:
    listening, port, _ = server
    done = ran(f"--target=localhost:{port}", *(f"--{name}={path}" for name, path in files.items()))
    assert (done.exit_code, done.output) == (0, f"{'a' * 24}\n")
    assert listening.shown.pop() == f"Bearer {TOKEN}"


def test_variables_do_the_same(server: tuple[Listening, int, int], files: dict[str, str]) -> None:
    listening, port, _ = server
    variables = {f"ORDERGEN_{name.upper().replace('-', '_')}": path for name, path in files.items()}
    done = ran(**variables, ORDERGEN_TARGET=f"localhost:{port}")
    assert (done.exit_code, done.output) == (0, f"{'a' * 24}\n")
    assert listening.shown.pop() == f"Bearer {TOKEN}"


def test_a_token_may_be_in_a_variable(server: tuple[Listening, int, int]) -> None:
    listening, _, plain = server
    assert ran(f"--target=localhost:{plain}", ORDERGEN_TOKEN=TOKEN).exit_code == 0
    assert listening.shown.pop() == f"Bearer {TOKEN}"
    assert ran(f"--target=localhost:{plain}", ORDERGEN_TOKEN="").exit_code == 0
    assert listening.shown.pop() is None


def test_there_is_no_option_that_everybody_could_see() -> None:
    done = ran(f"--token={TOKEN}")
    assert done.exit_code == 2
    assert "No such option" in done.output


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (
            ["--target=ordergen:8088"],
            {"ORDERGEN_TOKEN": TOKEN},
            "to another machine with TLS alone",
        ),
        (["--tls"], {"ORDERGEN_TOKEN": f"{TOKEN} {TOKEN}"}, "a bearer token is missing"),
        (["--ca=no-such-file"], {}, "no-such-file"),
        (["--token-file=no-such-file"], {}, "no-such-file"),
    ],
)
def test_what_is_wrong_is_told_without_the_token(
    arguments: list[str], variables: dict[str, str], told: str
) -> None:
    done = ran(*arguments, **variables)
    assert done.exit_code in {1, 2}
    assert told in done.output
    assert TOKEN not in done.output


def test_a_certificate_without_its_key(files: dict[str, str]) -> None:
    done = ran(f"--certificate={files['certificate']}")
    assert done.exit_code == 2
    assert "certificate and key need each other" in done.output
