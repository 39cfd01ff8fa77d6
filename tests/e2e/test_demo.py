"""The demo as a newcomer runs it: a process of its own, real parts, nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limits import PATIENCE
from tests.report_pages import read_page

MARKET = "security_id,ticker,description,price_date,price,price_std\n" + "".join(
    f"{number:024d},T{number},Company {number},2018-01-22,{10 + number}.{number:02d},1.5\n"
    for number in range(12)
)


def ordergen(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ordergen_client.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_the_demo_shows_every_portfolio_and_the_orders_of_the_first_and_writes_a_report(
    tmp_path: Path,
) -> None:
    report = tmp_path / "folder" / "report.html"
    done = ordergen("demo", "--portfolios=3", "--positions=5", f"--report={report}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("1a49294e84ffa189000000") - done.stdout.count("Orders of portfolio") == 3
    assert "Run " in done.stdout
    assert "COMPLETED" in done.stdout
    assert done.stdout.splitlines()[-1] == f"Report: {report.as_uri()}"
    assert len(read_page(report).column("id")) == 3


def test_the_demo_over_a_market_file_as_json(tmp_path: Path) -> None:
    market = tmp_path / "market.csv"
    market.write_text(MARKET)
    done = ordergen("demo", "--portfolios=12", "--positions=10", f"--market={market}", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert len(result["portfolios"]) == 12
    explained = [
        one["status"] == "PROVEN_OPTIMAL" or one["state"] == "NO_ACTION" or one["error"] is not None
        for one in result["portfolios"]
    ]
    assert explained == [True] * 12


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--positions=0"], "positions"),
        (["--portfolios=0"], "portfolios"),
        (["--market=no-such-file.csv"], "no-such-file.csv"),
    ],
)
def test_a_bad_argument_is_an_error_that_names_it(arguments: list[str], said: str) -> None:
    done = ordergen("demo", *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]])
def test_help(arguments: list[str]) -> None:
    done = ordergen(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout
