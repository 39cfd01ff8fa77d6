"""Money that comes and goes, through a real port: by stubs, both clients, the command, REST; checked anew."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pymongo
import pytest
from click.testing import CliRunner
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from google.type import decimal_pb2
from grpc import StatusCode

from ordergen_client import AsyncClient, Client, PortfolioRebalance
from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import portfolio_id
from tests.databases import temporary_database
from tests.e2e import desks
from tests.e2e.api import failure, message_of, served
from tests.e2e.desks import Told
from tests.e2e.outcomes import as_streamed
from tests.e2e.runs import check_answers, check_stored, check_told, start, watched
from tests.limits import PATIENCE
from tests.report_pages import read_page

pb, calls = rebalance_pb2, rebalance_service_pb2
PORTFOLIOS = 8
REQUEST_ID = "3b8b64c1-0b8e-4f39-9a44-7d0b8a8a3c11"


@dataclass(frozen=True)
class Desk(desks.Desk):
    """Money comes to some of its eight portfolios, and leaves others."""

    flows: Mapping[str, str]

    def messages(self, flows: Mapping[str, str] | None = None) -> list[calls.CashFlow]:
        return [
            calls.CashFlow(portfolio_id=one, amount=decimal_pb2.Decimal(value=amount))
            for one, amount in (self.flows if flows is None else flows).items()
        ]


@pytest.fixture(scope="module")
def desk(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Desk]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as api:
        model = api.create(message_of(clean_siblings.model, portfolios=PORTFOLIOS))
        ids = list(model.portfolio_ids)
        flows = {ids[5]: "-10000.50", ids[0]: "25000", ids[3]: "0", ids[7]: "0.01"}
        yield Desk(api, name, model, flows)


@pytest.fixture(scope="module")
def run(desk: Desk) -> Told:
    """A run with these flows, as it is told."""
    begun = start(desk.api, desk.model.model_id, cash_flows=desk.messages())
    return watched(desk.api, begun.rebalance_id)


def plain(portfolios: Sequence[pb.PortfolioRebalance]) -> dict[str, pb.PortfolioRebalance]:
    """What became of each portfolio, without what is of one run alone."""
    found = {}
    for one in portfolios:
        copy = as_streamed(one)
        copy.rebalance_id = ""
        copy.ClearField("snapshot_time")
        copy.solution.ClearField("solve_duration")
        found[copy.portfolio_id] = copy
    return found


def of(told: Told) -> list[pb.PortfolioRebalance]:
    return [one.portfolio for one in told[1:-1]]


def test_every_number_is_of_market_value_plus_flow(
    desk: Desk, run: Told, clean_siblings: SimulatedSiblings, mongodb_uri: str
) -> None:
    ended = check_told(run, desk.ids)
    check_answers(clean_siblings, of(run), cash_flows=desk.flows)
    check_stored(mongodb_uri, desk.database, ended)
    told = {one.portfolio_id: one.cash_flow.value for one in of(run) if one.HasField("cash_flow")}
    assert told == {one: amount for one, amount in desk.flows.items() if amount != "0"}
    kept = {one: desk.api.portfolio(ended.rebalance_id, one).cash_flow.value for one in told}
    assert kept == told


def test_a_run_is_the_same_streamed_tried_and_asked_for_one_by_one(desk: Desk, run: Told) -> None:
    expected = plain(of(run))
    request = calls.RebalanceModelRequest(model_id=desk.model.model_id, cash_flows=desk.messages())
    assert plain(of(list(desk.api.rebalances.RebalanceModel(request, timeout=PATIENCE)))) == expected
    assert plain(of(desk.tried(cash_flows=desk.messages()))) == expected
    for one in (desk.ids[5], desk.ids[0], desk.ids[1]):
        single = calls.RebalancePortfolioRequest(portfolio_id=one)
        if one in desk.flows:
            single.cash_flow.value = desk.flows[one]
        if expected[one].HasField("solution"):
            answer = desk.api.rebalances.RebalancePortfolio(single, timeout=PATIENCE)
            assert plain([answer]) == {one: expected[one]}
            assert desk.api.portfolio(answer.rebalance_id, one) == answer


def test_the_payout_stays_in_cash_beside_the_floor(desk: Desk, run: Told) -> None:
    """Before it is paid out there is at least the floor and what is to be paid."""
    (payer,) = (one for one in of(run) if one.portfolio_id == desk.ids[5])
    assert Decimal(payer.cash_after.value) >= 0
    spent = sum(
        (1 if one.transaction_type == pb.TRANSACTION_TYPE_BUY else -1)
        * one.quantity
        * Decimal(next(line.price.value for line in payer.positions if line.security_id == one.security_id))
        for one in payer.transactions
    )
    assert Decimal(payer.cash_before.value) - spent >= Decimal("10000.50")


def test_flows_that_cannot_be_are_named_by_their_places(desk: Desk) -> None:
    ids = desk.ids
    for flows, field, rule in (
        ({ids[0]: "5", portfolio_id(1): "5"}, "cash_flows[1].portfolio_id", "must be a portfolio of the run"),
        ({ids[0]: "5", ids[2]: "0"}, "cash_flows[1].portfolio_id", "must be a portfolio of the run"),
        ({ids[0]: "much"}, "cash_flows[0].amount", "must be a decimal number"),
        ({ids[1]: ""}, "cash_flows[0].amount", "must be given"),
    ):
        given = {"cash_flows": desk.messages(flows), "portfolio_ids": ids[:2]}
        for call in (
            lambda given=given: start(desk.api, desk.model.model_id, **given),
            lambda given=given: desk.tried(**given),
        ):
            found = failure(call)
            assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, [field])
            assert rule in found.message


def test_more_than_a_portfolio_is_worth_fails_it_alone(desk: Desk, clean_siblings: SimulatedSiblings) -> None:
    gone = {desk.ids[2]: "-1e12"}
    told = desk.tried(cash_flows=desk.messages(gone))
    failed = [one for one in of(told) if one.state == pb.PORTFOLIO_REBALANCE_STATE_FAILED]
    assert [one.portfolio_id for one in failed] == [desk.ids[2]]
    value = Decimal(failed[0].market_value.value)
    assert f"not {value:,.2f} plus -1,000,000,000,000.00: less can be paid out" in failed[0].error.message
    check_answers(clean_siblings, [one for one in of(told) if one is not failed[0]], cash_flows={})
    request = calls.RebalancePortfolioRequest(portfolio_id=desk.ids[2], validate_only=True)
    request.cash_flow.value = "-1e12"
    found = failure(lambda: desk.api.rebalances.RebalancePortfolio(request, timeout=PATIENCE))
    assert (found.code, found.info.reason) == (
        StatusCode.FAILED_PRECONDITION,
        "MARKET_VALUE_NOT_POSITIVE",
    )


def test_the_flows_are_part_of_what_a_request_id_stands_for(desk: Desk) -> None:
    model_id = desk.model.model_id
    first = start(desk.api, model_id, request_id=REQUEST_ID, cash_flows=desk.messages())
    watched(desk.api, first.rebalance_id)
    again = start(desk.api, model_id, request_id=REQUEST_ID, cash_flows=desk.messages())
    assert again == desk.api.run(first.rebalance_id)
    for others in ({**desk.flows, desk.ids[0]: "25000.01"}, {}):
        arguments = {"request_id": REQUEST_ID, "cash_flows": desk.messages(others)}
        found = failure(lambda given=arguments: start(desk.api, model_id, **given))  # type: ignore[misc]
        assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, ["request_id"])


def test_flows_are_kept_with_what_is_left_to_do_and_with_results(
    desk: Desk, run: Told, mongodb_uri: str
) -> None:
    """A header that every listing reads would grow with every flow."""
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        kept = client[desk.database]
        assert not any("cash_flows" in one for one in kept.rebalances.find({}))
        assert not any("cash_flows" in one for one in kept.rebalance_work.find({}))
        query = {"rebalance_id": run[-1].finished.rebalance_id, "cash_flow": {"$ne": None}}
        assert kept.portfolio_rebalances.count_documents(query) == 3


def told_of(results: Sequence[PortfolioRebalance]) -> dict[str, str]:
    return {one.portfolio_id: str(one.cash_flow) for one in results if one.cash_flow is not None}


def test_both_clients_take_flows_and_tell_them(desk: Desk, run: Told) -> None:
    flows = {key: Decimal(amount) for key, amount in desk.flows.items()}
    expected = {one: amount for one, amount in desk.flows.items() if amount != "0"}
    model_id, payer = desk.model.model_id, desk.ids[5]
    [one] = [one for one in of(run) if one.portfolio_id == payer]
    with Client(desk.target, timeout_seconds=PATIENCE) as client:
        ended = client.runs.start(model_id, cash_flows=flows).wait()
        assert told_of(list(client.runs.portfolios(ended.rebalance_id))) == expected
        events = client.runs.stream(model_id, validate_only=True, cash_flows=flows)
        assert told_of([event.portfolio for event in events if event.portfolio]) == expected
        single = client.portfolios.rebalance(payer, cash_flow="-10000.50", validate_only=True)
        assert single.cash_flow == Decimal("-10000.50")
        assert single.base_value == Decimal(one.market_value.value) - Decimal("10000.50")
        assert str(single.drift_after) == one.drift_after.value

    async def awaited() -> dict[str, str]:
        async with AsyncClient(desk.target, timeout_seconds=PATIENCE) as client:
            run = await client.runs.start(model_id, cash_flows=flows)
            ended = await run.wait()
            single = await client.portfolios.rebalance(payer, cash_flow=-5, validate_only=True)
            assert single.cash_flow == -5
            return told_of([one async for one in client.runs.portfolios(ended.rebalance_id)])

    assert asyncio.run(awaited()) == expected


def test_the_command_takes_flows_one_by_one_and_from_a_file(
    desk: Desk, clean_siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    expected = {one: amount for one, amount in desk.flows.items() if amount != "0"}
    name = clean_siblings.portfolios.name(0)
    rest = [
        f"{one},{amount},{desk.model.model_id}" for one, amount in desk.flows.items() if one != desk.ids[0]
    ]
    file = tmp_path / "flows.csv"
    file.write_text("\n".join(["portfolio_id,amount,model_id", *rest, f"{'Z' * 24},5,{'f' * 24}"]))
    for more in (("--wait",), ("--dry-run",)):
        result = desk.ran(
            "rebalance",
            desk.model.name,
            *more,
            "--json",
            f"--cash-flow={name}=25000",
            f"--cash-flows-from={file}",
        )
        found = {one["portfolio_id"]: one["cash_flow"] for one in json.loads(result.stdout)["portfolios"]}
        assert {one: amount for one, amount in found.items() if amount is not None} == expected
        assert "1 cash flows of other models are left out" in result.stderr
    table = " ".join(
        desk.done("rebalance", desk.model.name, "--dry-run", f"--cash-flow={name}=25000").split()
    )
    assert "Cash flows 25,000.00" in table
    assert "% of market value plus cash flows" in table


def test_the_command_takes_a_flow_of_a_single_portfolio(desk: Desk) -> None:
    one = f"--portfolio={desk.ids[5]}"
    told = json.loads(desk.done("rebalance", one, "--dry-run", "--json", "--cash-flow", "-10000.50"))
    assert told["cash_flow"] == "-10000.50"
    shown = " ".join(desk.done("rebalance", one, "--dry-run", "--cash-flow=-10000.50").split())
    assert "Cash flow \N{MINUS SIGN}10,000.50" in shown or "Cash flow -10,000.50" in shown


def test_an_export_with_flows_is_right_and_its_report_tells_them(
    desk: Desk, run: Told, tmp_path: Path
) -> None:
    rebalance_id, export, page = run[-1].finished.rebalance_id, tmp_path / "run.jsonl", tmp_path / "run.html"
    desk.done("runs", "export", rebalance_id, "-o", str(export))
    verified = CliRunner().invoke(main, ["verify", str(export), "--prove"])
    assert verified.exit_code == 0, verified.output
    desk.done("report", rebalance_id, "-o", str(page))
    read = read_page(page)
    flows = dict(zip(read.column("id"), read.column("cash_flow"), strict=True))
    expected = {one: amount for one, amount in desk.flows.items() if amount != "0"}
    assert {one: amount for one, amount in flows.items() if amount is not None} == expected
    assert "market value plus cash flows" in read.text
