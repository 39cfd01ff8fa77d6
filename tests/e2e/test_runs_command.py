"""`ordergen runs`: what operators see of runs, take with them, and check."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymongo
import pytest
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import rebalance_pb2
from google.type import decimal_pb2

from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID
from tests.e2e.api import Api, message_of, served
from tests.exports import lines_of, rewritten
from tests.limits import PATIENCE
from tests.report_pages import line_of, read_page

pb = rebalance_pb2
PORTFOLIOS = 12
POSITIONS = 60


@dataclass(frozen=True)
class Served:
    """A server with a model, and a run of it by default and one with options."""

    api: Api
    model_id: str
    plain: pb.Rebalance
    limited: pb.Rebalance

    def ran(self, *arguments: str) -> Result:
        target = [] if "verify" in arguments else [f"--target=127.0.0.1:{self.api.port}"]
        noun = [] if arguments[0] == "report" else ["runs"]
        return CliRunner().invoke(main, [*noun, *arguments, *target])

    def done(self, *arguments: str) -> str:
        """The output of a command that does what it is told; a slow one shows its progress elsewhere."""
        result = self.ran(*arguments)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def exported(self, run: pb.Rebalance, path: Path) -> Path:
        self.done("export", run.rebalance_id, f"--output={path}")
        return path


@pytest.fixture(scope="module")
def runs(mongodb_uri: str, clean_siblings: SimulatedSiblings, worker_id: str) -> Iterator[Served]:
    name = f"ordergen-test-runs-{worker_id}"
    options = pb.RebalanceOptions(
        strategy=pb.STRATEGY_TO_BAND,
        minimum_cash=pb.MinimumCash(weight=decimal_pb2.Decimal(value="0.01")),
        minimum_trade_value=decimal_pb2.Decimal(value="50.5"),
    )
    with served(mongodb_uri, name, clean_siblings) as api:
        model = api.create(message_of(clean_siblings.model, portfolios=PORTFOLIOS))
        *_, plain = api.rebalance_all(model.model_id)
        *_, limited = api.rebalance_all(model.model_id, options)
        yield Served(api, model.model_id, plain.finished, limited.finished)
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)


def test_runs_are_listed_newest_first(runs: Served) -> None:
    told = json.loads(runs.done("list", f"--model={runs.model_id}", "--json"))["rebalances"]
    assert [one["rebalance_id"] for one in told] == [runs.limited.rebalance_id, runs.plain.rebalance_id]
    assert told[0]["options"] == {
        "strategy": "TO_BAND",
        "minimum_cash_weight": "0.01",
        "minimum_trade_value": "50.5",
        "solver_timeout_seconds": 30.0,
    }
    table = runs.done("list", "--limit=1")
    assert runs.limited.rebalance_id in table
    assert runs.plain.rebalance_id not in table


def test_a_run_is_shown_with_a_line_a_portfolio(runs: Served) -> None:
    table = runs.done("show", runs.plain.rebalance_id)
    assert f"{runs.plain.rebalance_id}  COMPLETED" in table
    assert table.count("PROVEN_OPTIMAL") == runs.plain.rebalanced_count
    told = json.loads(runs.done("show", runs.plain.rebalance_id, "--json"))
    assert told["counts"]["REBALANCED"] == runs.plain.rebalanced_count
    ids = [one["portfolio_id"] for one in told["portfolios"]]
    assert len(set(ids)) == PORTFOLIOS == len(ids)


def test_portfolios_in_a_state_alone(runs: Served) -> None:
    arguments = ("show", runs.plain.rebalance_id, "--state=NO_ACTION", "--json")
    told = json.loads(runs.done(*arguments))
    assert [one["state"] for one in told["portfolios"]] == ["NO_ACTION"] * runs.plain.no_action_count
    assert runs.plain.no_action_count


def test_the_lines_of_a_portfolio(runs: Served, clean_siblings: SimulatedSiblings) -> None:
    run_id, portfolio = runs.plain.rebalance_id, clean_siblings.model.portfolio_ids[0]
    table = runs.done("show", run_id, f"--portfolio={portfolio}")
    assert "PROVEN_OPTIMAL: objective" in table
    assert "nearest whole share to target" in table
    told = json.loads(runs.done("show", run_id, f"--portfolio={portfolio}", "--json"))
    assert len(told["positions"]) >= POSITIONS
    stored = runs.api.portfolio(run_id, portfolio)
    assert [one["price"] for one in told["positions"]] == [one.price.value for one in stored.positions]


def test_lines_are_of_one_portfolio_or_none(runs: Served) -> None:
    done = runs.ran("show", runs.plain.rebalance_id, "--portfolio=x", "--state=FAILED")
    assert done.exit_code == 2
    assert "--state" in done.stderr


@pytest.mark.parametrize("name", ["plain", "limited"])
def test_what_is_exported_is_right_and_solved_again_the_same(runs: Served, name: str, tmp_path: Path) -> None:
    run: pb.Rebalance = getattr(runs, name)
    path = runs.exported(run, tmp_path / "run.jsonl")
    told = runs.done("verify", str(path), "--prove")
    solved = run.rebalanced_count + run.no_action_count - 1  # one portfolio is new and has nothing
    assert f"{solved} portfolios and their" in told
    assert "solved again without a contradiction: " in told  # how many depends on the time that it took
    counted = json.loads(runs.done("verify", str(path), "--json"))
    assert (counted["messages"], counted["portfolios_computed"]) == (PORTFOLIOS + 2, solved)
    assert (counted["portfolios_without_lines"]["NO_ACTION"], counted["wrong"]) == (1, 0)


def test_what_is_wrong_is_named_and_the_command_fails(runs: Served, tmp_path: Path) -> None:
    path = runs.exported(runs.plain, tmp_path / "run.jsonl")
    lines = lines_of(path)
    portfolio = next(one["portfolio"] for one in lines if "solution" in one.get("portfolio", ()))
    portfolio["positions"][0]["adjustedQuantity"]["value"] = "77777777"
    rewritten(lines, path)
    done = runs.ran("verify", str(path))
    assert done.exit_code == 1
    assert portfolio["portfolioId"] in done.stdout
    assert "77777777" in done.stdout
    assert f"Run {runs.plain.rebalance_id}: 1 wrong." in done.stdout
    told = json.loads(runs.ran("verify", str(path), "--json").stdout)
    assert (told["wrong"], told["findings"][0]["found"]) == (1, "77777777")


def test_an_export_overwrites_nothing(runs: Served, tmp_path: Path) -> None:
    path = runs.exported(runs.plain, tmp_path / "run.jsonl")
    again = ("export", runs.plain.rebalance_id, f"--output={path}")
    refused = runs.ran(*again)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--force" in refused.stderr
    told = json.loads(runs.done(*again, "--force", "--json"))
    assert told == {"file": str(path), "sha256": lines_of(path)[0]["sha256"]}


def test_an_export_of_a_run_that_is_not_there_leaves_nothing(runs: Served, tmp_path: Path) -> None:
    done = runs.ran("export", MODEL_ID, f"--output={tmp_path / 'run.jsonl'}")
    assert done.exit_code == 1
    assert MODEL_ID in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no JSON"),
        ("[]\n", "does not name"),
        ('{"format": "another"}\n', "does not name"),
        ('{"format": "ordergen-rebalance", "version": 2}\n', "is of version 2"),
    ],
)
def test_what_is_no_export_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    done = CliRunner().invoke(main, ["runs", "verify", str(path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr


def test_the_client_runs_without_the_optimizer(tmp_path: Path) -> None:
    """It is loaded by --prove alone, which says what is missing."""
    path = tmp_path / "file"
    path.write_text("{}\n")
    program = (
        "import sys; sys.modules['optimizer'] = None\n"
        "from ordergen_client.cli import main\n"
        f"main(['runs', 'verify', {str(path)!r}, '--prove'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 2
    assert "--prove needs optimizer, which is not installed" in done.stderr


def test_a_report_has_the_numbers_of_the_service(runs: Served, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    run_id = runs.limited.rebalance_id
    told = json.loads(runs.done("report", run_id, f"--output={path}", "--json"))
    assert told == {"file": str(path), "rebalance_id": run_id}
    page = read_page(path)
    assert len(set(page.column("id"))) == PORTFOLIOS
    for row, portfolio_id in enumerate(page.column("id")):
        stored = runs.api.portfolio(run_id, portfolio_id)
        assert page.column("market_value")[row] == stored.market_value.value
        assert page.column("cash_after")[row] == (stored.cash_after.value or None)
        assert page.column("drift_after")[row] == (stored.drift_after.value or None)
        if stored.positions:
            lines = page.lines(row)
            found = [line_of(page, lines, place) for place in range(len(stored.positions))]
            assert [(one["id"], one["ticker"], one["price"], one["held"]) for one in found] == [
                (one.security_id, one.ticker, one.price.value, one.original_quantity.value)
                for one in stored.positions
            ]
            assert [abs(one["trade"]) for one in found] == [one.trade_quantity for one in stored.positions]


def test_a_report_from_an_export_is_the_same(runs: Served, tmp_path: Path) -> None:
    export = runs.exported(runs.plain, tmp_path / "run.jsonl")
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    assert runs.done("report", runs.plain.rebalance_id, "-o", str(first)).strip() == str(first)
    runs.done("report", "--from", str(export), "-o", str(second))
    assert first.read_text() == second.read_text()
    refused = runs.ran("report", "--from", str(export), "-o", str(second))
    assert (refused.exit_code, "--force" in refused.stderr) == (1, True)
    runs.done("report", "--from", str(export), "-o", str(second), "--force")


@pytest.mark.parametrize("arguments", [(), (MODEL_ID, "--from", __file__)])
def test_a_report_is_of_a_run_or_of_an_export(runs: Served, arguments: tuple[str, ...]) -> None:
    done = runs.ran("report", *arguments)
    assert done.exit_code == 2
    assert "one of the two" in done.stderr


def test_a_report_of_what_is_no_export_leaves_nothing(runs: Served, tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text("{}\n")
    done = runs.ran("report", "--from", str(path), "-o", str(tmp_path / "report.html"))
    assert done.exit_code == 1
    assert "is no export of a run" in done.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_a_workbook_has_a_sheet_of_lines(runs: Served, tmp_path: Path) -> None:
    path = tmp_path / "run.xlsx"
    told = json.loads(runs.done("export", runs.plain.rebalance_id, "-o", str(path), "--json"))
    assert told == {"file": str(path)}
    with zipfile.ZipFile(path) as book:
        lines = book.read("xl/worksheets/sheet4.xml").decode()
    assert lines.count("<row ") >= PORTFOLIOS * POSITIONS * 0.9


def test_what_the_report_needs_is_named_where_it_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("{}\n")
    program = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from ordergen_client.cli import main\n"
        f"main(['report', '--from', {str(path)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 2
    assert "This needs jinja2, which is not installed: install globeco-ordergen-client[report]" in done.stderr
