"""Submissions on a real database and an order service behind HTTP, with faults at every step of both."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.orders.submissions import Changes, OrderSubmission, SubmissionState
from ordergen_server.domain.stores import Lease
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.order_store.submissions import Submissions
from ordergen_server.repositories.run_store.ended_runs import EndedRuns
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.services.ordering.delivery import Pace
from ordergen_server.siblings import SiblingConfig, SiblingsConfig, open_sources
from tests.limits import PATIENCE, sized
from tests.order_service_model import Crash
from tests.order_world import NO_DATABASE, Kept, World, portfolios

SETTLE, LATE, SEND_SECONDS = 1.2, 0.3, 0.6
PACE = Pace(settle=SETTLE, retry=0.05, most=0.2)

#: What may become of a call; a hanging one ends with the patience of whoever sends.
SEND_FAULTS = (
    Fault(kind="lose", endpoint="orders", times=1),
    Fault(kind="reset", endpoint="orders", times=1),
    Fault(kind="overload", endpoint="orders", times=1),
    Fault(kind="status", endpoint="orders", times=1),
    Fault(kind="truncate", endpoint="orders", times=1),
    Fault(kind="garbage", endpoint="orders", times=1),
    Fault(kind="hang", endpoint="orders", times=1),
    Fault(kind="delay", endpoint="orders", delay_seconds=SEND_SECONDS + LATE, times=1),
    Fault(kind="unplaced", endpoint="orders", positions=(0, 2, 5), commit_seconds=LATE, times=2),
    Fault(kind="unplaced", endpoint="orders", positions=(1,), times=1),
    Fault(kind="refuse", endpoint="orders", positions=(3,), times=1),
    Fault(kind="reorder", endpoint="orders"),
)
READ_FAULTS = (
    Fault(kind="status", endpoint="order_list", times=2),
    Fault(kind="garbage", endpoint="order_list", times=1),
)


class WallClock:
    """The time, of which as much passes as is asked for."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        return time.monotonic()

    def move(self, seconds: float) -> None:
        time.sleep(min(seconds, SETTLE))


class HookedSubmissions(Submissions):
    """Submissions whose writes may be made to fail, before they are done or afterwards."""

    before: Callable[[Changes], None] = staticmethod(lambda _: None)
    after: Callable[[Changes], None] = staticmethod(lambda _: None)

    def write(self, submission_id: str, lease: Lease, changes: Changes) -> OrderSubmission:
        self.before(changes)
        stored = super().write(submission_id, lease, changes)
        self.after(changes)
        return stored


@dataclass(frozen=True)
class Failure:
    """The write of a number fails, before it is done or afterwards."""

    number: int
    error: BaseException
    stored: bool


FAILURES = st.lists(
    st.builds(Failure, st.integers(0, 6), st.sampled_from([Crash(), NO_DATABASE]), st.booleans()), max_size=1
)


@settings(
    max_examples=sized(4, 60),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    faults=st.lists(st.sampled_from(SEND_FAULTS), max_size=3, unique_by=lambda one: one.kind),
    reads=st.lists(st.sampled_from(READ_FAULTS), max_size=1),
    failures=FAILURES,
)
def test_nothing_is_sent_twice_and_nothing_is_lost(
    database: Database,
    siblings: SimulatedSiblings,
    faults: Sequence[Fault],
    reads: Sequence[Fault],
    failures: Sequence[Failure],
) -> None:
    migrate(database)
    siblings.clear()
    order = SiblingConfig(
        siblings.order_url, timeout_seconds=1.0, backoff_seconds=0.02, breaker_failing_seconds=PATIENCE
    )
    with open_sources(SiblingsConfig(order=order, order_send_seconds=SEND_SECONDS)) as sources:
        assert sources.orders
        world = on_database(database)
        world.service = sources.orders  # type: ignore[assignment] # the real one in place of its model
        world.submit()
        siblings.set_faults("order", [*faults, *reads])
        for one in failures:
            world.fail_write(one.number, one.error, stored=one.stored)
        world.step()
        ended = world.run()
        assert ended.state in (SubmissionState.COMPLETED, SubmissionState.COMPLETED_WITH_ERRORS)
        states = {one.state for one in world.orders}
        assert states <= {OrderState.SENT, OrderState.REFUSED}
        sent = [one for one in world.orders if one.state is OrderState.SENT]
        there = Counter(
            (one["portfolio"]["portfolioId"], one["security"]["securityId"], Decimal(one["quantity"]))
            for one in siblings.orders
        )
        assert there == Counter((one.portfolio_id, one.security_id, Decimal(one.quantity)) for one in sent)
        assert {one.external_order_id for one in sent} == {one["id"] for one in siblings.orders}


def on_database(database: Database) -> World:
    """A world that keeps in a database what it must not lose."""
    tokens = PageTokens(b"key of the tests")
    runs = Rebalances(database, tokens)
    kept = Kept(
        clock=WallClock(),
        store=HookedSubmissions(database, tokens),
        runs=runs,
        put=lambda run, results: EndedRuns(database).add(
            replace(run, create_time=datetime.now(UTC)), results
        ),
        lease_seconds=0.5,
        run_id=runs.new_id(),
    )
    return World(*portfolios(3, 7, 50), pace=PACE, kept=kept)
