"""Every command's output at every width, held to what somebody has looked at."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymongo
import pytest
from click.testing import CliRunner, Result
from syrupy.assertion import SnapshotAssertion

from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, served

POSITIONS, PORTFOLIOS = 6, 4
VARIANTS = """\
variants:
  - name: to target
  - name: to band
    options: {strategy: TO_BAND}
  - name: one trade
    options: {maximum_trade_count: 1, minimum_cash_weight: 1%}
"""
WIDTHS = (60, 80, 100, 140)
#: What differs from run to run, and what stands for it: as long as it is.
SETTLED = (
    (re.compile(r"T[0-9:.]+\+00:00"), "T03:04:05+00:00"),
    (re.compile(r"\d\d:\d\d:\d\d"), "03:04:05"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "2026-01-02"),
)
_ID = re.compile(r"\b(?!1a49294e)[0-9a-f]{24}\b")


@dataclass(frozen=True)
class Desk:
    """A server with a model of few positions, and one run of it."""

    api: Api
    folder: Path

    def ran(self, command: str, **variables: str) -> Result:
        arguments = [part.replace("FOLDER", str(self.folder)) for part in command.split()]
        target = [] if "context" in arguments else [f"--target=127.0.0.1:{self.api.port}"]
        unset = dict.fromkeys(("FORCE_COLOR", "NO_COLOR", "COLUMNS"))
        variables = {"XDG_CONFIG_HOME": str(self.folder / "config"), **variables}
        return CliRunner().invoke(main, [*arguments, *target], env={**unset, **variables})

    def done(self, command: str, **variables: str) -> str:
        result = self.ran(command, **variables)
        assert result.exit_code in {0, 3}, result.output
        return settled(result.stdout)


def settled(text: str) -> str:
    """The text with what differs from run to run replaced, each id by its number."""
    for pattern, constant in SETTLED:
        text = pattern.sub(constant, text)
    seen: dict[str, str] = {}
    return _ID.sub(lambda found: seen.setdefault(found[0], f"{len(seen) + 1:024d}"), text)


@pytest.fixture(scope="module")
def desk(mongodb_uri: str, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    name = f"ordergen-test-golden-{worker_id}"
    folder = tmp_path_factory.mktemp("golden")
    with (
        SimulatedSiblings(portfolios=PORTFOLIOS, positions=POSITIONS, seed=1) as siblings,
        served(mongodb_uri, name, siblings, portfolio_workers=1) as api,
    ):
        lines = siblings.model.positions
        rows = [f"{one.security_id},{one.target},{one.low_drift},{one.high_drift}\n" for one in lines]
        (folder / "model.csv").write_text("security,target,low_drift,high_drift\n" + "".join(rows))
        (folder / "variants.yaml").write_text(VARIANTS)
        less = [f"{one.security_id},5%,1%,1%\n" for one in lines[1:]]
        (folder / "less.csv").write_text("security,target,low_drift,high_drift\n" + "".join(less))
        linked = " ".join(f"--portfolio {one}" for one in siblings.model.portfolio_ids)
        made = Desk(api, folder)
        made.done(f"models create -f FOLDER/model.csv --name Balanced {linked}")
        made.done("rebalance Balanced --wait --json")
        made.done(
            f"portfolios settings set 1a49294e84ffa18900000002 --restrict {lines[0].security_id}=hold"
            " --minimum-cash 1000.50 --minimum-cash-weight 6.7% --note Quarterly"
        )
        yield made
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)


COMMANDS = (
    "models list",
    "models show Balanced",
    "models diff Balanced -f FOLDER/less.csv",
    "portfolios drift Balanced --quiet",
    "portfolios show 1a49294e84ffa18900000001",
    "runs list",
    "runs show Balanced",
    "runs show latest 1a49294e84ffa18900000001",
    "runs orders latest",
    "rebalance Balanced --dry-run --quiet",
    "verify Balanced",
    "runs compare Balanced -f FOLDER/variants.yaml --frontier 2 --quiet",
    "runs compare Balanced -f FOLDER/variants.yaml --portfolios --quiet",
    "rebalance --portfolio 1a49294e84ffa18900000001 --dry-run --maximum-trades 1 --explain-rules --quiet",
    "portfolios settings list",
    "portfolios settings show 1a49294e84ffa18900000002",
)
#: What is told in lines of names and values alone.
PLAIN = (
    "rebalance --portfolio 1a49294e84ffa18900000001 --dry-run --maximum-trades 1 --explain-rules --quiet",
    "portfolios settings show 1a49294e84ffa18900000002",
)
STREAMED = (
    "portfolios drift Balanced --quiet",
    "rebalance Balanced --dry-run --quiet",
    "runs show Balanced",
    "runs orders latest",
    "runs compare Balanced -f FOLDER/variants.yaml --portfolios --quiet",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", WIDTHS)
def test_on_a_terminal(desk: Desk, command: str, width: int, snapshot: SnapshotAssertion) -> None:
    told = desk.done(command, FORCE_COLOR="1", NO_COLOR="1", COLUMNS=str(width), TERM="xterm")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    assert "…" not in plain
    assert max(map(len, plain.splitlines())) <= width
    assert plain == snapshot


@pytest.mark.parametrize("command", COMMANDS)
def test_piped(desk: Desk, command: str, snapshot: SnapshotAssertion) -> None:
    told = desk.done(command)
    assert "\x1b" not in told
    assert told == snapshot


@pytest.mark.parametrize("command", COMMANDS)
def test_in_colour(desk: Desk, command: str, snapshot: SnapshotAssertion) -> None:
    told = desk.done(command, FORCE_COLOR="1", COLUMNS="100", TERM="xterm-256color")
    assert command in PLAIN or "\x1b[" in told
    assert told == snapshot


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "yaml"])
@pytest.mark.parametrize("command", COMMANDS)
def test_for_programs(desk: Desk, command: str, form: str, snapshot: SnapshotAssertion) -> None:
    told = desk.done(f"{command} --output {form}")
    if command in STREAMED:  # programs get portfolios as they are done, in whichever order that is
        parts = re.split(r"\n|, (?={)|, (?=..?portfolio_id)|\[|\]", told)
        assert sorted(part.strip(", {}") for part in parts) == snapshot
    else:
        assert told == snapshot


#: What writes, in this order; all is as it was afterwards. SECURITY is the first of the model, FRESH a
#: portfolio that never had settings before: their versions go on.
WRITING = (
    "models create -f FOLDER/less.csv --name Written",
    "models create -f FOLDER/less.csv --name Written",
    "models set-position Written SECURITY --weight 5%",
    "models set-position Written SECURITY --weight 10% --low-drift 1%",
    "models remove-position Written SECURITY",
    "models update Written -f FOLDER/less.csv",
    "models link Balanced 1a49294e84ffa18900000001",
    "models link Written 1a49294e84ffa18900000001",
    "models unlink Written 1a49294e84ffa18900000001",
    "models delete Written",
    "models delete Written --yes",
    "portfolios settings set FRESH --do-not-trade Closed --until 2026-12-31",
    "portfolios settings set FRESH --restrict SECURITY=do_not_buy --maximum-turnover 5%",
    "portfolios settings set FRESH --security-limit SECURITY=2%:10%",
    "portfolios settings show FRESH",
    "portfolios settings set FRESH",
    "portfolios settings unset FRESH --do-not-trade --restrict SECURITY --security-limit SECURITY",
    "portfolios settings unset FRESH --restrict SECURITY",
    "portfolios settings delete FRESH",
    "portfolios settings delete FRESH --yes",
    "portfolios settings show FRESH",
    "runs cancel latest",
    "runs delete latest",
    "context add desk --target desk.example:8088",
    "context add lab --target lab.example:8088",
    "context use lab",
    "context list",
    "context remove lab",
    "context remove desk",
)


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("width", [*WIDTHS, None])
def test_what_is_written_is_told(
    desk: Desk, width: int | None, form: str, snapshot: SnapshotAssertion
) -> None:
    """On a terminal and piped: with the exit code of each, and what is refused."""
    terminal = (
        {} if width is None else {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"}
    )
    security = (desk.folder / "model.csv").read_text().splitlines()[1].partition(",")[0]
    fresh = uuid.uuid4().hex[:24]
    told = []
    for command in WRITING:
        named = command.replace("SECURITY", security).replace("FRESH", fresh)
        done = desk.ran(f"{named} --output {form}", **terminal)
        told.append(f"$ {command}\n{done.output}exit code {done.exit_code}\n")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", settled("".join(told)))
    assert "…" not in plain
    assert plain.replace(str(desk.folder), "FOLDER") == snapshot
