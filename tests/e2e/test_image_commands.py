"""Every command of the image, from a folder that has its files, as its user, with nothing to write to."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.health import PARTS, REST, SERVER
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, connected, message_of
from tests.e2e.rooms import ISOLATED, Room, room
from tests.limits import DATABASE_SECONDS, PATIENCE
from tests.ports import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    import subprocess

#: What it can do that no one should in a container. Prints the user, and what could be written to.
WRITE = """
import os, pathlib
def writable(folder):
    try:
        (pathlib.Path(folder) / "written").touch()
    except OSError:
        return False
    return True
folders = ("/", "/tmp", "/var/tmp", ".", "ordergen_server")
print(os.getuid(), os.getgid(), [one for one in folders if writable(one)])
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Room]:
    with room() as made:
        before = made.files()
        yield made
        assert made.files() == before


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Told to end after the block, it ends with 0; what it logged is shown where it does not."""
    yield
    process.terminate()
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log


@pytest.fixture(scope="module")
def settings(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Mapping[str, str]]:
    """Variables of a server with a database of its own, and with a process that works on runs."""
    with temporary_database(mongodb_uri) as name:
        yield {
            "ORDERGEN_INSECURE": "true",
            "ORDERGEN_PORT": "0",
            "ORDERGEN_HEALTH_PORT": "0",
            "ORDERGEN_METRICS_PORT": "0",
            "ORDERGEN_MONGODB_URI": mongodb_uri,
            "ORDERGEN_MONGODB_DATABASE": name,
            "ORDERGEN_MONGODB_TIMEOUT_SECONDS": str(DATABASE_SECONDS),
            "ORDERGEN_PORTFOLIO_ACCOUNTING_URL": clean_siblings.accounting_url,
            "ORDERGEN_PRICING_URL": clean_siblings.pricing_url,
            "ORDERGEN_SECURITY_URL": clean_siblings.security_url,
            "ORDERGEN_PORTFOLIO_URL": clean_siblings.portfolio_url,
            "ORDERGEN_COMPUTE_PROCESSES": "1",
            "ORDERGEN_MAXIMUM_CALL_SECONDS": str(PATIENCE),
            "ORDERGEN_MESSAGE_SECONDS": str(PATIENCE),
        }


@pytest.fixture(scope="module")
def api(image: Room, settings: Mapping[str, str]) -> Iterator[Api]:
    """The server, which ends as it should at the end of the module."""
    with image.running(settings, "-m", "ordergen_server", "--json") as process:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline() or "null")
        assert ports, process.communicate(timeout=PATIENCE)[1]
        with ended(process), connected(**ports) as connection:
            yield connection


@pytest.mark.skipif(not ISOLATED, reason="only root can become another user, and mount")
def test_it_is_as_in_a_container(image: Room) -> None:
    answer = image.run({}, "-c", WRITE)
    assert (answer.stderr, answer.stdout) == ("", "10001 10001 []\n")


@pytest.mark.parametrize("module", [*PARTS, "ordergen_server.health"])
def test_every_command_has_help(image: Room, module: str) -> None:
    answer = image.run({}, "-m", module, "--help")
    assert (answer.stderr, answer.returncode) == ("", 0)
    assert answer.stdout.startswith("usage: ")


def test_the_server_serves_and_works_on_runs(api: Api, clean_siblings: SimulatedSiblings) -> None:
    """Its compute process included, which is started by it and needs all that it needs."""
    model = api.create(message_of(clean_siblings.model, portfolios=3))
    *_, last = api.rebalance_all(model.model_id)
    assert last.finished.state == rebalance_pb2.REBALANCE_STATE_COMPLETED


def test_its_health_is_asked_for(image: Room, api: Api) -> None:
    told = {"ORDERGEN_INSECURE": "true", "ORDERGEN_HEALTH_PORT": str(api.health_port)}
    for words in ((SERVER,), (SERVER, "--alive")):
        answer = image.run(told, "-m", "ordergen_server.health", *words)
        assert (answer.stderr, answer.returncode) == ("", 0)


def test_without_a_database_it_says_so(image: Room) -> None:
    """The image has no embedded one, and nowhere to keep its files."""
    answer = image.run({"ORDERGEN_INSECURE": "true"}, "-m", "ordergen_server")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "ordergen_server: " in answer.stderr.splitlines()[-1]


def test_a_worker_finds_the_scheduler(image: Room, settings: Mapping[str, str]) -> None:
    """Both keep something in /tmp, and get one that is empty, as the pods do."""
    port = free_port()
    options = ("--host=127.0.0.1", f"--port={port}", "--no-dashboard", "--dashboard-address=:0")
    told = {**settings, "ORDERGEN_DASK_SCHEDULER": f"tcp://127.0.0.1:{port}"}
    with (
        image.running({}, "-m", "distributed.cli.dask_scheduler", *options, scratch=True),
        image.running(told, "-m", "ordergen_server.worker", "--host=127.0.0.1", scratch=True) as worker,
        ended(worker),
    ):
        assert worker.stderr is not None
        assert "working for" in next(line for line in worker.stderr if "working for" in line)


def test_the_rest_front_serves(image: Room, api: Api) -> None:
    port = str(free_port())
    told = {
        "ORDERGEN_REST_INSECURE": "true",
        "ORDERGEN_REST_PORT": port,
        "ORDERGEN_REST_TARGET": f"localhost:{api.port}",
    }

    def is_ready() -> bool:
        assert process.poll() is None, process.communicate()[1]
        asked = image.run(told, "-m", "ordergen_server.health", REST)
        return asked.returncode == 0

    with image.running(told, "-m", "ordergen_server.rest") as process, ended(process):
        assert eventually(is_ready)
