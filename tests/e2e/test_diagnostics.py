"""What a server says of itself over its port: to whom, and whatever is wrong with what it depends on."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ordergen_client import (
    Caller,
    Client,
    CredentialType,
    DeadlineExceeded,
    Dependency,
    DependencyState,
    Diagnosis,
    PermissionDenied,
    Unauthenticated,
)
from ordergen_server import __version__
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.doors import door, knock, published, refused, token_settings
from tests.e2e.api import Api, served
from tests.e2e.processes import server_process
from tests.e2e.test_client import awaited
from tests.issuers import Issuer
from tests.limits import PATIENCE
from tests.waiting import eventually

NAMES = ["database", "portfolio-accounting", "pricing", "security", "portfolio"]
AVAILABLE, UNAVAILABLE = DependencyState.AVAILABLE, DependencyState.UNAVAILABLE


@pytest.fixture(scope="module")
def running(mongodb_uri: str, faulty_siblings: SimulatedSiblings) -> Iterator[Api]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, faulty_siblings) as api:
        yield api


@pytest.fixture(scope="module")
def client(running: Api) -> Iterator[Client]:
    with Client(f"127.0.0.1:{running.port}", timeout_seconds=PATIENCE) as client:
        yield client


def states(client: Client) -> dict[str, DependencyState]:
    return {one.name: one.state for one in client.server.diagnose().dependencies}


def are_well(client: Client) -> Diagnosis | None:
    """Whether everything is; a busy machine may take longer than a server waits."""
    found = client.server.diagnose()
    return found if {one.state for one in found.dependencies} == {AVAILABLE} else None


def test_a_server_that_is_well_says_so(client: Client, siblings: SimulatedSiblings) -> None:
    del siblings  # they have no faults
    before = datetime.now(UTC) - timedelta(milliseconds=1)  # the server's times are in milliseconds
    found = eventually(lambda: are_well(client))
    assert (found.server_version, found.caller) == (__version__, Caller("", CredentialType.NONE, ()))
    assert before <= found.server_time <= datetime.now(UTC)
    assert [one.name for one in found.dependencies] == NAMES
    assert {(one.problem, one.advice) for one in found.dependencies} == {("", "")}
    assert all(0 < one.seconds < PATIENCE for one in found.dependencies)


def test_what_is_down_and_what_hangs_is_told_beside_what_is_well(
    running: Api, client: Client, siblings: SimulatedSiblings
) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=503)])
    siblings.set_faults("security", [Fault(kind="hang")])
    expected = {**dict.fromkeys(NAMES, AVAILABLE), "pricing": UNAVAILABLE, "security": UNAVAILABLE}
    eventually(lambda: states(client) == expected)
    blocking = client.server.diagnose()
    told = awaited(f"127.0.0.1:{running.port}", lambda other: other.server.diagnose())
    for found in (blocking, told):
        pricing, security = found.dependencies[2:4]
        assert pricing.problem == "The pricing service answered GET /api/v1/prices with status 503."
        assert security.problem.startswith("The security service did not answer GET /api/v2/securities")
        assert (pricing.advice != "", security.advice != "") == (True, True)
        assert security.seconds > pricing.seconds
    siblings.clear()
    eventually(lambda: are_well(client))


def test_a_sibling_that_is_slow_is_told_with_how_long_it_took(
    client: Client, siblings: SimulatedSiblings
) -> None:
    siblings.set_faults("portfolio", [Fault(kind="delay", delay_seconds=0.5)])

    def slow() -> Dependency | None:
        portfolio = client.server.diagnose().dependencies[4]
        return portfolio if portfolio.seconds >= 0.5 else None

    assert eventually(slow).name == "portfolio"


def test_a_call_with_little_time_is_answered_in_it(running: Api, siblings: SimulatedSiblings) -> None:
    siblings.set_faults("pricing", [Fault(kind="hang")])
    with Client(f"127.0.0.1:{running.port}", timeout_seconds=1.5) as hurried:

        def has_told() -> bool:
            with suppress(DeadlineExceeded):  # of a machine on which even that is too late
                return states(hurried)["pricing"] is UNAVAILABLE
            return False

        assert eventually(has_told)


def test_many_who_ask_ask_siblings_once_a_second(client: Client, siblings: SimulatedSiblings) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(16) as callers:
        found = list(callers.map(lambda _: client.server.diagnose(), range(200)))
    seconds = time.monotonic() - began
    assert len(found) == 200
    for name in ("accounting", "pricing", "security", "portfolio"):
        assert sum(siblings.calls(name).values()) <= seconds + 1


def test_a_server_without_its_database_says_so(tmp_path: Path, siblings: SimulatedSiblings) -> None:
    with (
        server_process(tmp_path, siblings) as server,
        Client(f"127.0.0.1:{server.api.port}", timeout_seconds=PATIENCE) as client,
    ):
        eventually(lambda: are_well(client))
        with server.without_database():
            eventually(lambda: states(client) == {**dict.fromkeys(NAMES, AVAILABLE), "database": UNAVAILABLE})
            database = client.server.diagnose().dependencies[0]
            assert database.problem == "The database does not answer."
            assert "ORDERGEN_MONGODB_URI" in database.advice
        eventually(lambda: are_well(client))
        assert server.stop() == 0


def test_whoever_is_known_learns_who_they_are(
    mongodb_uri: str, database_name: str, tmp_path: Path, faulty_siblings: SimulatedSiblings
) -> None:
    del faulty_siblings  # nobody has to answer
    issuer = Issuer({"first": "EdDSA"})
    settings = token_settings(published(issuer, tmp_path))
    with door(mongodb_uri, database_name, **settings) as opened:
        for scope, expected in (("", ()), ("ordergen:read other:scope", ("ordergen:read",))):
            with opened.client(token=issuer.token(subject="ann", scope=scope)) as ann:
                assert ann.server.diagnose().caller == Caller("ann", CredentialType.TOKEN, expected)
        with opened.client(token=issuer.token(scope="")) as bare:
            assert isinstance(refused(lambda: knock(bare)), PermissionDenied)
        with opened.client() as stranger:
            assert isinstance(refused(stranger.server.diagnose), Unauthenticated)
