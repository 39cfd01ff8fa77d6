"""The Dockerfile: linted, and what it copies is enough. Nothing here builds an image."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

import ordergen_server
from ordergen_server.configuration.settings import Settings
from ordergen_server.health import PARTS
from ordergen_server.rest.settings import RestSettings
from tests.unit.deployment.dockerfile import FOLDER, last, lay, stages, variables
from tests.unit.deployment.manifests import ROOT, container, pod_spec
from tools import locks

TARGETS = ("production", "sandbox", "development", "test")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
#: The lock that each builder installs.
LOCKS = {
    "dependencies": "requirements-server.txt",
    "sandbox-dependencies": "requirements-sandbox.txt",
    "development-dependencies": "requirements.txt",
    "checkov": "requirements-checkov.txt",
}
#: Prints the files of ours that the modules named bring along.
MODULES = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
ours = ("allocation", "globeco", "optimizer", "ordergen_client", "ordergen_server")
print(*{module.__file__ for name, module in sys.modules.items()
        if name.split(".")[0] in ours and getattr(module, "__file__", None)}, sep="\\n")
"""
#: Fixtures for the tests of others, who have pytest.
FOR_TESTS = {"ordergen_client/testing.py"}
OURS = {"allocation", "globeco", "optimizer", "ordergen_client", "ordergen_server"}


def modules() -> list[str]:
    """What the image runs, as modules to import."""
    commands = [*PARTS, "ordergen_server.health"]
    packages = [name for name in commands if (ROOT / name.replace(".", "/")).is_dir()]
    return [f"{name}.__main__" if name in packages else name for name in commands]


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    answer = subprocess.run(
        [str(hadolint), "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.returncode) == ("", 0)


def test_all_stand_on_one_base_that_is_held_by_its_digest() -> None:
    bases = {stage.base for stage in stages().values()} - stages().keys()
    (base,) = bases
    assert re.fullmatch(r"python:3\.13-slim@sha256:[0-9a-f]{64}", base)


def test_the_targets_are_those_that_are_built_and_production_is_the_default() -> None:
    bake = json.loads((ROOT / "docker-bake.json").read_text())
    built = {name: one for name, one in bake["target"].items() if not name.startswith("_")}
    assert set(TARGETS) == built.keys() == set(bake["group"]["all"]["targets"])
    assert [one["target"] for one in built.values()] == list(built)
    assert set(TARGETS) <= stages().keys()
    assert list(stages())[-1] == "production"
    assert bake["group"]["default"]["targets"] == ["production"]
    assert {tag.partition(":")[2] for one in built.values() for tag in one["tags"]} == {VERSION}
    published = {name for name, one in built.items() if one.get("inherits") == ["_published"]}
    assert published == {"production", "sandbox"}
    assert bake["target"]["_published"]["platforms"] == ["linux/amd64", "linux/arm64"]


@pytest.mark.parametrize(("stage", "lock"), LOCKS.items())
def test_dependencies_are_checked_against_a_lock(stage: str, lock: str) -> None:
    steps = [step for line in stages()[stage].arguments("RUN") for step in line.split(" && ")]
    (words,) = [step.split() for step in steps if "--requirement" in step]
    flags = {"--require-hashes", "--no-deps", "--no-cache-dir", "--only-binary", "--requirement"}
    assert flags == flags & set(words)
    assert Path(words[-1]).name == lock
    assert lock in stages()[stage].copied()


@pytest.mark.parametrize("target", TARGETS)
def test_the_user_is_a_number_and_the_one_of_the_pods(target: str) -> None:
    security = pod_spec("Deployment")["securityContext"]
    assert last(target, "USER") == f"{security['runAsUser']}:{security['runAsGroup']}"


def test_the_ports_are_those_of_the_settings() -> None:
    settings = Settings.model_fields
    ports = [settings[name].default for name in ("port", "health_port", "metrics_port")]
    ports.append(RestSettings.model_fields["port"].default)
    assert last("production", "EXPOSE").split() == [str(port) for port in ports]


def test_every_command_is_started_without_a_shell_and_writes_at_once() -> None:
    """What follows the name of the image is a module, and without it the server."""
    for target in TARGETS:
        for instruction in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(last(target, instruction)), list)
    assert json.loads(last("production", "ENTRYPOINT")) == ["python", "-m"]
    assert json.loads(last("production", "CMD")) == ["ordergen_server"]
    assert variables("production")["PYTHONUNBUFFERED"] == "1"
    check = last("production", "HEALTHCHECK").partition("CMD ")[2]
    assert json.loads(check) == ["python", "-m", "ordergen_server.health", "--alive"]


def test_the_code_knows_its_version() -> None:
    assert ordergen_server.__version__ == VERSION


def test_the_pods_run_this_version() -> None:
    assert container("Deployment")["image"].partition(":")[2] == VERSION


def test_only_what_is_kept_in_git_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {source for stage in stages().values() for source in stage.copied()} - {"."}
    assert {source.split("/")[0] for source in copied} <= allowed
    if not (ROOT / ".git").exists():
        return  # in the image itself, whose files came that way
    answer = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - git is where the developer has it
    assert {line.split("/")[0] for line in answer.stdout.splitlines()} <= allowed


def test_what_is_copied_is_all_of_ours_that_the_commands_need(tmp_path: Path) -> None:
    """A package that was forgotten would be found where it is developed, which is not below the folder."""
    lay(tmp_path)
    answer = subprocess.run(
        [sys.executable, "-P", "-c", MODULES, *modules()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stderr, answer.returncode) == ("", 0)
    files = answer.stdout.splitlines()
    assert len(files) > 100
    assert [file for file in files if not Path(file).is_relative_to(tmp_path)] == []


def test_what_is_imported_of_others_is_in_the_lock_of_the_image(tmp_path: Path) -> None:
    """By the sandbox and the `demo` of the client in that of the sandbox's image."""
    lay(tmp_path)
    owners = packages_distributions()
    missing: dict[str, set[str]] = {}
    for lock in (locks.SERVER, locks.SANDBOX):
        locked = {pin.name for pin in locks.pins(lock)}
        missing[lock.name] = {
            str(file.relative_to(tmp_path))
            for file in tmp_path.rglob("*.py")
            for name in _imported(file) - OURS - sys.stdlib_module_names
            if not locked & {canonicalize_name(one) for one in owners[name]}
        }
    assert missing[locks.SANDBOX.name] == FOR_TESTS
    # `ordergen report` says which extra it needs, where it is not installed.
    needed = {file for file in missing[locks.SERVER.name] if not file.startswith("ordergen_client/report/")}
    assert {file for file in needed if "/sandbox/" not in file} == FOR_TESTS


def _imported(file: Path) -> set[str]:
    """The first words of what a file imports anywhere."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    from_ = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in plain | from_}


def test_the_code_is_where_python_looks_for_it() -> None:
    assert variables("production")["PYTHONPATH"] == last("production", "WORKDIR") == FOLDER
    assert last("code", "WORKDIR") == FOLDER
    assert variables("test")["PYTHONPATH"] == f"{FOLDER}:{FOLDER}/generated"
