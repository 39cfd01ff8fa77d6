"""`ordergen doctor`: what is wrong is found where it is, with what to do, and an exit code."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from ordergen_client.cli import main
from ordergen_client.commands import doctor as module
from ordergen_client.records.diagnoses import Caller, Diagnosis
from ordergen_client.records.states import CredentialType
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.waiting import eventually


@pytest.fixture
def api(mongodb_uri: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, siblings) as running:
        yield running


def ran(api: Api, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", f"--target=127.0.0.1:{api.port}", *arguments])


def checks(result: Result) -> dict[str, str]:
    return {one["check"]: one["state"] for one in json.loads(result.stdout)["checks"]}


def test_all_is_well(api: Api) -> None:
    def is_well() -> bool:  # on a busy machine a look may be late
        return ran(api, "--json").exit_code == 0

    assert eventually(is_well)
    found = ran(api, "--json")
    names = ["Name", "Connection", "Protocol", "Version", "Clock", "Caller", "Database"]
    assert list(checks(found))[: len(names)] == names
    assert len(checks(found)) == len(names) + 4
    assert "All is well." in ran(api).stdout


def test_a_sibling_that_is_down_is_named_with_what_to_do(api: Api, siblings: SimulatedSiblings) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=503)])
    done = ran(api, "--json")
    assert done.exit_code == 1
    (wrong,) = [one for one in json.loads(done.stdout)["checks"] if one["state"] == "WRONG"]
    assert wrong["check"] == "Pricing"
    assert wrong["told"]
    assert wrong["advice"]


def test_a_clock_that_is_wrong_is_told() -> None:
    late = Diagnosis(
        "0.1.0", datetime.now(UTC) - timedelta(minutes=3), Caller("", CredentialType.NONE, ()), ()
    )
    told = module._clock(late, timedelta(0))  # noqa: SLF001 - a clock cannot be set for a test
    assert told["state"] == "WRONG"
    assert str(told["told"]).endswith("ahead of the server's")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_it_fits_its_terminal(api: Api, width: int) -> None:
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"}
    told = CliRunner().invoke(main, ["doctor", f"--target=127.0.0.1:{api.port}"], env=env).stdout
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in told.splitlines()]
    assert max(map(len, lines)) <= width
    assert "…" not in told
    assert any(line.startswith("Portfolio-accounting") for line in lines)
