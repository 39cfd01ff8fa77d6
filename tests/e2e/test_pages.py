"""The tutorial and the how-tos: their commands run as printed, against a stack as `serve` makes it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ordergen_client import Client, Tls
from tests.e2e.pages import DOCS, ROOT, Block, blocks, run
from tests.limits import PATIENCE

#: What `ordergen serve` leaves to play with.
DEMO = "Demo 60"
#: Portfolios that follow no model at first.
FREE = 2
#: Blocks of the tutorial that come before there is a stack.
BEFORE = ["make setup\n. .venv/bin/activate\n", "ordergen serve\n"]
SECURE, CONTRACT = "howto/tls-and-tokens", "howto/from-another-language"
#: What it sends is open for whoever comes after it.
ORDERS = "howto/approve-and-send"
#: How-tos that need no more than the stack.
PLAIN = sorted({f"howto/{path.stem}" for path in (DOCS / "howto").glob("*.md")} - {SECURE, CONTRACT, ORDERS})
#: What a program writes that stands in for a generator of Go: a file for each that it is asked for.
GENERATOR = """#!{python}
import sys
from google.protobuf.compiler import plugin_pb2
asked = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
made = plugin_pb2.CodeGeneratorResponse(supported_features=1)
for name in asked.file_to_generate:
    made.file.add(name=name.replace(".proto", "{ending}"), content="// " + asked.parameter)
sys.stdout.buffer.write(made.SerializeToString())
"""


@dataclass(frozen=True, slots=True)
class Served:
    """What `ordergen serve` says of itself."""

    target: str
    credentials: Path | None
    portfolio_ids: tuple[str, ...]

    def client(self) -> Client:
        """One that may do everything."""
        if (folder := self.credentials) is None:
            return Client(self.target)
        return Client(self.target, tls=Tls(ca=folder / "ca.pem"), token=folder / "administrator.token")


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    """The command that the tutorial has, on ports that are free."""
    command = [sys.executable, "-m", "ordergen_client.cli", "serve", "--port=0", "--rest-port=0", "--json"]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            credentials = told["credentials"] and Path(told["credentials"]["ca"]).parent
            yield Served(told["target"], credentials, tuple(told["model"]["portfolio_ids"]))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


@pytest.fixture(scope="module")
def stack() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
def demo(stack: Served) -> Served:
    """The stack as it was when it began, whatever other pages have done."""
    with stack.client() as client:
        models = {model.name: model for model in client.models.list()}
        demo = models.pop(DEMO)
        for model in models.values():
            client.models.delete(model.model_id, model.version)
        client.models.add_portfolios(demo.model_id, stack.portfolio_ids[FREE:])
    return stack


def at(target: str) -> dict[str, str]:
    return {"ORDERGEN_TARGET": target}


def blocks_of(page: str, target: str) -> list[Block]:
    """The blocks of a page, with the address of a stack in place of the usual one."""
    return [replace(one, commands=one.commands.replace("localhost:8088", target)) for one in blocks(page)]


def test_the_tutorial(demo: Served, tmp_path: Path) -> None:
    all_of_it = blocks("tutorial")
    assert [one.commands for one in all_of_it[: len(BEFORE)]] == BEFORE
    assert re.search(r"(?m)^setup:", (ROOT / "Makefile").read_text())
    run(all_of_it[len(BEFORE) :], tmp_path, at(demo.target))
    assert "<!doctype html>" in (tmp_path / "report.html").read_text()[:100].lower()


@pytest.mark.parametrize("page", PLAIN)
def test_a_how_to(demo: Served, tmp_path: Path, page: str) -> None:
    """Where a page has an address it is the one that `serve` takes; the stack of the test has another."""
    given = blocks_of(page, demo.target)
    assert given
    run(given, tmp_path, at(demo.target))


def test_how_to_connect_with_tls_and_tokens(tmp_path: Path) -> None:
    with served("--secure") as secure:
        run(blocks_of(SECURE, secure.target), tmp_path, {**at(secure.target), "C": str(secure.credentials)})


def test_how_to_approve_and_send(tmp_path: Path) -> None:
    with served() as stack:
        run(blocks(ORDERS), tmp_path, at(stack.target))
    assert "Ann Meyer" in (tmp_path / "sent.html").read_text()


def test_how_to_call_it_from_another_language(tmp_path: Path) -> None:
    """With programs that stand in for the generators of Go, which are not ours to install."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, ending in (("protoc-gen-go", ".pb.go"), ("protoc-gen-go-grpc", "_grpc.pb.go")):
        (programs / name).write_text(GENERATOR.format(python=sys.executable, ending=ending))
        (programs / name).chmod(0o755)
    path = f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin"
    # The page is read in the clone, where `python -m tools...` finds ours.
    run(blocks(CONTRACT), tmp_path, {"PATH": path, "PYTHONPATH": str(ROOT)})
    made = {one.name for one in (tmp_path / "gen" / "globeco" / "ordergen" / "v1").iterdir()}
    assert {"model.pb.go", "model_service.pb.go", "rebalance_service_grpc.pb.go"} <= made
    assert {one.name for one in (tmp_path / "gen").iterdir()} == {"globeco"}


def test_every_page_with_commands_is_run() -> None:
    """No block of a shell is in a page of these two kinds that this module does not know."""
    paths = {str(path.relative_to(DOCS).with_suffix("")) for path in (DOCS / "howto").glob("*.md")}
    assert paths == {*PLAIN, SECURE, CONTRACT, ORDERS}
    for page in (*paths, "tutorial"):
        text = (DOCS / f"{page}.md").read_text()
        assert set(re.findall(r"(?m)^```(\S+)$", text)) <= {"sh", "text"}, page
        assert len(blocks(page)) == text.count("```sh\n")
