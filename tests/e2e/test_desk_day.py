"""A day of a desk, with the command alone: from who needs a rebalance to a report; each number met again."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e import desks
from tests.e2e.api import message_of, served
from tests.report_pages import line_of as page_line
from tests.report_pages import read_page

PORTFOLIOS = 12
Row = Mapping[str, Any]
#: What a portfolio of a run has that does not tell when and in which run it was computed.
LASTING = (
    *("portfolio_id", "portfolio_name", "state", "status", "market_value", "cash_before", "cash_after"),
    *("drift_before", "drift_after", "buys", "sells", "bought", "sold", "turnover", "cost"),
    *("transactions", "settings_version", "error"),
)
#: What a row of a comparison has in common with a portfolio of a run.
COMPARED = ("state", "market_value", "drift_before", "drift_after", "turnover", "cash_after")


@dataclass(frozen=True)
class Day(desks.Desk):
    """Its files, and what was found in the morning: the worst portfolio and what is to trade today."""

    folder: Path
    drifts: list[Row]

    @property
    def worst(self) -> Row:
        """The farthest from its model of those that are outside a band."""
        return max(self.outside, key=lambda one: Decimal(one["drift"]))

    @property
    def outside(self) -> list[Row]:
        return [one for one in self.drifts if one["outside_bands"]]

    def told(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.done(*arguments, "--json"))
        return found

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture(scope="module")
def day(
    mongodb_uri: str, faulty_siblings: SimulatedSiblings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Day]:
    """In the morning, but for one rule: the worst portfolio may not trade its worst position back."""
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, faulty_siblings) as api:
        model = api.create(message_of(faulty_siblings.model, portfolios=PORTFOLIOS))
        desk = desks.Desk(api, name, model)
        drifts = json.loads(desk.done("portfolios", "drift", model.name, "--json"))["portfolios"]
        found = Day(api, name, model, tmp_path_factory.mktemp("day"), drifts)
        worst = found.worst
        restriction = f"--restrict={worst['worst_ticker']}={forbidden(worst)}"
        found.done("portfolios", "settings", "set", worst["portfolio_id"], restriction, "--note=Pledged.")
        yield found


@pytest.fixture(scope="module")
def chosen(day: Day) -> str:
    """The rows that are to trade, as the command wrote them."""
    head, *rows = day.done("portfolios", "drift", day.model.name, "--output=csv").splitlines()
    outside = {one["portfolio_id"] for one in day.outside}
    kept = [row for row in rows if row.split(",")[1] in outside]
    assert len(kept) == len(outside) < PORTFOLIOS
    return day.file("drift.csv", "\n".join([head, *kept]))


@pytest.fixture(scope="module")
def compared(day: Day) -> dict[str, Any]:
    """The model as it is, with either strategy, and its draft."""
    drawn = yaml.safe_load(Path(draft(day)).read_text())["positions"]
    variants = [
        {"name": "to target"},
        {"name": "to band", "options": {"strategy": "TO_BAND"}},
        {"name": "draft", "positions": drawn},
    ]
    file = day.file("variants.yaml", yaml.safe_dump({"variants": variants}))
    return day.told("runs", "compare", day.model.name, "-f", file, "--portfolios")


@pytest.fixture(scope="module")
def run(day: Day, chosen: str) -> dict[str, Any]:
    """The run of today."""
    return day.told("rebalance", day.model.name, f"--only-from={chosen}", "--wait")


@pytest.fixture
def filled(day: Day, run: Mapping[str, Any], faulty_siblings: SimulatedSiblings) -> Iterator[None]:
    """Portfolios as they are once the orders of the run are filled."""
    for one in run["portfolios"]:
        lines = day.told("runs", "show", run["rebalance_id"], one["portfolio_id"])["positions"]
        held = {line["security_id"]: Decimal(line["adjusted_quantity"]) for line in lines}
        faulty_siblings.override_holdings(one["portfolio_id"], Decimal(one["cash_after"]), held)
    yield
    faulty_siblings.clear()


def forbidden(worst: Row) -> str:
    """What the worst position would have to do."""
    is_over = Decimal(worst["worst_weight"]) > Decimal(worst["worst_band_high"])
    return "DO_NOT_SELL" if is_over else "DO_NOT_BUY"


def draft(day: Day) -> str:
    """A file of the model in which its two largest positions are worth half a percent more and less."""
    model = yaml.safe_load(day.done("models", "show", day.model.name, "--output=yaml"))
    first, second = model["positions"][:2]
    first["target"] = str(Decimal(first["target"]) + Decimal("0.005"))
    second["target"] = str(Decimal(second["target"]) - Decimal("0.005"))
    return day.file("draft.yaml", yaml.safe_dump(model))


def lasting(portfolios: list[Row]) -> dict[str, dict[str, Any]]:
    return {one["portfolio_id"]: {name: one[name] for name in LASTING} for one in portfolios}


def of_variant(compared: Mapping[str, Any], name: str) -> dict[str, Row]:
    return {one["portfolio_id"]: one for one in compared["portfolios"] if one["variant"] == name}


def line_of(portfolio: Row, ticker: str) -> Row:
    [line] = [one for one in portfolio["positions"] if one["ticker"] == ticker]
    found: Row = line
    return found


def test_the_drift_is_where_a_rebalance_begins(day: Day) -> None:
    assert len(day.drifts) == PORTFOLIOS
    tried = day.told("rebalance", day.model.name, "--dry-run")["portfolios"]
    begins = {one["portfolio_id"]: (one["market_value"], one["drift_before"]) for one in tried}
    assert {one["portfolio_id"]: (one["market_value"], one["drift"]) for one in day.drifts} == begins


def test_the_worst_position_is_outside_its_band_by_so_much(day: Day) -> None:
    worst = day.worst
    weight, low, high = (
        Decimal(worst[name]) for name in ("worst_weight", "worst_band_low", "worst_band_high")
    )
    distance = max(low - weight, weight - high)
    assert Decimal(worst["worst_distance"]) == distance > 0
    shown = day.told("portfolios", "show", worst["portfolio_id"])
    line = line_of(shown, worst["worst_ticker"])
    assert [Decimal(line[name]) for name in ("weight_before", "low", "high")] == [weight, low, high]


def test_the_restriction_binds_the_line_and_the_line_says_whose_rule_it_is(day: Day) -> None:
    worst = day.worst
    tried = day.told("rebalance", "--portfolio", worst["portfolio_id"], "--dry-run")
    line = line_of(tried, worst["worst_ticker"])
    assert (line["reason"], line["bound_by"], line["trade_quantity"]) == ("RESTRICTED", "SETTINGS", 0)
    assert line["original_quantity"] == line["adjusted_quantity"]
    assert tried["settings_version"] == 1
    assert {one["bound_by"] for one in tried["positions"] if one is not line} != {"SETTINGS"}
    table = " ".join(day.done("rebalance", "--portfolio", worst["portfolio_id"], "--dry-run").split())
    assert "restricted, by the portfolio's settings" in table
    priced = day.told("rebalance", "--portfolio", worst["portfolio_id"], "--dry-run", "--explain-rules")
    costs = [one for one in priced["rule_prices"] if one["rule"]["kind"] == "RESTRICTION"]
    assert [one["rule"]["ticker"] for one in costs] == [worst["worst_ticker"]]
    assert Decimal(costs[0]["drift_saved"]) > 0


def test_a_draft_moves_what_it_says_and_the_model_stays(day: Day, compared: Mapping[str, Any]) -> None:
    tried = day.told("rebalance", day.model.name, "--dry-run", f"--draft={draft(day)}")
    assert (tried["draft"], tried["model_version"]) == (True, day.model.version)
    assert day.told("models", "show", day.model.name)["version"] == day.model.version
    rows = of_variant(compared, "draft")
    for one in tried["portfolios"]:
        assert {name: one[name] for name in COMPARED} == {
            name: rows[one["portfolio_id"]][name] for name in COMPARED
        }
    assert tried["summary"] != day.told("rebalance", day.model.name, "--dry-run")["summary"]


def test_the_strategies_differ_as_they_say(compared: Mapping[str, Any]) -> None:
    target, band = (of_variant(compared, name) for name in ("to target", "to band"))
    for key, one in target.items():
        assert Decimal(one["turnover"]) >= Decimal(band[key]["turnover"])
        assert Decimal(one["drift_after"] or 0) <= Decimal(band[key]["drift_after"] or 0)
        assert one["drift_before"] == band[key]["drift_before"]


def test_the_dry_run_is_the_run(day: Day, chosen: str, run: Mapping[str, Any]) -> None:
    tried = day.told("rebalance", day.model.name, f"--only-from={chosen}", "--dry-run")
    assert lasting(tried["portfolios"]) == lasting(run["portfolios"])
    assert tried["summary"] == run["summary"]
    assert (run["partial"], run["state"]) == (True, "COMPLETED")
    assert {one["portfolio_id"] for one in run["portfolios"]} == {one["portfolio_id"] for one in day.outside}


def test_the_comparison_has_told_the_result_of_the_run(
    compared: Mapping[str, Any], run: Mapping[str, Any]
) -> None:
    rows = of_variant(compared, "to target")
    for one in run["portfolios"]:
        row = rows[one["portfolio_id"]]
        assert {name: row[name] for name in COMPARED} == {name: one[name] for name in COMPARED}
        assert row["trade_count"] == one["buys"] + one["sells"] == len(one["transactions"])


def test_the_result_says_what_needs_a_look_and_its_orders_add_up(day: Day, run: Mapping[str, Any]) -> None:
    shown = day.told("runs", "show", run["rebalance_id"], day.worst["portfolio_id"])
    line = line_of(shown, day.worst["worst_ticker"])
    assert (line["reason"], line["bound_by"], line["trade_quantity"]) == ("RESTRICTED", "SETTINGS", 0)
    table = " ".join(day.done("runs", "show", run["rebalance_id"]).split())
    assert f"Outside a band after the trades: {day.worst['portfolio_name']}" in table
    orders = day.told("runs", "orders", run["rebalance_id"])["orders"]
    traded = {"BUY": Decimal(0), "SELL": Decimal(0)}
    for one in orders:
        assert Decimal(one["value"]) == one["quantity"] * Decimal(one["price"])
        traded[one["side"]] += Decimal(one["value"])
    told = run["summary"]
    assert (traded["BUY"], traded["SELL"]) == (Decimal(told["buy_value"]), Decimal(told["sell_value"]))
    assert Decimal(told["cash_after"]) == Decimal(told["cash_before"]) - traded["BUY"] + traded["SELL"]
    assert day.worst["worst_ticker"] not in {
        one["ticker"] for one in orders if one["portfolio_id"] == day.worst["portfolio_id"]
    }


def test_the_run_is_right_and_its_report_tells_it(day: Day, run: Mapping[str, Any]) -> None:
    export, page = day.folder / "run.jsonl", day.folder / "run.html"
    day.done("runs", "export", run["rebalance_id"], "-o", str(export))
    verified = CliRunner().invoke(main, ["verify", str(export), "--prove"])
    assert verified.exit_code == 0, verified.output
    day.done("report", run["rebalance_id"], "-o", str(page))
    read = read_page(page)
    expected = {one["portfolio_id"]: (one["drift_after"], one["turnover"]) for one in run["portfolios"]}
    columns = zip(read.column("id"), read.column("drift_after"), read.column("turnover"), strict=True)
    assert {key: (drift, turnover) for key, drift, turnover in columns} == expected
    lines = read.lines(read.column("id").index(day.worst["portfolio_id"]))
    told = [page_line(read, lines, place) for place in range(len(lines["security"]))]
    [restricted] = [one for one in told if one["ticker"] == day.worst["worst_ticker"]]
    assert (restricted["trade"], restricted["reason"]) == (0, "restricted, by the portfolio's settings")


@pytest.mark.usefixtures("filled")
def test_tomorrow_begins_where_the_orders_of_today_end(day: Day, run: Mapping[str, Any]) -> None:
    """What is outside its band then is what the restriction holds there."""
    tomorrow = {
        one["portfolio_id"]: one for one in day.told("portfolios", "drift", day.model.name)["portfolios"]
    }
    for one in run["portfolios"]:
        found = tomorrow[one["portfolio_id"]]
        assert (found["market_value"], found["drift"]) == (one["market_value"], one["drift_after"])
        assert found["outside_bands"] == (one["portfolio_id"] == day.worst["portfolio_id"])
    worst = tomorrow[day.worst["portfolio_id"]]
    names = ("worst_ticker", "worst_weight", "worst_distance")
    assert [worst[name] for name in names] == [day.worst[name] for name in names]
