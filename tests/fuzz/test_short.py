"""The short form of `make fuzz`: a few hundred small problems, bounded by their number."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import as_json, main, run
from tests.fuzz.run import Effort
from tests.fuzz.subject import Said

SEED = 20_250_606
EACH = 50
SHORT = Effort(seconds=0.3, large=0)
"""What is not proven in time is no fault: only what is said must be right."""


@pytest.mark.by_oracle
@pytest.mark.parametrize("first", range(0, 10 * EACH, EACH))
def test_nothing_that_is_said_is_wrong(first: int) -> None:
    report, ended = run(SEED, first, EACH, None, SHORT)
    assert as_json(report, SEED, ended, "python -m tests.fuzz")["failures"] == []
    assert report.cases == EACH
    assert len(report.undecided) < EACH / 2  # else hardly anything was checked


def fuzz(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=90,
    )


def test_the_command_reports_for_machines_what_it_did_and_did_not_decide() -> None:
    done = fuzz("--seed", "1", "--first", "19", "--count", "3", "--work", "0", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["seed"], report["cases"]) == (0, 1, 3)
    assert report["ended"] == "all 3 cases asked for were judged"
    decided = sum(count for by, count in report["decided_by"].items() if by != "nobody")
    assert decided + len(report["not_decided"]) == 3
    assert "seed 1" in done.stderr


def test_the_command_judges_a_case_of_its_own() -> None:
    """A single holding in a band without a width: refused, and rightly."""
    line = {"id": "A", "price": "30", "quantity": "0", "target": "0.5", "low": "0", "high": "0"}
    case = {"positions": [line], "cash": "100", "floor": None, "strategy": "TO_TARGET", "constraints": []}
    done = fuzz("--case", "-", text=json.dumps(case))
    assert done.returncode == 0
    assert "answered INFEASIBLE" in done.stdout
    assert "infeasible" in done.stdout.splitlines()[2]


def test_a_wrong_answer_is_shrunk_printed_and_ends_in_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package that refuses everything: the smallest portfolio that has an answer shows it."""
    monkeypatch.setattr("tests.fuzz.run.ask", lambda _case, _seconds: Said("INFEASIBLE"))
    monkeypatch.setattr(
        sys, "argv", ["fuzz", "--seed", "3", "--count", "12", "--large", "0", "--work", "0", "--json"]
    )
    assert main() == 1
    failures = json.loads(capsys.readouterr().out)["failures"]
    false = next(one for one in failures if one["kind"] == "called infeasible; the witness is feasible")
    assert false["case"]["constraints"] == []
    assert false["case"]["floor"] is None
    assert len(false["case"]["positions"]) == len(false["witness"]) <= 1
    assert "--seed 3" in false["repeat"]
