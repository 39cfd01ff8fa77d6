"""Servers on one database, of which any process can be killed, and what must hold of a run nevertheless."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pymongo
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from google.type import decimal_pb2

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, message_of
from tests.e2e.processes import ServerProcess, server_process
from tests.e2e.runs import check_answers, check_stored, check_told, start, watched
from tests.limits import LONG, PATIENCE, sized
from tests.waiting import eventually

pb = rebalance_pb2
PORTFOLIOS = sized(160, 500)
#: So many portfolios are done when something is killed; the others are slow until then.
KILLED_AT = (40, 100, 160, 220) if LONG else (20, 40)
#: What is held back takes so long, four at a time: longer by far than killing and taking over, all in all.
SLOW_SECONDS = 2.5
DATABASE = "killed"
SETTINGS = {
    "ORDERGEN_MONGODB_DATABASE": DATABASE,
    "ORDERGEN_LEASE_SECONDS": "2.5",
    "ORDERGEN_PORTFOLIO_WORKERS": "4",
    "ORDERGEN_DRAIN_SECONDS": "0.3",
    "ORDERGEN_LOG_LEVEL": "ERROR",
}


@dataclass
class World:
    """Two servers on one database, each of which can be killed and replaced."""

    embedded: EmbeddedDatabase
    client: pymongo.MongoClient[dict[str, Any]]
    siblings: SimulatedSiblings
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    servers: list[ServerProcess] = field(default_factory=list)
    stacks: list[ExitStack] = field(default_factory=list)

    def open(self) -> None:
        """Add a server."""
        stack = ExitStack()
        variables = {**SETTINGS, **self.settings, "ORDERGEN_MONGODB_URI": self.embedded.uri}
        self.servers.append(stack.enter_context(server_process(self.folder, self.siblings, **variables)))
        self.stacks.append(stack)

    def close(self) -> None:
        """End every server."""
        for stack in self.stacks:
            stack.close()

    def replace(self, place: int) -> None:
        """Kill a server and start another in its place."""
        self.servers[place].process.kill()
        self.stacks[place].close()
        self.open()
        self.servers[place], self.stacks[place] = self.servers.pop(), self.stacks.pop()

    def done(self, rebalance_id: str) -> int:
        """How many results a run has."""
        return self.client[DATABASE].portfolio_rebalances.count_documents({"rebalance_id": rebalance_id})

    def holder(self) -> str:
        """The token of the lease of the one run; nothing where it has ended."""
        found = self.client[DATABASE].rebalances.find_one({"state": "RUNNING"})
        return str(found["lease"]["token"]) if found else ""

    def wait_for_another_holder(self, killed: str) -> str:
        """The token of who takes the run over from one that was killed."""
        found: list[str] = []

        def taken_over() -> bool:
            found[:] = [self.holder()]
            return found[0] not in {"", killed}

        eventually(taken_over)
        return found[0]

    def hold_back(self, portfolio_ids: list[str]) -> None:
        """Make these so slow that the run does not end before it is to."""
        slow = [Fault(kind="delay", delay_seconds=SLOW_SECONDS, match=one) for one in portfolio_ids]
        self.siblings.set_faults("accounting", slow)

    def wait_until_done(self, rebalance_id: str, portfolio_ids: list[str], count: int) -> None:
        """Let so many portfolios be done, and hold the others back."""
        self.hold_back(portfolio_ids[count:])
        eventually(lambda: self.done(rebalance_id) >= count)

    def begin(
        self, leave_out: int = 0, cash_flows: Callable[[list[str]], Mapping[str, str]] = lambda _: {}
    ) -> tuple[str, list[str]]:
        """A run of a model that everyone follows, with nobody done soon; its id and its portfolios.

        Where some are left out it is over the others, in the order from the last to the first. Money comes to
        its portfolios, or goes, as is said of them.
        """
        model_id, portfolio_ids = self.create()
        chosen = portfolio_ids[: leave_out - 1 : -1] if leave_out else []
        flows = [
            rebalance_service_pb2.CashFlow(portfolio_id=one, amount=decimal_pb2.Decimal(value=amount))
            for one, amount in cash_flows(chosen or portfolio_ids).items()
        ]
        run = start(self.servers[0].api, model_id, portfolio_ids=chosen, cash_flows=flows)
        assert run.partial == bool(leave_out)
        return run.rebalance_id, chosen or portfolio_ids

    def kill_database(self) -> None:
        """Kill the database, and wait until it was started again."""
        pid = self.embedded.pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: self.embedded.pid not in (None, pid))

    def create(self) -> tuple[str, list[str]]:
        """A model that everyone follows, with nobody done soon."""
        model = self.servers[0].api.create(message_of(self.siblings.model))
        portfolio_ids = list(model.portfolio_ids)
        self.hold_back(portfolio_ids)
        return model.model_id, portfolio_ids


@contextmanager
def world_of(siblings: SimulatedSiblings, folder: Path, servers: int, **settings: str) -> Iterator[World]:
    with ExitStack() as everything:
        embedded = everything.enter_context(EmbeddedDatabase(folder / "database", start_seconds=PATIENCE))
        client = pymongo.MongoClient[dict[str, Any]](embedded.uri, timeoutMS=round(1000 * PATIENCE))
        world = World(embedded, everything.enter_context(client), siblings, folder, settings)
        everything.callback(siblings.clear)
        everything.callback(world.close)
        for _ in range(servers):
            world.open()
        yield world


def check(
    world: World,
    api: Api,
    rebalance_id: str,
    portfolio_ids: list[str],
    cash_flows: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """The run ends of itself, with every portfolio once and every number right."""
    world.siblings.clear()
    told = watched(api, rebalance_id)
    ended = check_told(told, portfolio_ids)
    assert ended.state in (pb.REBALANCE_STATE_COMPLETED, pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS)
    assert ended.skipped_count == 0
    assert ended.rebalanced_count > len(portfolio_ids) / 2
    check_stored(world.embedded.uri, DATABASE, ended)
    check_answers(world.siblings, [one.portfolio for one in told[1:-1]], cash_flows=cash_flows)
    assert len({one.portfolio.snapshot_time.ToNanoseconds() for one in told[1:-1]}) == 1
