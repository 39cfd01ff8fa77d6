"""The examples of the README and of the client's page, run as they stand there."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ordergen_client import Client
from ordergen_client.sandbox import Sandbox, SandboxError, sandbox
from tests.limits import PATIENCE
from tests.waiting import eventually

pytest_plugins = ["ordergen_client.testing"]
ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
CLIENT = (ROOT / "docs" / "client.md").read_text()
BUF = str(Path(sys.executable).with_name("buf"))


def api_example(target: str) -> list[str]:
    """The commands under the API by example, for the stack at `target`."""
    section = README.split("## The API by example")[1].split("## ")[0]
    block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0]
    block = block.replace(".venv/bin/buf", BUF).replace("localhost:8088", target)
    return [command for command in re.split(r"^# .*\n", block, flags=re.MULTILINE) if command.strip()]


def run(command: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_api_by_reflection_alone(ordergen_sandbox: Sandbox) -> None:
    """Another client than ours creates a model, reads it back and rebalances a portfolio."""
    methods, created, listed, rebalanced, runs = map(run, api_example(ordergen_sandbox.target))
    assert "globeco.ordergen.v1.RebalanceService/RebalancePortfolio" in methods.split()
    model = json.loads(created)
    assert [model] == json.loads(listed)["models"]
    portfolio = json.loads(rebalanced)
    assert portfolio["solution"]["status"] == "SOLUTION_STATUS_PROVEN_OPTIMAL"
    stored = json.loads(runs)["rebalances"]
    assert [portfolio["rebalanceId"]] == [one["rebalanceId"] for one in stored]
    assert stored[0]["modelVersion"] == "1"


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl to try the example with")
def test_the_api_by_curl(ordergen_sandbox: Sandbox) -> None:
    section = README.split("## The API by example")[1].split("## ")[0]
    block = next(one for one in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if one.startswith("curl"))
    portfolio = "1a49294e84ffa18900000000"
    with Client(ordergen_sandbox.target) as client:
        if not list(client.models.list(portfolio_id=portfolio)):  # else the example before has made it
            client.models.create(ordergen_sandbox.model_name, ordergen_sandbox.positions, [portfolio])
    commands = block.replace("http://localhost:8080", ordergen_sandbox.rest).replace(
        "curl", "curl --silent --fail"
    )
    models, orders = (json.loads(run(command)) for command in commands.splitlines())
    assert models["models"][0]["portfolio_ids"] == [portfolio]
    assert orders["portfolio_id"] == portfolio


def test_the_example_from_python(ordergen_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    block = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    exec(block.replace("localhost:8088", ordergen_sandbox.target), {})  # noqa: S102 - the README's own code
    told = capsys.readouterr().out
    assert "1a49294e84ffa18900000001 REBALANCED" in told
    assert told.endswith("COMPLETED\n")
    with Client(ordergen_sandbox.target) as client:
        assert [model.name for model in client.models.list(portfolio_id="1a49294e84ffa18900000001")] == [
            "Half in one stock"
        ]


def test_the_example_for_coroutines(ordergen_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    block = re.findall(r"```python\n(.*?)```", CLIENT, re.DOTALL)[0]
    exec(block.replace("localhost:8088", ordergen_sandbox.target), {})  # noqa: S102 - the page's own code
    told = capsys.readouterr().out
    assert "1a49294e84ffa18900000002 REBALANCED" in told
    assert told.endswith("COMPLETED\n")


def example_with(text: str) -> str:
    """The one example of the client's page that has the text in it."""
    found: str
    [found] = [one for one in re.findall(r"```python\n(.*?)```", CLIENT, re.DOTALL) if text in one]
    return found


def test_the_example_of_tickers(ordergen: Client, capsys: pytest.CaptureFixture[str]) -> None:
    exec(example_with(".resolve("), {"client": ordergen})  # noqa: S102 - the page's own code
    known, unknown = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"AAB \['[0-9a-f]{24}'\] False", known)
    assert unknown == "no such ticker [] False"


def test_the_example_of_the_server(ordergen_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is wrong, once nothing is late on a busy machine."""
    block = example_with("diagnose(")

    def is_silent() -> bool:
        exec(block.replace("localhost:8088", ordergen_sandbox.target), {})  # noqa: S102 - the page's own code
        return capsys.readouterr().out == ""

    assert eventually(is_silent)


def test_the_example_of_a_draft(ordergen_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """With the first model that there is, or one of its own: it tells each portfolio and saves nothing."""
    with Client(ordergen_sandbox.target) as client:
        if not list(client.models.list()):
            followed_by = ordergen_sandbox.portfolio_ids[:1]
            client.models.create(ordergen_sandbox.model_name, ordergen_sandbox.positions, followed_by)
        before = list(client.models.list())
        exec(example_with("draft_positions").replace("localhost:8088", ordergen_sandbox.target), {})  # noqa: S102 - the page's own code
        assert list(client.models.list()) == before
    assert len(capsys.readouterr().out.splitlines()) == len(before[0].portfolio_ids)


def test_the_example_of_a_test(ordergen: Client, ordergen_sandbox: Sandbox) -> None:
    """With portfolios of which no other example has made a model."""
    block = example_with("pytest_plugins")
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - the page's own code
    left = replace(ordergen_sandbox, portfolio_ids=ordergen_sandbox.portfolio_ids[3:])
    names["test_every_portfolio_is_rebalanced"](ordergen, left)


def test_a_sandbox_without_its_service_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordergen_client.sandbox.find_spec", lambda _: None)
    with pytest.raises(SandboxError, match=r"install globeco-ordergen\[embedded\]"), sandbox([]):
        pass


def test_the_example_from_proposal_to_order(capsys: pytest.CaptureFixture[str]) -> None:
    """On a stack of its own: what it sends is open for whoever comes after it."""
    with sandbox(["--portfolios=5", "--positions=20", "--seed=1"]) as stack:
        with Client(stack.target) as client:
            client.models.create(stack.model_name, stack.positions, stack.portfolio_ids)
        exec(example_with("run.approve(").replace("localhost:8088", stack.target), {})  # noqa: S102 - the page's own code
    *orders, last = capsys.readouterr().out.splitlines()
    sent = [line for line in orders if line.endswith(" SENT")]
    assert len(sent) == len(json.loads(last)) > 0
