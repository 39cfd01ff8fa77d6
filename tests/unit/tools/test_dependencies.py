"""What the project depends on, and in which direction its parts import each other."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CLIENT = tomllib.loads((ROOT / "ordergen_client/pyproject.toml").read_text())
PINNED = re.compile(r"[A-Za-z0-9._-]+==\S+( ;[^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+")
LOCKS = sorted(ROOT.glob("requirements*.txt"))


def requirements() -> list[str]:
    groups = [one for group in PROJECT["dependency-groups"].values() for one in group]
    found: list[str] = [one for one in groups if isinstance(one, str)]
    for project in (PROJECT["project"], CLIENT["project"]):
        extras = [one for extra in project["optional-dependencies"].values() for one in extra]
        found = [*found, *project["dependencies"], *extras]
    return found


def test_both_distributions_are_of_one_version() -> None:
    """The client's of this tree, which no index is asked for."""
    client, version = CLIENT["project"]["name"], CLIENT["project"]["version"]
    assert PROJECT["project"]["version"] == version
    assert PROJECT["project"]["dependencies"] == [f"{client}=={version}"]
    assert PROJECT["tool"]["uv"]["sources"] == {client: {"path": "ordergen_client"}}
    assert CLIENT["project"]["requires-python"] == PROJECT["project"]["requires-python"]


def test_imports_point_inward() -> None:
    answer = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_grpc_is_pinned_in_one_version() -> None:
    """Generated code refuses to import on an older grpcio than it was made with. The server asks for more."""
    pins = {
        match["name"]: (match["sign"], match["version"])
        for one in requirements()
        if (match := re.fullmatch(r"(?P<name>grpcio[a-z-]*)(?P<sign>>=|==)(?P<version>[\d.]+)", one))
    }
    assert set(pins) == {
        "grpcio",
        "grpcio-health-checking",
        "grpcio-reflection",
        "grpcio-status",
        "grpcio-tools",
    }
    sign, oldest = pins.pop("grpcio-tools")
    assert sign == "=="
    assert set(pins.values()) == {(">=", oldest)}
    stub = (ROOT / "generated/globeco/ordergen/v1/model_service_pb2_grpc.py").read_text()
    assert f"GRPC_GENERATED_VERSION = '{oldest}'" in stub


def test_there_are_locks() -> None:
    names = {path.name for path in LOCKS}
    assert {"requirements.txt", "requirements-server.txt", "requirements-sandbox.txt"} <= names


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_by_hashes_alone(path: Path) -> None:
    """And names no place to download from: that is the installer's to choose."""
    text = path.read_text()
    assert "://" not in text
    assert not re.search(r"(?m)^\s*(-|\S*index|\S*find-links)", text.replace("--hash", ""))
    blocks = re.split(r"\n(?=\S)", text.replace("\\\n", " ").strip())
    assert len(blocks) > 10
    for block in blocks:
        assert PINNED.fullmatch(block), block


def test_what_is_locked_is_installed_as_it_stands() -> None:
    """A resolver would look at what is not locked, and may prefer a release from after the lock."""
    (install,) = re.findall(r"pip install .*-r requirements.txt", (ROOT / "Makefile").read_text())
    assert {"--require-hashes", "--no-deps"} <= set(install.split())


def test_the_lock_leaves_nothing_out() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_no_rule_is_ignored_without_a_reason() -> None:
    """Of ruff's anywhere, of mypy's in what is shipped."""
    folders = ["allocation", "optimizer", "ordergen_server", "ordergen_client", "tools", "tests"]
    lines = [
        (path, line)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text().splitlines()
    ]
    noqa = [(path, line) for path, line in lines if re.search(r"#\s+noqa", line)]
    mypy = [(path, line) for path, line in lines if re.search(r"#\s+type:\s+ignore", line)]
    shipped = [one for one in mypy if "tests" not in one[0].relative_to(ROOT).parts]
    assert len(noqa) > 10
    assert [one for one in noqa if not re.search(r"#\s+noqa: [A-Z0-9, ]+ - \S", one[1])] == []
    assert [one for one in shipped if not re.search(r"#\s+type: ignore\[[a-z,-]+\] +# \S", one[1])] == []
