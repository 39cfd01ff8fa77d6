"""Settings of portfolios over the real port: kept, applied by every run; both clients, and the command."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import drift_pb2, model_pb2, portfolio_settings_pb2, rebalance_pb2
from globeco.ordergen.v1 import rebalance_service_pb2 as rs
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from ordergen_client import (
    AsyncClient,
    Client,
    DoNotTrade,
    NotFound,
    NotToBeTraded,
    PortfolioSettings,
    PortfolioState,
    RebalanceOptions,
    Restriction,
    RuleSource,
    VersionMismatch,
)
from ordergen_client.cli import main
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import portfolio_id, security_id
from tests.e2e.api import Api, failure, served
from tests.e2e.runs import counts, start, watched
from tests.limits import PATIENCE

pb = portfolio_settings_pb2
PORTFOLIOS = 4
ONE = portfolio_id(1)


@pytest.fixture(params=[0, 1], ids=["threads", "a process"])
def api(
    request: pytest.FixtureRequest, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> Iterator[Api]:
    """A server that works runs off itself, or in another process."""
    with served(mongodb_uri, database_name, siblings, compute_processes=request.param) as running:
        yield running


@pytest.fixture
def one_api(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    with served(mongodb_uri, database_name, siblings) as running:
        yield running


def half(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    """A model of one security at 10 a share, from 0.4 to 0.6; each portfolio has 1,000 in cash."""
    security = siblings.model.positions[0].security_id
    siblings.override_price(security, Decimal(10))
    message = model_pb2.Model(name="Half", portfolio_ids=map(portfolio_id, range(PORTFOLIOS)))
    line = message.positions.add(security_id=security)
    line.target.value, line.low_drift.value, line.high_drift.value = "0.5", "0.1", "0.1"
    for number in range(PORTFOLIOS):
        siblings.override_holdings(portfolio_id(number), Decimal(1000), {})
    return api.create(message)


def put(api: Api, message: pb.PortfolioSettings, *fields: str) -> pb.PortfolioSettings:
    request = rs.UpdatePortfolioSettingsRequest(
        portfolio_settings=message, update_mask=FieldMask(paths=fields)
    )
    return api.rebalances.UpdatePortfolioSettings(request, timeout=PATIENCE)


def client_of(api: Api) -> Client:
    return Client(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE)


def results(api: Api, rebalance_id: str) -> dict[str, rebalance_pb2.PortfolioRebalance]:
    return {
        one.portfolio.portfolio_id: one.portfolio
        for one in watched(api, rebalance_id)
        if one.HasField("portfolio")
    }


def floor(number: int, amount: str) -> pb.PortfolioSettings:
    message = pb.PortfolioSettings(portfolio_id=portfolio_id(number))
    message.minimum_cash.amount.value = amount
    return message


def closed(number: int, until: date | None = None) -> pb.PortfolioSettings:
    message = pb.PortfolioSettings(portfolio_id=portfolio_id(number))
    message.do_not_trade.reason = "The owner has died."
    if until:
        day = message.do_not_trade.until
        day.year, day.month, day.day = until.year, until.month, until.day
    return message


def test_both_clients_keep_settings(one_api: Api) -> None:
    with client_of(one_api) as client:
        kept = client.portfolios.settings
        made = kept.update(
            ONE,
            do_not_trade=DoNotTrade("Closed.", date(2026, 12, 31)),
            minimum_cash_weight="0.020",
            restrictions={security_id(1): "HOLD"},
            note="a text",
        )
        assert made == PortfolioSettings(
            portfolio_id=ONE,
            do_not_trade=DoNotTrade("Closed.", date(2026, 12, 31)),
            minimum_cash_amount=None,
            minimum_cash_weight=Decimal("0.020"),
            minimum_trade_value=None,
            maximum_turnover_weight=None,
            note="a text",
            version=1,
            create_time=made.create_time,
            update_time=made.create_time,
            actor="",
            restrictions={security_id(1): Restriction.HOLD},
        )
        assert kept.get(ONE) == made
        changed = kept.update(ONE, 1, do_not_trade=None, minimum_trade_value=5, maximum_turnover_weight="0.1")
        assert (changed.version, changed.do_not_trade, changed.note) == (2, None, "a text")
        assert (changed.minimum_trade_value, changed.minimum_cash_weight) == (Decimal(5), Decimal("0.020"))
        with pytest.raises(VersionMismatch) as raised:
            kept.update(ONE, 1, note="too late")
        assert raised.value.metadata["current_version"] == "2"
        with pytest.raises(ValueError, match="do_not_trade, minimum_cash"):
            kept.update(ONE, 2)
        for number in range(2, 5):
            kept.update(portfolio_id(number), note=str(number))
        listed = list(kept.list(page_size=3))

    async def awaited() -> list[PortfolioSettings]:
        async with AsyncClient(f"127.0.0.1:{one_api.port}", timeout_seconds=PATIENCE) as other:
            found = [one async for one in other.portfolios.settings.list(page_size=3)]
            assert await other.portfolios.settings.get(ONE) == changed
            await other.portfolios.settings.delete(ONE, 2)
            with pytest.raises(NotFound):
                await other.portfolios.settings.get(ONE)
            return found

    assert asyncio.run(awaited()) == listed
    assert [one.portfolio_id for one in listed] == [portfolio_id(number) for number in range(1, 5)]


def test_of_two_writers_one_is_told_the_current_version(one_api: Api) -> None:
    def write(amount: int) -> StatusCode:
        try:
            put(one_api, floor(1, str(amount)))
        except grpc.RpcError as error:
            return error.code()
        return StatusCode.OK

    with ThreadPoolExecutor(2) as pool:
        assert sorted(code.name for code in pool.map(write, (1, 2))) == ["ABORTED", "OK"]
    found = failure(lambda: put(one_api, floor(1, "3")))
    assert (found.code, found.info.reason, found.info.metadata["current_version"]) == (
        StatusCode.ABORTED,
        "VERSION_MISMATCH",
        "1",
    )


def test_an_empty_mask_replaces_everything(one_api: Api) -> None:
    everything = closed(1)
    everything.minimum_cash.amount.value = "0"
    everything.minimum_trade_value.value = "0"
    everything.maximum_turnover_weight.value = "0"
    everything.restrictions.add(security_id=security_id(1), type=rebalance_pb2.RESTRICTION_TYPE_HOLD)
    everything.security_limits.add(security_id=security_id(1)).maximum_weight.value = "0"
    everything.note = "a text"
    made = put(one_api, everything)
    assert (made.minimum_cash.amount.value, made.maximum_turnover_weight.value) == ("0", "0")
    emptied = put(one_api, pb.PortfolioSettings(portfolio_id=ONE, version=1), "*")
    assert {field.name for field, _ in emptied.ListFields()} == {
        "portfolio_id",
        "version",
        "create_time",
        "update_time",
    }


def test_what_the_server_gives_is_not_taken_from_a_caller(one_api: Api) -> None:
    long_ago = Timestamp(seconds=1)
    given = pb.PortfolioSettings(
        portfolio_id=ONE, create_time=long_ago, update_time=long_ago, actor="somebody else"
    )
    made = put(one_api, given)
    assert made.create_time == made.update_time
    assert (made.create_time.seconds > 1, made.version, made.actor) == (True, 1, "")


def test_a_setting_of_a_newer_contract_is_not_passed_over(one_api: Api) -> None:
    request = rs.UpdatePortfolioSettingsRequest(portfolio_settings=floor(1, "5"))
    request.portfolio_settings.MergeFromString(bytes([0x98, 0x06, 0x01]))  # field 99
    found = failure(lambda: one_api.rebalances.UpdatePortfolioSettings(request, timeout=PATIENCE))
    assert (found.code, found.info.metadata) == (
        StatusCode.UNIMPLEMENTED,
        {"feature": "portfolio_settings.99"},
    )


def test_every_run_applies_settings_and_says_so(
    api: Api, siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """A stored run, whose export is right to who knows nothing of the server; a preview; one portfolio."""
    model = half(api, siblings)
    put(api, closed(0))
    put(api, floor(1, "595"))
    put(api, floor(2, "1"))
    options = RebalanceOptions(allow_overdraft=True)
    with client_of(api) as client:
        run = client.runs.start(model.model_id, options)
        ended = run.wait()
        tried = list(client.runs.stream(model.model_id, options, validate_only=True))
        single = client.portfolios.rebalance(ONE, options, validate_only=True)
        with pytest.raises(NotToBeTraded, match=r"not to be traded: The owner has died\.$") as raised:
            client.portfolios.rebalance(portfolio_id(0), options)
        refused = client.runs.get(raised.value.metadata["rebalance_id"])
    assert (ended.state, dict(counts(api.run(run.rebalance_id)))) == (
        "COMPLETED",
        {"REBALANCED": 3, "SKIPPED": 1},
    )
    assert (refused.state, refused.counts[PortfolioState.SKIPPED]) == ("COMPLETED", 1)
    found = results(api, run.rebalance_id)
    skipped = found[portfolio_id(0)]
    assert (skipped.state, skipped.settings_version, skipped.error.code) == (
        rebalance_pb2.PORTFOLIO_REBALANCE_STATE_SKIPPED,
        1,
        StatusCode.FAILED_PRECONDITION.value[0],
    )
    cash = {key: (one.cash_after.value, one.settings_version) for key, one in found.items()}
    assert cash == {
        portfolio_id(0): ("", 1),
        ONE: ("600", 1),
        portfolio_id(2): ("500", 1),
        portfolio_id(3): ("500", 0),
    }
    (line,) = found[ONE].positions
    assert (line.reason, line.bound_by) == (
        rebalance_pb2.POSITION_REASON_REDUCED_FOR_CASH,
        rebalance_pb2.RULE_SOURCE_SETTINGS,
    )
    assert (single.cash_after, single.positions[0].bound_by) == (Decimal(600), RuleSource.SETTINGS)
    assert {one.portfolio.portfolio_id: one.portfolio.cash_after for one in tried if one.portfolio} == {
        key: Decimal(value) if value else None for key, (value, _) in cash.items()
    }
    assert tried[-1].finished
    assert tried[-1].finished.state == "COMPLETED"
    assert siblings.calls("accounting")["summary"] == 3 + 3 + 1
    path = tmp_path / "run.jsonl"
    assert command(api, "runs", "export", run.rebalance_id, "-o", str(path)).exit_code == 0
    checked = CliRunner().invoke(main, ["verify", str(path), "--prove"])
    assert checked.exit_code == 0, checked.output


def test_settings_that_change_under_a_run_change_nothing_in_it(api: Api, siblings: SimulatedSiblings) -> None:
    model = half(api, siblings)
    put(api, closed(0))
    put(api, floor(1, "595"))
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.3)])
    run = start(api, model.model_id)
    deletion = rs.DeletePortfolioSettingsRequest(portfolio_id=portfolio_id(0), version=1)
    api.rebalances.DeletePortfolioSettings(deletion, timeout=PATIENCE)
    lower = floor(1, "0")
    lower.version = 1
    put(api, lower)
    put(api, closed(2))
    found = results(api, run.rebalance_id)
    assert {key: one.settings_version for key, one in found.items()} == {
        portfolio_id(0): 1,
        ONE: 1,
        portfolio_id(2): 0,
        portfolio_id(3): 0,
    }
    assert (found[ONE].cash_after.value, found[portfolio_id(2)].cash_after.value) == ("600", "500")


def test_a_portfolio_is_traded_again_from_midnight_on(one_api: Api, siblings: SimulatedSiblings) -> None:
    half(one_api, siblings)
    today = datetime.now(UTC).date()
    put(one_api, closed(0, today - timedelta(days=1)))
    put(one_api, closed(1, today + timedelta(days=1)))
    assert one_api.rebalance(portfolio_id(0)).HasField("solution")
    found = failure(lambda: one_api.rebalance(ONE))
    assert (found.code, found.info.reason) == (StatusCode.FAILED_PRECONDITION, "DO_NOT_TRADE")


def test_a_check_of_drift_tells_them(one_api: Api, siblings: SimulatedSiblings) -> None:
    model = half(one_api, siblings)
    put(one_api, closed(0))
    request = rs.CheckDriftRequest(model_id=model.model_id)
    found = {one.portfolio_id: one for one in one_api.rebalances.CheckDrift(request, timeout=PATIENCE)}
    states = [found[portfolio_id(number)].state for number in range(2)]
    assert states == [drift_pb2.DRIFT_STATE_DO_NOT_TRADE, drift_pb2.DRIFT_STATE_NEW]
    assert found[portfolio_id(0)].drift == found[ONE].drift


def command(api: Api, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, f"--target=127.0.0.1:{api.port}"])


def told(api: Api, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = command(api, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_command_sets_shows_unsets_lists_and_deletes(one_api: Api, siblings: SimulatedSiblings) -> None:
    chosen = siblings.model.portfolio_ids[0]
    (first, second) = siblings.portfolios.market.securities[:2]
    settings = ("portfolios", "settings")
    restricted = (f"--restrict={first.ticker}=hold", f"--restrict={second.security_id}=do_not_buy")
    order = ("--do-not-trade=Closed.", "--until=2026-12-31")
    made = told(one_api, *settings, "set", chosen, *order, "--minimum-cash=1000.50", *restricted)
    assert (made["version"], made["do_not_trade_reason"], made["do_not_trade_until"]) == (
        1,
        "Closed.",
        "2026-12-31",
    )
    assert (made["minimum_cash_amount"], made["note"]) == ("1000.50", "")
    kinds = {first.security_id: "HOLD", second.security_id: "DO_NOT_BUY"}
    assert {one["security_id"]: one["type"] for one in made["restrictions"]} == kinds
    more = ("--minimum-cash-weight=2%", "--note=why", "--until=2027-01-01")
    changed = told(one_api, *settings, "set", chosen, *more)
    assert (changed["minimum_cash_amount"], changed["minimum_cash_weight"]) == ("1000.50", "0.02")
    assert (changed["do_not_trade_reason"], changed["do_not_trade_until"]) == ("Closed.", "2027-01-01")
    shown = command(one_api, *settings, "show", chosen).stdout
    assert "Closed., until 2027-01-01 inclusive (UTC)" in shown
    assert "1,000.50 or 2.00% of market value, the greater of the two" in shown
    left = told(one_api, *settings, "unset", chosen, "--do-not-trade", f"--restrict={first.ticker}")
    assert (left["do_not_trade_reason"], len(left["restrictions"])) == (None, 1)
    assert [one["portfolio_id"] for one in told(one_api, *settings, "list")["settings"]] == [chosen]
    refused = command(one_api, *settings, "unset", chosen, f"--restrict={first.ticker}")
    assert (refused.exit_code, "is not restricted" in refused.output) == (1, True)
    for usage in (
        ["set", chosen],
        ["unset", chosen],
        ["set", chosen, "--until=2026-01-01"],
        ["set", chosen, f"--restrict={first.ticker}=sell"],
        ["unset", chosen, "--restrictions", "--restrict=A"],
    ):
        assert command(one_api, *settings, *usage).exit_code == 2, usage
    assert command(one_api, *settings, "delete", chosen).exit_code == 2  # nobody can be asked
    assert told(one_api, *settings, "delete", chosen, "--yes") == {"portfolio_id": chosen, "deleted": True}
    assert command(one_api, *settings, "show", chosen).exit_code == 1
