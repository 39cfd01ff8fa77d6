"""From proposal to order as people do it: by the command and both clients, on a real port."""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import model_pb2

from ordergen_client import (
    ActionType,
    AlreadySubmitted,
    ApprovalMissing,
    AsyncClient,
    Client,
    Order,
    OrderState,
    OrderSubmission,
    PortfolioOrderState,
    PortfolioState,
    Rebalance,
    ReviewState,
    SubmissionState,
)
from ordergen_client.cli import main
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, message_of, served
from tests.e2e.orders import Key, there
from tests.limits import PATIENCE
from tests.report_pages import read_page
from tests.waiting import eventually

PORTFOLIOS, POSITIONS = 4, 8


@pytest.fixture
def api(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    siblings.clear()
    with served(mongodb_uri, database_name, siblings, with_orders=True) as running:
        yield running


@pytest.fixture
def model(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    return api.create(message_of(siblings.model, portfolios=PORTFOLIOS))


@pytest.fixture
def ann(api: Api) -> Iterator[Client]:
    with Client(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE, actor="ann") as client:
        yield client


@pytest.fixture
def run(ann: Client, model: model_pb2.Model) -> Rebalance:
    return ann.runs.start(model.model_id).wait()


def trading(client: Client, run: Rebalance) -> list[str]:
    found = client.runs.portfolios(run.rebalance_id, state=PortfolioState.REBALANCED)
    return [one.portfolio_id for one in found]


def ran(api: Api, *arguments: str, actor: str | None = "ann") -> Result:
    given = {"ORDERGEN_ACTOR": actor, "XDG_CONFIG_HOME": "/nowhere"}
    return CliRunner().invoke(main, [*arguments, f"--target=127.0.0.1:{api.port}"], env=given)


def done(api: Api, *arguments: str, actor: str | None = "ann") -> Any:  # noqa: ANN401 - what JSON has
    result = ran(api, *arguments, "--json", actor=actor)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def ended_of(client: Client, submission_id: str) -> OrderSubmission | None:
    """A submission once it has ended; until then nothing."""
    found = client.submissions.get(submission_id)
    return None if found.state is SubmissionState.RUNNING else found


def keys(orders: list[Order]) -> Counter[Key]:
    return Counter((one.portfolio_id, one.security_id, one.side, Decimal(one.quantity)) for one in orders)


def test_what_is_approved_is_sent_once_and_what_is_not_never(
    ann: Client, run: Rebalance, siblings: SimulatedSiblings
) -> None:
    handle = ann.runs.attach(run.rebalance_id)
    first, second, *rest = trading(ann, run)
    assert run.review_counts
    assert run.review_counts.pending == len(rest) + 2
    with pytest.raises(ApprovalMissing):
        handle.submit([first])
    handle.reject([first], comment="not this one")
    after = handle.approve(comment="as agreed")
    assert after.review_counts
    assert (after.review_counts.pending, after.review_counts.approved, after.review_counts.rejected) == (
        0,
        len(rest) + 1,
        1,
    )
    sent = handle.submit()
    states: dict[str, set[str]] = {}
    for order in sent:
        states.setdefault(order.order_id, set()).add(order.state)
    ended = sent.wait()
    assert ended.state is SubmissionState.COMPLETED
    assert ended.actor == "ann"
    assert set(map(frozenset, states.values())) <= {frozenset({"SENT"}), frozenset({"SENDING", "SENT"})}
    orders = list(handle.orders(state="SENT"))
    assert len(orders) == ended.order_count == len(states) == ended.counts[OrderState.SENT]
    assert keys(orders) == there(siblings)
    assert {one.portfolio_id for one in orders} == {second, *rest}
    assert {one.external_order_id for one in orders} == {one["id"] for one in siblings.orders}
    with pytest.raises(AlreadySubmitted) as refused:
        handle.submit([second])
    assert refused.value.metadata["submission_id"] == sent.submission_id
    reviewed = ann.runs.portfolio(run.rebalance_id, second)
    assert reviewed.review
    assert (reviewed.review.state, reviewed.review.approved_by) == (ReviewState.APPROVED, ("ann",))
    assert reviewed.order_state is PortfolioOrderState.SENT
    actions = list(handle.history())
    assert [one.type for one in actions] == [
        ActionType.STARTED,
        ActionType.REJECTED,
        ActionType.APPROVED,
        ActionType.SUBMITTED,
        ActionType.SUBMISSION_FINISHED,
    ]
    assert [(one.actor, one.authenticated) for one in actions[:4]] == [("ann", False)] * 4
    assert handle.reconcile().difference_count == 0


def test_coroutines_do_the_same(api: Api, run: Rebalance, siblings: SimulatedSiblings) -> None:
    async def send() -> list[Order]:
        async with AsyncClient(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE, actor="Bob Roe") as client:
            handle = client.runs.attach(run.rebalance_id)
            await handle.approve()
            sent = await handle.submit(sells_first=False)
            told = [one async for one in sent]
            ended = await sent.wait()
            assert (ended.state, ended.actor) == (SubmissionState.COMPLETED, "Bob Roe")
            assert {one.order_id for one in told} == {one.order_id async for one in handle.orders()}
            assert (await handle.reconcile()).difference_count == 0
            return [one async for one in handle.orders()]

    assert keys(asyncio.run(send())) == there(siblings)


def test_blocks_are_what_is_approved_and_fills_are_shared_out(ann: Client, run: Rebalance) -> None:
    handle = ann.runs.attach(run.rebalance_id)
    assert handle.blocks() == ()
    handle.approve()
    ordered: dict[tuple[str, str], Counter[str]] = {}
    for portfolio in handle:
        for trade in portfolio.transactions:
            found = ordered.setdefault((trade.security_id, trade.side), Counter())
            found[portfolio.portfolio_id] += trade.quantity
    blocks = handle.blocks()
    assert {(one.security_id, one.side): one.quantity for one in blocks} == {
        key: counted.total() for key, counted in ordered.items()
    }
    largest = max(blocks, key=lambda one: one.portfolio_count)
    filled = largest.quantity * 2 // 3
    shares = handle.allocate(largest.security_id, largest.side, filled)
    assert sum(one.allocated_quantity for one in shares) == filled
    assert {one.portfolio_id: one.ordered_quantity for one in shares} == ordered[
        largest.security_id, largest.side
    ]
    assert handle.allocate(largest.security_id, largest.side, str(filled)) == shares


def test_the_command_from_proposal_to_order(
    api: Api, model: model_pb2.Model, siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    assert ran(api, "rebalance", model.name, "--wait", "--quiet").exit_code == 0
    refused = ran(api, "runs", "approve", "latest", actor=None)
    assert (refused.exit_code, "--actor NAME or ORDERGEN_ACTOR says who you are" in refused.stderr) == (
        1,
        True,
    )
    missing = ran(api, "runs", "submit", "latest", "--yes")
    assert (missing.exit_code, "Traceback" in missing.output) == (1, False)
    counts = done(api, "runs", "approve", "latest", "--comment", "as agreed")["review_counts"]
    assert (counts["pending"], counts["rejected"]) == (0, 0)
    sent = done(api, "runs", "submit", "latest", "--yes")
    assert sent["state"] == "COMPLETED"
    assert {one["state"] for one in sent["orders"]} == {"SENT"}
    shown = done(api, "submissions", "show", "latest")
    assert {key: sent[key] for key in shown} == shown
    assert done(api, "submissions", "watch", sent["submission_id"])["orders"] == sent["orders"]
    orders = done(api, "runs", "orders", "latest")["orders"]
    assert {one["external_order_id"] for one in orders} == {one["id"] for one in siblings.orders}
    path = tmp_path / "orders.csv"
    assert done(api, "runs", "orders", "latest", "-o", str(path)) == {"file": str(path)}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["state"] for row in rows) == {"SENT": sent["order_count"]}
    assert {row["external_order_id"] for row in rows} == {str(one["id"]) for one in siblings.orders}
    table = ran(api, "runs", "show", "latest").stdout
    assert f"Sent          portfolios: {sent['portfolio_count']} SENT" in table
    assert done(api, "runs", "orders", "latest", "--state", "REFUSED")["orders"] == []
    assert done(api, "runs", "reconcile", "latest")["differences"] == []
    again = ran(api, "runs", "submit", "latest", "--yes")
    assert (again.exit_code, "Traceback" in again.output) == (1, False)
    named = ran(api, "runs", "submit", "latest", "--yes", "--only", rows[0]["portfolio_id"])
    assert f"ordergen submissions show {sent['submission_id']}" in named.stderr


def test_what_has_moved_is_not_sent_and_is_named(
    api: Api, ann: Client, run: Rebalance, siblings: SimulatedSiblings
) -> None:
    ann.runs.attach(run.rebalance_id).approve()
    moved, *others = trading(ann, run)
    siblings.override_holdings(moved, Decimal("12345.67"), {})
    result = ran(api, "runs", "submit", run.rebalance_id, "--yes")
    assert result.exit_code == 3, result.output
    assert "1 of them out of date" in result.stdout
    assert "Out of date: not sent" in result.stdout
    assert moved in result.stdout
    assert {key[0] for key in there(siblings)} == set(others)
    shown = ran(api, "runs", "show", run.rebalance_id, moved).stdout
    assert "STALE" in shown


def test_an_order_that_is_refused_ends_with_a_code_of_its_own(
    api: Api, ann: Client, run: Rebalance, siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """The page and the workbook tell the same of it as the API does."""
    ann.runs.attach(run.rebalance_id).approve(comment="as agreed")
    why = "This security is not traded"
    siblings.set_faults("order", [Fault(kind="refuse", endpoint="orders", positions=(0, 2), body=why)])
    result = ran(api, "runs", "submit", run.rebalance_id, "--yes", "--json")
    told = json.loads(result.stdout)
    states = Counter(one["state"] for one in told["orders"])
    assert states["REFUSED"] >= 2
    assert (result.exit_code, told["state"]) == (3, "COMPLETED_WITH_ERRORS")
    assert keys(list(ann.runs.orders(run.rebalance_id, state="SENT"))) == there(siblings)
    page = tmp_path / "report.html"
    assert ran(api, "report", run.rebalance_id, "-o", str(page)).exit_code == 0
    read = read_page(page)
    assert "as agreed" in read.text
    assert why in read.text
    rows = [row for row in range(PORTFOLIOS) if read.column("lines")[row] != -1]
    words = [text for row in rows for text in read.lines(row)["sent"] if text]
    shown = [text.partition(",")[0].partition(":")[0].upper().replace(" ", "_") for text in words]
    assert Counter(shown) == states
    blocking = tmp_path / "blocking.html"
    ann.runs.attach(run.rebalance_id).report(blocking)
    assert blocking.read_text() == page.read_text()


def test_a_submission_goes_on_where_its_command_is_interrupted(
    api: Api, ann: Client, run: Rebalance, siblings: SimulatedSiblings
) -> None:
    ann.runs.attach(run.rebalance_id).approve()
    siblings.set_faults("order", [Fault(kind="delay", delay_seconds=1)])
    arguments = ["runs", "submit", run.rebalance_id, "--yes", f"--target=127.0.0.1:{api.port}"]
    command = [sys.executable, "-m", "ordergen_client.cli", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr
        submission_id = process.stderr.readline().split()[1]
        os.kill(process.pid, signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(PATIENCE) == 130
    siblings.set_faults("order", [])
    assert f"Submission {submission_id} goes on" in told
    assert "Traceback" not in told
    assert ann.submissions.attach(submission_id).wait().state is SubmissionState.COMPLETED
    assert keys(list(ann.runs.orders(run.rebalance_id))) == there(siblings)


def test_a_submission_that_is_cancelled_sends_no_more(
    api: Api, ann: Client, run: Rebalance, siblings: SimulatedSiblings
) -> None:
    ann.runs.attach(run.rebalance_id).approve()
    siblings.set_faults("order", [Fault(kind="delay", delay_seconds=2)])
    submission_id = done(api, "runs", "submit", run.rebalance_id, "--yes", "--detach")["submission_id"]
    ran(api, "submissions", "cancel", submission_id)
    ended = eventually(lambda: ended_of(ann, submission_id))
    siblings.set_faults("order", [])
    orders = list(ann.runs.orders(run.rebalance_id, state="SENT"))
    assert keys(orders) == there(siblings)
    if ended.state is SubmissionState.CANCELLED:
        result = ran(api, "submissions", "watch", submission_id)
        assert (result.exit_code, "The submission was cancelled." in result.stderr) == (1, True)
