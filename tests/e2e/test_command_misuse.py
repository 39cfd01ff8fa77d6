"""What people do wrong with the command: told in words, with the exit code of its kind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymongo
import pytest
from click.testing import CliRunner, Result

from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, message_of, served
from tests.limits import PATIENCE

#: Text of gRPC's own, which tells nobody anything.
_GRPC = ("UNAVAILABLE:", "failed to connect", "ipv4:", "ipv6:", "%5B", "StatusCode", "grpc_")
_OF_TLS = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class Desk:
    """A server with the models "Balanced 60" and "Balanced 40", and a folder of files."""

    api: Api
    folder: Path

    def ran(self, *arguments: str, reached: bool = True, **variables: str) -> Result:
        given = [one.replace("FOLDER", str(self.folder)) for one in arguments]
        target = [f"--target=127.0.0.1:{self.api.port}"] if reached else []
        config = {"XDG_CONFIG_HOME": str(self.folder / "config")}
        return CliRunner().invoke(main, [*given, *target], env={**config, **variables})


FILES = {
    "empty.csv": "",
    "no-head.csv": "A,0.05,0,0\n",
    "words.csv": "security,target\nA,much\n",
    "twice.csv": "security,target\nA,0.05\nA,0.05\n",
    "unknown.csv": "security,target\nNOSUCH,0.05\n",
    "column.csv": "security,target,colour\nA,0.05,red\n",
    "nan.csv": "security,target\nA,NaN\n",
    "bare.csv": "security,target\n,0.05\n",
    "list.yaml": "- a\n- b\n",
    "broken.yaml": "name: [\n",
    "field.yaml": "name: X\ncolour: red\n",
    "twice.yaml": "name: X\nname: Y\n",
    "version.yaml": "name: X\nversion: new\n",
    "positions.yaml": "name: X\npositions: many\n",
    "huge.csv": "security,target\nA,1e999\n",
    "only-head.csv": "security,target\n",
    "name.yaml": "name: [a]\n",
    "deep.yaml": "[" * 5000,
    "late.yaml": f"name: X\nversion: {'9' * 20}\n",
    "other.yaml": f"name: X\nmodel_id: {'f' * 24}\n",
    "nameless.yaml": "positions: []\n",
    "stale.yaml": "name: Stale\nversion: 99\n",
    "high.yaml": "name: High\npositions: [{security: ID, target: '0.96'}]\n",
    "binary.csv": "\xff",
    "config/ordergen/contexts.yaml": "current: gone\n",
    "ca.pem": _OF_TLS,
}


@pytest.fixture(scope="module")
def desk(
    mongodb_uri: str,
    clean_siblings: SimulatedSiblings,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Desk]:
    name = f"ordergen-test-misuse-{worker_id}"
    folder = tmp_path_factory.mktemp("misuse")
    for file, text in FILES.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.replace("ID", clean_siblings.model.positions[0].security_id).encode("latin-1"))
    (folder / "config/ordergen/contexts.yaml").unlink()
    with served(mongodb_uri, name, clean_siblings) as api:
        for place, model in enumerate(("Balanced 60", "Balanced 40")):
            made = message_of(clean_siblings.model, portfolios=0)
            made.name = model
            if not place:
                made.portfolio_ids.append(clean_siblings.model.portfolio_ids[0])
            api.create(made)
        yield Desk(api, folder)
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)


WITH_SERVER = [
    (("models", "show", "Nothing"), 1, "There is no model 'Nothing': ordergen models list shows all."),
    (("models", "show", "Balanced"), 1, "is not one model, but any of:"),
    (("models", "show", "f" * 24), 1, "f" * 24),
    (("models", "show", ""), 1, "There is no model ''"),
    (("models", "show"), 2, "Missing argument 'MODEL'"),
    (("models", "list", "--order-by=colour"), 1, "order_by"),
    (("models", "delete", "Balanced 40"), 2, "--yes does it without a question"),
    (("models", "delete", "Nothing", "--yes"), 1, "There is no model"),
    (("models", "create"), 2, "Missing option '-f' / '--file'"),
    (("models", "create", "-f", "no-such-file"), 2, "does not exist"),
    (("models", "create", "-f", "FOLDER"), 2, "is a directory"),
    (("models", "create", "-f", "FOLDER/empty.csv", "--name=X"), 2, "security,target,low_drift,high_drift"),
    (("models", "create", "-f", "FOLDER/no-head.csv", "--name=X"), 2, "the first line must be"),
    (("models", "create", "-f", "FOLDER/words.csv", "--name=X"), 2, "line 2: target must be a number"),
    (("models", "create", "-f", "FOLDER/nan.csv", "--name=X"), 2, "line 2: target must be a number"),
    (("models", "create", "-f", "FOLDER/bare.csv", "--name=X"), 2, "line 2: security is missing"),
    (("models", "create", "-f", "FOLDER/twice.csv", "--name=X"), 2, "A stands there twice"),
    (("models", "create", "-f", "FOLDER/column.csv", "--name=X"), 2, "colour is no field of a position"),
    (("models", "create", "-f", "FOLDER/unknown.csv", "--name=X"), 1, "There is no security 'NOSUCH'"),
    (("models", "create", "-f", "FOLDER/binary.csv", "--name=X"), 2, "it is not UTF-8"),
    (("models", "create", "-f", "FOLDER/list.yaml"), 2, "it must have name, positions and portfolios"),
    (("models", "create", "-f", "FOLDER/broken.yaml"), 2, "it is no YAML"),
    (("models", "create", "-f", "FOLDER/field.yaml"), 2, "colour: a model has no such field"),
    (("models", "create", "-f", "FOLDER/twice.yaml"), 2, "name stands there twice"),
    (("models", "create", "-f", "FOLDER/version.yaml"), 2, "version: must be a whole number"),
    (("models", "create", "-f", "FOLDER/positions.yaml"), 2, "positions: must be a list"),
    (("models", "create", "-f", "FOLDER/nameless.yaml"), 2, "The model needs a name"),
    (("models", "create", "-f", "FOLDER/high.yaml"), 1, "model.positions[0].target"),
    (("models", "update", "Balanced 40", "-f", "FOLDER/stale.yaml"), 1, "version"),
    (("models", "link", "Balanced 40"), 2, "Missing argument 'PORTFOLIOS...'"),
    (
        ("models", "link", "Balanced 40", "Nobody's portfolio"),
        1,
        'There is no portfolio "Nobody\'s portfolio"',
    ),
    (("models", "set-position", "Balanced 40", "NOSUCH", "--weight=5%"), 1, "There is no security 'NOSUCH'"),
    (("models", "set-position", "Balanced 40", "NOSUCH", "--weight=lots"), 2, "'lots' is no number"),
    (("models", "remove-position", "Balanced 40", "NOSUCH"), 1, "There is no security 'NOSUCH'"),
    (("portfolios", "show", "Z" * 24), 1, "Z" * 24),
    (("portfolios", "show", "Nobody"), 1, "There is no portfolio 'Nobody'"),
    (("portfolios", "drift", "Nothing"), 1, "There is no model"),
    (("rebalance",), 2, "one of the two"),
    (("runs", "approve", "Nothing"), 1, "There is no run 'Nothing', nor a model"),
    (("runs", "approve", "f" * 24), 1, "f" * 24),
    (("runs", "submit", "Balanced 60", "--yes"), 1, "has no run yet"),
    (("submissions", "show", "f" * 24), 1, "f" * 24),
    (("submissions", "watch", "Nothing"), 1, "There is no run 'Nothing', nor a model"),
    (("rebalance", "Balanced 60", "--portfolio=x"), 2, "one of the two"),
    (("rebalance", "Nothing"), 1, "There is no model"),
    (("rebalance", "Balanced 60", "--detach", "--dry-run"), 2, "--detach goes"),
    (("rebalance", "--portfolio=x", "--only=y"), 2, "go with a model"),
    (("rebalance", "Balanced 60", "--draft=FOLDER/words.csv"), 2, "--draft goes with --dry-run"),
    (("rebalance", "Balanced 60", "--dry-run", "--draft=FOLDER/words.csv"), 2, "line 2: target must be"),
    (("rebalance", "Balanced 60", "--dry-run", "--draft=FOLDER/nameless.yaml"), 2, "has no positions"),
    (("rebalance", "Balanced 60", "--dry-run", "--draft=FOLDER/unknown.csv"), 1, "no security 'NOSUCH'"),
    (("rebalance", "Balanced 60", "--only=Nobody"), 1, "There is no portfolio 'Nobody'"),
    (("rebalance", "Balanced 60", f"--only={'Z' * 24}"), 1, "portfolio_ids[0]: must follow model"),
    (("rebalance", "Balanced 60", "--only-from=FOLDER/empty.csv"), 2, "nothing is rebalanced"),
    (("rebalance", "Balanced 60", "--only-from=FOLDER/binary.csv"), 2, "neither CSV nor lines of UTF-8"),
    (("rebalance", "Balanced 60", "--only-from=no-such-file"), 2, "No such file"),
    (("rebalance", "Balanced 60", "--cash-flow=5"), 2, "--cash-flow must be PORTFOLIO=-10000, not '5'"),
    (("rebalance", "Balanced 60", "--cash-flow=Nobody=5"), 1, "There is no portfolio 'Nobody'"),
    (("rebalance", "Balanced 60", f"--cash-flow={'Z' * 24}=5"), 1, "must be a portfolio of the run"),
    (("rebalance", "Balanced 60", "--cash-flows-from=FOLDER/empty.csv"), 2, "has no columns portfolio_id"),
    (
        ("rebalance", "Balanced 60", "--cash-flows-from=FOLDER/binary.csv"),
        2,
        "neither CSV nor lines of UTF-8",
    ),
    (("rebalance", f"--portfolio={'Z' * 24}", "--cash-flow=x=5"), 2, "'x=5' is no amount"),
    (("rebalance", "Balanced 60", "--sides=NEITHER"), 2, "'NEITHER' is not one of"),
    (("rebalance", "Balanced 60", f"--lot={'A' * 24}=5", f"--buy-lot={'A' * 24}=5"), 2, "both have AAAA"),
    (("rebalance", "Balanced 60", "--strategy=BEST"), 2, "'BEST' is not one of"),
    (("rebalance", "Balanced 60", "--minimum-cash=much"), 2, "'much' is no number"),
    (("rebalance", "Balanced 60", "--minimum-cash=-1"), 1, "minimum_cash"),
    (("rebalance", "Balanced 60", "--minimum-cash=1", "--allow-overdraft"), 2, "exclude each other"),
    (("rebalance", "Balanced 60", "--restrict=HOLD"), 2, "--restrict must be SECURITY=HOLD"),
    (("rebalance", "Balanced 60", f"--restrict={'A' * 24}=NEVER"), 2, "'NEVER' is none of DO_NOT_BUY"),
    (("rebalance", "Balanced 60", f"--lot={'A' * 24}=half"), 2, "'half' is no whole number of shares"),
    (("rebalance", "Balanced 60", f"--lot={'A' * 24}=0"), 1, "lot_sizes"),
    (("rebalance", "Balanced 60", f"--security-limit={'A' * 24}"), 2, "must be SECURITY=MIN:MAX"),
    (("rebalance", "Balanced 60", f"--security-limit={'A' * 24}=5%"), 2, "'5%' is no MIN:MAX"),
    (("rebalance", "Balanced 60", f"--security-limit={'A' * 24}=2:1"), 1, "security_limits"),
    (("rebalance", "Balanced 60", "--group-limit=Energy=:5%"), 2, "must be NAME=MIN:MAX=SECURITY"),
    (("rebalance", "Balanced 60", f"--group-limit=Energy=:500%={'A' * 24}"), 1, "group_limits"),
    (("rebalance", "Balanced 60", "--request-id=mine"), 1, "request_id"),
    (("runs", "show", "latest"), 1, "There is no run yet"),
    (("runs", "show", "abcd"), 1, "There is no run 'abcd', nor a model"),
    (("runs", "show", "f" * 24), 1, "f" * 24),
    (("runs", "show", "f" * 24, "x", "--state=FAILED"), 2, "goes without a portfolio"),
    (("runs", "show", "f" * 24, "--state=LOST"), 2, "'LOST' is not one of"),
    (("runs", "cancel", "f" * 24), 1, "f" * 24),
    (("runs", "delete", "f" * 24, "--yes"), 1, "f" * 24),
    (("runs", "orders", "Balanced 60"), 1, "has no run yet"),
    (("runs", "list", "--limit=0"), 2, "x>=1"),
    (("runs", "export", "f" * 24, "-o", "FOLDER/no/such/folder/run.jsonl"), 1, "f" * 24),
    (("report",), 2, "one of the two"),
    (("verify", "no/such/file.jsonl"), 2, "There is no file no/such/file.jsonl"),
    (("verify", "FOLDER/list.yaml"), 1, "no export"),
    (("models", "list", "--output=xml"), 2, "'xml' is not one of"),
    (("models", "list", "--context=gone"), 2, "there is no context gone"),
    (("models", "set-position", "Balanced 40", "NOSUCH", "--weight=1e999"), 2, "'1e999' is no number"),
    (("models", "create", "-f", "FOLDER/huge.csv", "--name=X"), 2, "line 2: target must be a number"),
    (("models", "create", "-f", "FOLDER/only-head.csv", "--name=X"), 2, "it has no position"),
    (("models", "create", "-f", "FOLDER/name.yaml"), 2, "name: must be a text"),
    (("models", "create", "-f", "FOLDER/deep.yaml"), 2, "it is nested too deeply"),
    (("models", "create", "-f", "FOLDER/late.yaml"), 2, "version: must be a whole number"),
    (
        ("models", "update", "Balanced 40", "-f", "FOLDER/other.yaml"),
        2,
        "is of model ffffffffffffffffffffffff",
    ),
    (("models", "diff", "Balanced 40", "-f", "FOLDER/other.yaml"), 2, "is of model ffff"),
    (("rebalance", "Balanced 60", "--solver-timeout=1e30"), 2, "is no number of seconds"),
    (("rebalance", "Balanced 60", f"--maximum-trades={'9' * 29}"), 2, "0<=x<="),
    (("rebalance", "Balanced 60", f"--lot={'A' * 24}={'9' * 20}"), 2, "is no whole number of shares"),
    (("models", "list", "--timeout=1e30"), 2, "is no number of seconds"),
    (("models", "list", "--timeout=nan"), 2, "is no number of seconds"),
    (("report", "f" * 24, "-o", "-"), 2, "--output must be a file"),
    (("runs", "export", "f" * 24, "-o", "-"), 2, "--output must be a file"),
    (("models", "list", "--timeout=0"), 2, "above 0, at most 86400"),
    (("models", "list", "--token-file=no-such-file"), 2, "no-such-file"),
]
WITHOUT_SERVER = [
    (("model", "list"), 2, "Did you mean 'models'?"),
    (("models", "lst"), 2, "No such command 'lst'"),
    (("models", "list", "--target="), 2, "target must be host:port"),
    (("models", "list", "--target=localhost"), 2, "target must be host:port"),
    (("models", "list", "--target=http://localhost:8088"), 2, "target must be host:port"),
    (("models", "list", "--target=localhost:port"), 2, "target must be host:port"),
    (("models", "list", "--target=localhost:99999"), 2, "target must be host:port"),
    (
        ("models", "list", "--target=unix:/no/such/socket", "--timeout=1"),
        4,
        "reached: is it there?",
    ),
    (("context", "add", "here", "--target=localhost:1", "--timeout=nan"), 2, "is no number of seconds"),
    (("models", "list", "--target=no-such-host.invalid:1"), 4, "is no name that this machine knows"),
    (("doctor", "--target=no-such-host.invalid:1"), 4, "is no name that this machine knows"),
    (("context", "use", "nowhere"), 2, "there is no context nowhere"),
    (("context", "add", "here", "--target=localhost"), 2, "target must be host:port"),
    (("context", "remove", "nowhere"), 2, "there is no context nowhere"),
    (("completion", "tcsh"), 2, "'tcsh' is not one of"),
    (("serve", "--positions=101"), 2, "1<=x<=100"),
    (("demo", "--portfolios=0"), 2, "x>=1"),
    (("import-legacy", "--colour"), 2, "No such option"),
]


def check(result: Result, code: int, told: str) -> None:
    said = result.output
    assert (result.exit_code, told in said) == (code, True), said
    assert "Traceback" not in said
    assert not [one for one in _GRPC if one in said], said


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    WITH_SERVER,
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_misuse(desk: Desk, arguments: tuple[str, ...], code: int, told: str) -> None:
    check(desk.ran(*arguments), code, told)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    WITHOUT_SERVER,
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_misuse_without_a_server(desk: Desk, arguments: tuple[str, ...], code: int, told: str) -> None:
    check(desk.ran(*arguments, reached=False), code, told)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_a_port_where_nothing_listens(desk: Desk) -> None:
    done = desk.ran("models", "list", f"--target=127.0.0.1:{free_port()}", "--timeout=2", reached=False)
    check(done, 4, "refuses connections")
    assert "ordergen serve" in done.output


def test_a_port_where_something_else_listens(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"--target=127.0.0.1:{silent.getsockname()[1]}"
        check(desk.ran("models", "list", target, "--timeout=1", reached=False), 4, "says nothing")


def test_tls_to_a_server_of_plain_text(desk: Desk) -> None:
    check(desk.ran("models", "list", "--tls", "--timeout=2"), 4, "Leave --tls and its files out.")


def test_a_file_of_contexts_that_is_none(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "ordergen").mkdir()
    path = tmp_path / "ordergen" / "contexts.yaml"
    for text, told in (
        ("a: [", "no file of contexts"),
        ("- a\n", "no file of contexts"),
        ("contexts: {desk: {colour: red}}\n", "has no option colour"),
        ("current: gone\n", "there is no context gone"),
    ):
        path.write_text(text)
        check(desk.ran("models", "list", reached=False, XDG_CONFIG_HOME=str(tmp_path)), 2, told)


def ordergen(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ordergen_client.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, **options)  # type: ignore[call-overload, no-any-return] # options of run


def test_an_output_that_takes_nothing() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "ordergen_client.cli", "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "Error: the output cannot be written: No space left on device\n",
    )


def test_a_reader_that_has_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "ordergen_client.cli", "--help"],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_an_interrupt_while_it_begins() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ordergen_client.cli", "serve", "--port=0", "--rest-port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("Starting")
        os.kill(process.pid, signal.SIGINT)
        out, told = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "")
    assert told.splitlines()[-2:] == ["Stopping ...", "Stopped."]


def test_a_variable_that_is_nearly_ours(desk: Desk) -> None:
    done = desk.ran("models", "list", ORDERGEN_TAGRET="elsewhere:1")
    assert "ORDERGEN_TAGRET is no variable of ordergen: is ORDERGEN_TARGET meant?" in done.stderr
    assert done.exit_code == 0
