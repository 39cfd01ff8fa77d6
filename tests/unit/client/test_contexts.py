"""Servers by name: an option goes before a variable, that before a context, that before a default."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ordergen_client.cli import main
from ordergen_client.commands.shared.options import VARIABLES
from ordergen_client.connecting.contexts import Context, Contexts, read_contexts, write_contexts


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "config"


def ran(home: Path, *arguments: str, **variables: str) -> Result:
    unset = dict.fromkeys(VARIABLES)
    return CliRunner().invoke(main, arguments, env={**unset, "XDG_CONFIG_HOME": str(home), **variables})


def test_contexts_come_back_as_they_were_kept(home: Path) -> None:
    path = home / "contexts.yaml"
    kept = Contexts({"a": Context("x:1", tls=True, timeout=2.5), "b": Context("y:2", ca="/ca.pem")}, "b")
    write_contexts(path, kept)
    assert read_contexts(path) == kept
    assert read_contexts(home / "none.yaml") == Contexts({})


def test_the_first_context_is_used_until_another_is(home: Path) -> None:
    assert ran(home, "context", "add", "desk", "--target=desk:1").output == "Context desk is desk:1.\n"
    assert ran(home, "context", "add", "lab", "--target=lab:1").exit_code == 0
    assert ran(home, "context", "use", "lab").output == "Using lab: lab:1.\n"
    told = json.loads(ran(home, "context", "list", "--json").stdout)["contexts"]
    assert [(one["name"], one["current"], one["target"]) for one in told] == [
        ("desk", "", "desk:1"),
        ("lab", "*", "lab:1"),
    ]
    assert ran(home, "context", "remove", "lab").exit_code == 0
    assert read_contexts(home / "ordergen" / "contexts.yaml") == Contexts({"desk": Context("desk:1")})


@pytest.mark.parametrize(
    ("arguments", "variables", "target"),
    [
        ((), {}, "desk:1"),
        (("--context=lab",), {}, "lab:1"),
        ((), {"ORDERGEN_CONTEXT": "lab"}, "lab:1"),
        ((), {"ORDERGEN_TARGET": "variable:1"}, "variable:1"),
        (("--target=option:1",), {"ORDERGEN_TARGET": "variable:1"}, "option:1"),
    ],
)
def test_which_server_is_meant(
    home: Path, arguments: tuple[str, ...], variables: dict[str, str], target: str
) -> None:
    """None of these is there: the failure says which was tried."""
    for name in ("desk", "lab"):
        ran(home, "context", "add", name, f"--target={name}:1")
    done = ran(home, "models", "list", "--timeout=0.001", *arguments, **variables)
    assert done.exit_code == 4
    assert f"The service at {target} cannot be reached" in done.stderr


def test_a_context_has_whole_paths(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("t")
    monkeypatch.chdir(tmp_path)
    ran(home, "context", "add", "desk", "--target=localhost:1", "--token-file=token")
    assert read_contexts(home / "ordergen" / "contexts.yaml").known["desk"].token_file == str(
        tmp_path / "token"
    )
