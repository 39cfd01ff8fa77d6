"""`ordergen import-legacy` end to end: from the documents of the service before to every call of ours."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pymongo
import pytest
from bson import Decimal128
from click.testing import CliRunner
from globeco.ordergen.v1 import (
    model_service_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
)
from google.type import date_pb2

from ordergen_client.cli import main
from ordergen_client.client import Client
from ordergen_server.domain.errors import DatabaseUnavailable
from ordergen_server.legacy import __main__ as program
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import portfolio_id, security_id
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.e2e.programs import ran
from tests.fronts import front_process
from tests.legacy_documents import (
    CREATED,
    RAN,
    Document,
    legacy_id,
    model_document,
    portfolio_document,
    rebalance_document,
)
from tests.limits import DATABASE_SECONDS, PATIENCE

pb = rebalance_pb2
MODEL, RUN, ALONE, PARTLY = str(legacy_id(1)), *(str(legacy_id(number, RAN)) for number in (1, 2, 3))
MODELS = [
    model_document(1),
    model_document(2, portfolios=[portfolio_id(10)]),  # which follows the first, too
    model_document(3, positions=[{**model_document()["positions"][0], "target": Decimal128("0.3333")}]),
]
RUNS = [
    rebalance_document(1),
    rebalance_document(2, [portfolio_document(10)], version=2),
    rebalance_document(3, number_of_portfolios=5),
    rebalance_document(4, [portfolio_document(10, changed={1: {"price": Decimal128("0")}})]),
]


@dataclass(frozen=True)
class Moved:
    """A server that serves while the command imports, and what that said each time."""

    api: Api
    foretold: Document
    first: "subprocess.CompletedProcess[str]"
    again: Document
    dry_runs_models: int


def command(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return ran("ordergen_client.cli", "import-legacy", *arguments, **settings)


def _followed(siblings: SimulatedSiblings) -> Document:
    """A model of securities that there are, with a portfolio that there is."""
    positions = [
        {
            "security_id": one.security_id,
            **{name: Decimal128(getattr(one, name)) for name in ("target", "low_drift", "high_drift")},
        }
        for one in siblings.model.positions
    ]
    return model_document(9, positions=positions, portfolios=[siblings.model.portfolio_ids[0]])


@pytest.fixture(scope="module")
def moved(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Moved]:
    with temporary_database(mongodb_uri) as old, temporary_database(mongodb_uri) as new:
        settings = {"ORDERGEN_LEGACY_MONGODB_URI": mongodb_uri, "ORDERGEN_MONGODB_URI": "mongodb://nowhere"}
        names = (f"--from-database={old}", f"--to={mongodb_uri}", f"--to-database={new}")
        with (
            pymongo.MongoClient[Document](mongodb_uri) as client,
            served(mongodb_uri, new, clean_siblings) as api,
        ):
            client[old].models.insert_many([*MODELS, _followed(clean_siblings)])
            client[old].rebalances.insert_many(RUNS)
            foretold = command(*names, "--dry-run", "--json", **settings)
            count = client[new].models.count_documents({})
            first = command(*names, **settings)
            again = command(*names, "--json", **settings)
            yield Moved(api, json.loads(foretold.stdout), first, json.loads(again.stdout), count)


def test_the_report_has_what_became_of_everything(moved: Moved) -> None:
    assert moved.first.returncode == 3
    lines = moved.first.stdout.splitlines()
    target = f"{legacy_id(3)}, positions[0].target: must be a multiple of 0.005; it is 0.3333"
    price = f"{legacy_id(4, RAN)}, portfolios[0].positions[1].price: must be above 0; it is 0"
    assert f"not taken: models {target}" in lines
    assert f"not taken: rebalances {price}" in lines
    nothing = dict.fromkeys(("taken", "there", "changed_here", "removed_here", "not_taken"), 0)
    assert moved.again["models"] == {**nothing, "there": 2, "not_taken": 2}
    assert moved.again["rebalances"] == {**nothing, "there": 3, "not_taken": 1}
    found = {(one["id"], one["field"]): (one["rule"], one["value"]) for one in moved.again["findings"]}
    assert found == {
        (str(legacy_id(2)), "portfolios"): (
            f"must belong to no other model, and {MODEL} has it",
            portfolio_id(10),
        ),
        (str(legacy_id(3)), "positions[0].target"): ("must be a multiple of 0.005", "0.3333"),
        (str(legacy_id(4, RAN)), "portfolios[0].positions[1].price"): ("must be above 0", "0"),
    }


def test_a_dry_run_foretells_and_writes_nothing(moved: Moved) -> None:
    assert moved.dry_runs_models == 0
    assert moved.foretold["dry_run"] is True
    assert moved.foretold["models"]["taken"] == 2
    assert moved.foretold["rebalances"]["taken"] == 3
    assert moved.foretold["findings"] == moved.again["findings"]


def test_a_model_is_read_like_our_own(moved: Moved) -> None:
    model = moved.api.get(MODEL)
    assert (model.name, model.version, list(model.portfolio_ids)) == (
        "Model 1",
        4,
        [portfolio_id(10), portfolio_id(11)],
    )
    assert [(one.security_id, one.target.value, one.low_drift.value) for one in model.positions] == [
        (security_id(1), "0.3", "0.01"),
        (security_id(2), "0.250", "0.01"),
    ]
    times = (model.create_time, model.update_time, model.last_rebalance_time)
    assert [one.ToDatetime(UTC) for one in times] == [CREATED, RAN, RAN]
    listed = moved.api.models.ListModels(
        model_service_pb2.ListModelsRequest(order_by="name", portfolio_id=portfolio_id(11)), timeout=PATIENCE
    )
    assert list(listed.models) == [model]


def test_a_model_is_rebalanced_like_our_own(moved: Moved, clean_siblings: SimulatedSiblings) -> None:
    answer = moved.api.rebalance(clean_siblings.model.portfolio_ids[0])
    assert answer.state == pb.PORTFOLIO_REBALANCE_STATE_REBALANCED
    assert moved.api.run(answer.rebalance_id).model_version == 4
    model = moved.api.get(str(legacy_id(9)))
    assert (model.version, model.last_rebalance_time.ToDatetime(UTC) > RAN) == (4, True)


def test_a_run_says_what_is_known_and_nothing_else(moved: Moved) -> None:
    run = moved.api.run(RUN)
    expected = pb.Rebalance(
        rebalance_id=RUN,
        model_id=MODEL,
        model_name="Model 1",
        state=pb.REBALANCE_STATE_COMPLETED,
        rebalance_date=date_pb2.Date(year=2025, month=9, day=16),
        portfolio_count=2,
        rebalanced_count=2,
        version=1,
        review_counts=pb.ReviewCounts(pending_count=2),
    )
    expected.create_time.FromDatetime(RAN)
    expected.finish_time.FromDatetime(RAN)
    assert run == expected
    partly = moved.api.run(PARTLY)
    assert (partly.state, partly.portfolio_count, partly.rebalanced_count, partly.failed_count) == (
        pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS,
        5,
        2,
        0,
    )
    request = rebalance_service_pb2.ListRebalancesRequest(model_id=MODEL, portfolio_ids=[portfolio_id(10)])
    listed = moved.api.rebalances.ListRebalances(request, timeout=PATIENCE)
    assert [one.rebalance_id for one in listed.rebalances] == [PARTLY, ALONE, RUN]


@pytest.mark.parametrize("run_id", [RUN, ALONE, PARTLY])
def test_a_portfolio_has_its_lines_and_no_proof(moved: Moved, run_id: str) -> None:
    found = moved.api.portfolio(run_id, portfolio_id(10))
    assert (found.state, found.HasField("solution"), found.HasField("snapshot_time")) == (
        pb.PORTFOLIO_REBALANCE_STATE_REBALANCED,
        False,
        False,
    )
    money = (found.market_value, found.cash_before, found.cash_after)
    assert [one.value for one in money] == ["30480.00", "21626.70", "12381.00"]
    bought, held, sold = found.positions
    assert {one.reason for one in found.positions} == {pb.POSITION_REASON_UNSPECIFIED}
    assert (bought.security_id, bought.price.value, bought.trade_quantity, bought.transaction_type) == (
        security_id(1),
        "33.33",
        290,
        pb.TRANSACTION_TYPE_BUY,
    )
    assert (bought.original_quantity.value, bought.adjusted_quantity.value) == ("10", "300")
    assert (bought.actual.value, bought.actual_drift.value) == ("0.3281", "-0.0935")
    assert (held.trade_quantity, held.HasField("trade_date")) == (0, False)
    assert (sold.transaction_type, sold.HasField("actual_drift")) == (pb.TRANSACTION_TYPE_SELL, False)
    assert sold.trade_date == date_pb2.Date(year=2025, month=9, day=16)
    listed = moved.api.rebalances.ListPortfolioRebalances(
        rebalance_service_pb2.ListPortfolioRebalancesRequest(rebalance_id=run_id), timeout=PATIENCE
    )
    assert listed.portfolio_rebalances[0].transactions == found.transactions
    assert not listed.portfolio_rebalances[0].positions


@pytest.mark.parametrize(("run_id", "count"), [(RUN, 2), (ALONE, 1), (PARTLY, 2)])
def test_a_run_is_told_from_its_beginning_to_its_end(moved: Moved, run_id: str, count: int) -> None:
    request = rebalance_service_pb2.WatchRebalanceRequest(rebalance_id=run_id)
    told = list(moved.api.rebalances.WatchRebalance(request, timeout=PATIENCE))
    assert [one.sequence for one in told] == list(range(1, count + 3))
    assert told[0].started.state == pb.REBALANCE_STATE_RUNNING
    assert told[-1].finished == moved.api.run(run_id)


def test_the_commands_show_it(moved: Moved, tmp_path: Path) -> None:
    """An export of it is one, and cannot be verified: nothing tells what was asked for."""
    target = f"--target=127.0.0.1:{moved.api.port}"

    def told(*arguments: str) -> str:
        return CliRunner().invoke(main, ["runs", *arguments]).stdout

    shown = told("show", RUN, target)
    assert "its version is not known" in shown
    assert "not known" in shown.partition("Options")[2].splitlines()[0]
    assert "UNSPECIFIED" in told("show", RUN, f"--portfolio={portfolio_id(10)}", "--json", target)
    (one,) = json.loads(told("list", f"--model={MODEL}", "--limit=1", "--json", target))["rebalances"]
    assert (one["rebalance_id"], one["options"], one["model_version"]) == (PARTLY, None, 0)
    path = tmp_path / "run.jsonl"
    assert str(path) in told("export", RUN, f"--output={path}", target)
    verdict = json.loads(told("verify", str(path), "--json"))
    assert [(one["where"], one["rule"]) for one in verdict["findings"]] == [("run", "can be read")]
    assert "imported" in verdict["findings"][0]["found"]


def test_the_rest_front_answers_what_the_service_before_stored(moved: Moved) -> None:
    """Number by number, but for the cash after the trades, which that one did not compute."""
    with front_process(f"127.0.0.1:{moved.api.port}") as front:
        answer = front.ask("GET", f"/api/v1/rebalance/{RUN}").json
    stored = RUNS[0]
    assert (answer["model_id"], answer["model_name"]) == (MODEL, stored["model_name"])
    assert answer["number_of_portfolios"] == stored["number_of_portfolios"]
    for found, document in zip(answer["portfolios"], stored["portfolios"], strict=True):
        for name in ("market_value", "cash_before_rebalance"):
            assert Decimal(found[name]) == document[name].to_decimal()
        lines = sorted(document["positions"], key=lambda line: str(line["security_id"]))
        for told, line in zip(found["positions"], lines, strict=True):
            for name, value in line.items():
                if name in ("actual", "actual_drift"):
                    assert Decimal(told[name]) == round(value.to_decimal(), 4)
                elif isinstance(value, Decimal128):
                    assert Decimal(told[name]) == value.to_decimal()
                elif name != "trade_date":
                    assert told[name] == value
            assert (told["trade_date"] is None) == (line["trade_date"] is None)


def test_the_client_reads_it(moved: Moved) -> None:
    with Client(f"127.0.0.1:{moved.api.port}") as client:
        run = client.runs.get(RUN)
        found = client.runs.portfolio(RUN, portfolio_id(11))
    assert (run.options, run.model_version, run.create_time, run.summary) == (None, 0, RAN, None)
    assert (found.solution, found.cash_after, found.positions[0].reason) == (
        None,
        Decimal("12381.00"),
        "UNSPECIFIED",
    )


Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Refused:
    """What the program says that cannot begin, without a process, of which each takes seconds."""

    def refused(**settings: str) -> str:
        for name in [name for name in os.environ if name.startswith("ORDERGEN_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["legacy"])
        assert program.main() == 1
        printed = capfd.readouterr()
        assert printed.out == ""
        assert "hunter2" not in printed.err
        return printed.err

    return refused


@pytest.mark.parametrize(
    ("source", "settings", "told"),
    [
        ("", {}, "nothing says where to import from: give --from, or set ORDERGEN_LEGACY_MONGODB_URI"),
        ("mongodb://h", {}, "nothing names the database to import from"),
        ("mongodb://h/old", {}, "nothing says where to import to: give --to"),
        (
            "mongodb://h/o$d",
            {"ORDERGEN_MONGODB_URI": "mongodb://h"},
            "the name of the database to import from",
        ),
        ("me:hunter2@h/old", {}, "the address of the database to import from is not that of a MongoDB"),
        (
            "mongodb://me:hunter2@h:x/old",
            {"ORDERGEN_MONGODB_URI": "mongodb://h"},
            "the database to import from: mongodb_uri is not the address of a MongoDB",
        ),
        ("mongodb://[hunter2", {}, "nothing names the database to import from"),
        ("mongodb://h/old", {"ORDERGEN_PORT": "many"}, "ORDERGEN_PORT: "),
    ],
)
def test_what_cannot_begin_says_why(
    refused: Refused, source: str, settings: dict[str, str], told: str
) -> None:
    given = {"ORDERGEN_LEGACY_MONGODB_URI": source} if source else {}
    said = refused(**given, **settings)
    assert said.startswith(f"import-legacy: {told}")
    assert said.count("\n") == 1


def test_a_source_that_does_not_answer_is_told(refused: Refused, tmp_path: Path) -> None:
    """Its address may come from a file, as a secret is mounted."""
    secret = tmp_path / "uri"
    secret.write_text("mongodb://me:hunter2@127.0.0.1:1/old?directConnection=true\n")
    said = refused(
        ORDERGEN_LEGACY_MONGODB_URI_FILE=str(secret),
        ORDERGEN_MONGODB_URI="mongodb://127.0.0.1:1",
        ORDERGEN_MONGODB_TIMEOUT_SECONDS="0.5",
    )
    assert said == "import-legacy: the database to import from: The database does not answer: try again.\n"


def test_a_target_that_does_not_answer_is_told(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, mongodb_uri: str
) -> None:
    def away(_: object) -> None:
        raise DatabaseUnavailable("The database does not answer: try again.")

    monkeypatch.setattr(program, "check_target", away)
    with temporary_database(mongodb_uri) as name:
        said = refused(**from_and_to(mongodb_uri, name))
    assert said == "import-legacy: the database to import into: The database does not answer: try again.\n"


def from_and_to(mongodb_uri: str, name: str) -> dict[str, str]:
    """Variables of an import of a model from a database into itself."""
    with pymongo.MongoClient[Document](mongodb_uri) as client:
        client[name].models.insert_one(model_document())
    return {
        "ORDERGEN_LEGACY_MONGODB_URI": mongodb_uri,
        "ORDERGEN_LEGACY_MONGODB_DATABASE": name,
        "ORDERGEN_MONGODB_URI": mongodb_uri,
        "ORDERGEN_MONGODB_DATABASE": name,
        "ORDERGEN_MONGODB_TIMEOUT_SECONDS": str(DATABASE_SECONDS),
    }


def test_a_database_is_not_imported_into_itself(refused: Refused, mongodb_uri: str) -> None:
    with temporary_database(mongodb_uri) as name:
        said = refused(**from_and_to(mongodb_uri, name))
    assert "the database to import into has models or rebalances of another service" in said


def test_without_the_server_s_parts_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'pymongo' else find(name, *rest)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-m", "ordergen_client.cli", "import-legacy"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert answer.returncode == 2
    assert "install globeco-ordergen[server]" in answer.stderr
