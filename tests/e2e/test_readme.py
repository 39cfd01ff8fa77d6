"""The commands of the README, run as they stand there."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordergen_client import Client
from ordergen_client.sandbox import Sandbox, sandbox
from tests.limits import PATIENCE

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
BUF = str(Path(sys.executable).with_name("buf"))


@pytest.fixture(scope="module")
def stack() -> Iterator[Sandbox]:
    with sandbox([]) as running:
        yield running


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


def test_the_api_by_reflection_alone(stack: Sandbox) -> None:
    """Another client than ours creates a model, reads it back and rebalances a portfolio."""
    methods, created, listed, rebalanced, runs = map(run, api_example(stack.target))
    assert "globeco.ordergen.v1.RebalanceService/RebalancePortfolio" in methods.split()
    model = json.loads(created)
    assert [model] == json.loads(listed)["models"]
    portfolio = json.loads(rebalanced)
    assert portfolio["solution"]["status"] == "SOLUTION_STATUS_PROVEN_OPTIMAL"
    stored = json.loads(runs)["rebalances"]
    assert [portfolio["rebalanceId"]] == [one["rebalanceId"] for one in stored]
    assert stored[0]["modelVersion"] == "1"


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl to try the example with")
def test_the_api_by_curl(stack: Sandbox) -> None:
    section = README.split("## The API by example")[1].split("## ")[0]
    block = next(one for one in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if one.startswith("curl"))
    portfolio = "1a49294e84ffa18900000000"
    with Client(stack.target) as client:
        if not list(client.list_models(portfolio_id=portfolio)):  # else the example before has made it
            client.create_model(stack.model_name, stack.positions, [portfolio])
    commands = block.replace("http://localhost:8080", stack.rest).replace("curl", "curl --silent --fail")
    models, orders = (json.loads(run(command)) for command in commands.splitlines())
    assert models["models"][0]["portfolio_ids"] == [portfolio]
    assert orders["portfolio_id"] == portfolio


def test_the_example_from_python(stack: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    block = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    exec(block.replace("localhost:8088", stack.target), {})  # noqa: S102 - the README's own code
    assert "1a49294e84ffa18900000001 REBALANCED" in capsys.readouterr().out
    with Client(stack.target) as client:
        assert [model.name for model in client.list_models(portfolio_id="1a49294e84ffa18900000001")] == [
            "Half in one stock"
        ]
