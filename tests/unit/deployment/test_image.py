"""The Dockerfile: linted, and what it copies is enough. Nothing here builds an image."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from ordergen_server.settings import Settings
from tests.unit.deployment.manifests import ROOT, container, pod_spec

# Instructions with their continuation lines joined.
INSTRUCTIONS = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
MODULES = """
import sys, ordergen_server.__main__
ours = ("globeco", "optimizer", "ordergen_client", "ordergen_server")
print(*{module.__file__ for name, module in sys.modules.items()
        if name.split(".")[0] in ours and getattr(module, "__file__", None)}, sep="\\n")
"""


def arguments(instruction: str) -> list[str]:
    """What follows each occurrence of an instruction."""
    return [
        line.removeprefix(f"{instruction} ") for line in INSTRUCTIONS if line.startswith(f"{instruction} ")
    ]


def copied() -> dict[str, str]:
    """Source in the repository and target below /app (or /build) of every file the image gets."""
    return dict(line.split() for line in arguments("COPY") if not line.startswith("--from="))


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    answer = subprocess.run(
        [str(hadolint), "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.returncode) == ("", 0)


def test_both_stages_have_the_same_pinned_base() -> None:
    assert arguments("FROM") == ["python:3.13-slim AS builder", "python:3.13-slim"]


def test_dependencies_are_checked_against_the_lock() -> None:
    (install,) = (line for line in arguments("RUN") if " install " in line)
    flags = {"--require-hashes", "--no-deps", "--no-cache-dir", "--only-binary", "--requirement"}
    assert flags == flags & set(install.split())
    assert install.split()[-1] == "/build/requirements-server.txt"


def test_the_user_is_a_number_and_the_one_of_the_pods() -> None:
    security = pod_spec("Deployment")["securityContext"]
    assert arguments("USER") == [f"{security['runAsUser']}:{security['runAsGroup']}"]


def test_the_ports_are_those_of_the_settings() -> None:
    settings = Settings.model_fields
    ports = (settings[name].default for name in ("port", "health_port", "metrics_port"))
    assert arguments("EXPOSE") == [" ".join(map(str, ports))]


def test_the_server_is_started_without_a_shell_and_writes_at_once() -> None:
    (entrypoint,) = arguments("ENTRYPOINT")
    (environment,) = arguments("ENV")
    assert json.loads(entrypoint) == ["python", "-m", "ordergen_server"]
    assert "PYTHONUNBUFFERED=1" in environment.split()


def test_the_pods_run_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert container("Deployment")["image"].partition(":")[2] == version


def test_only_what_is_copied_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied().keys()


def test_what_is_copied_is_all_of_ours_that_the_server_needs(tmp_path: Path) -> None:
    """A package that was forgotten would be found where it is developed, which is not below the folder."""
    for source, target in copied().items():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
    answer = subprocess.run(
        [sys.executable, "-P", "-c", MODULES],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stderr, answer.returncode) == ("", 0)
    outside = [line for line in answer.stdout.splitlines() if not Path(line).is_relative_to(tmp_path)]
    assert outside == []
