"""What trades cost, as the command tells it: the sum of its lines, in tables, files and pages alike."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import message_of, served
from tests.e2e.desks import Desk
from tests.report_pages import read_page

COSTS = "--cost-rate=0.1%", "--cost-per-trade=9.95"


@pytest.fixture(scope="module")
def desk(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Desk]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as api:
        yield Desk(api, name, api.create(message_of(clean_siblings.model, portfolios=4)))


@pytest.fixture(scope="module")
def run(desk: Desk) -> dict[str, Any]:
    """A run with costs, as JSON."""
    found: dict[str, Any] = json.loads(desk.done("rebalance", desk.model.name, "--wait", "--json", *COSTS))
    return found


def test_costs_are_those_of_the_trades_line_by_line_and_in_sum(desk: Desk, run: dict[str, Any]) -> None:
    total = Decimal(0)
    for one in run["portfolios"]:
        shown = json.loads(desk.done("runs", "show", run["rebalance_id"], one["portfolio_id"], "--json"))
        traded = [line for line in shown["positions"] if line["trade_quantity"]]
        values = [abs(line["trade_quantity"]) * Decimal(line["price"]) for line in traded]
        costs = [value * Decimal("0.001") + Decimal("9.95") for value in values]
        assert [Decimal(line["cost"]) for line in traded] == costs != []
        assert Decimal(one["cost"]) == Decimal(shown["cost"]) == sum(costs)
        spent = sum(line["trade_quantity"] * Decimal(line["price"]) for line in traded)
        assert Decimal(one["cash_after"]) == Decimal(one["cash_before"]) - spent - sum(costs)
        total += sum(costs)
    table = " ".join(desk.done("runs", "show", run["rebalance_id"]).split())
    assert f"Costs {total:,.2f} Cash" in table


def test_a_run_without_costs_tells_of_none(desk: Desk) -> None:
    told = desk.done("rebalance", desk.model.name, "--dry-run", "--json")
    assert {one["cost"] for one in json.loads(told)["portfolios"]} == {None}
    assert "Costs" not in desk.done("rebalance", desk.model.name, "--dry-run")


def test_an_export_with_costs_is_right_and_its_page_tells_them(
    desk: Desk, run: dict[str, Any], tmp_path: Path
) -> None:
    export, page = tmp_path / "run.jsonl", tmp_path / "run.html"
    desk.done("runs", "export", run["rebalance_id"], "-o", str(export))
    verified = CliRunner().invoke(main, ["verify", str(export), "--prove"])
    assert verified.exit_code == 0, verified.output
    desk.done("report", run["rebalance_id"], "-o", str(page))
    read = read_page(page)
    expected = {one["portfolio_id"]: one["cost"] for one in run["portfolios"]}
    assert dict(zip(read.column("id"), read.column("cost"), strict=True)) == expected
    assert "of all trades, paid from cash" in read.text
