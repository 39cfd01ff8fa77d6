"""The workflows: valid, safe by zizmor, and nothing in them that is not a target of make."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.tools.programs import on_path
from tests.unit.tools.test_dependencies import PROJECT, ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
#: An action at a commit, with the release that it is of.
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
PROPOSED = ["git switch", "git commit", "gh auth setup-git", "git push"]
Mapping = dict[str, Any]


def read(path: Path) -> Mapping:
    """A workflow; `on` is true to YAML."""
    found = yaml.safe_load(path.read_text())
    return {str(key).replace("True", "on"): value for key, value in found.items()}


def jobs() -> Iterator[tuple[str, Mapping]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield f"{path.stem}: {name}", job


def steps() -> Iterator[tuple[str, Mapping]]:
    for name, job in jobs():
        for step in job["steps"]:
            yield name, step


def targets() -> set[str]:
    """What the Makefile makes, patterns with all that they stand for."""
    rules = re.findall(r"(?m)^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text())
    return {one for rule in rules for one in rule.split()}


def called(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = Path(sys.executable).with_name(program)
    return subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_there_are_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["check.yml", "nightly.yml", "release.yml", "upgrade.yml"]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_they_are_valid(schema: str, paths: list[Path]) -> None:
    answer = called("check-jsonschema", "--builtin-schema", schema, *paths)
    assert answer.returncode == 0, answer.stdout


def test_zizmor_finds_nothing() -> None:
    answer = called("zizmor", "--offline", "--no-progress", "--color=never", "--persona=pedantic", GITHUB)
    assert answer.returncode == 0, answer.stdout


def test_what_is_run_is_a_target_of_make() -> None:
    """So that whatever fails can be had at home by the same word."""
    known = targets()
    assert len(known) > 20
    for name, step in steps():
        if "run" in step:
            words = step["run"].split()
            assert (words[0], words[1] in known) == ("make", True), f"{name}: {step['run']}"
            assert "${{" not in step["run"], f"{name}: an expression becomes a part of a script"


def test_actions_are_pinned_to_commits_each_to_one() -> None:
    lines = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    used = [line.partition("uses: ")[2] for line in lines]
    assert [one for one in used if not PINNED.fullmatch(one)] == []
    names = [one.partition("@")[0] for one in set(used)]
    assert sorted(names) == sorted(set(names))


def test_each_job_ends_and_may_do_no_more_than_it_says() -> None:
    for path in WORKFLOWS:
        workflow = read(path)
        assert workflow["permissions"] == {}, path.name
        assert {"group", "cancel-in-progress"} == set(workflow["concurrency"]), path.name
        assert not {"pull_request_target", "workflow_run"} & set(workflow["on"]), path.name
    for name, job in jobs():
        assert 0 < job["timeout-minutes"] <= 360, name
        assert job["permissions"], name
        assert job["runs-on"] == "ubuntu-24.04", name


def test_who_may_write() -> None:
    writers = {
        (name, scope)
        for name, job in jobs()
        for scope, right in job["permissions"].items()
        if right == "write"
    }
    assert writers == {
        ("check: scan", "security-events"),
        ("nightly: scan", "security-events"),
        ("release: image", "id-token"),
        ("release: image", "packages"),
        ("release: publish", "contents"),
        ("upgrade: upgrade", "contents"),
        ("upgrade: upgrade", "pull-requests"),
    }


def test_no_credentials_stay_in_what_is_checked_out() -> None:
    for name, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, name


def test_every_python_that_is_supported_is_tested() -> None:
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    versions = read(GITHUB / "workflows" / "check.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]


def test_what_is_signed_was_scanned_and_what_is_named_was_signed() -> None:
    job = read(GITHUB / "workflows" / "release.yml")["jobs"]["image"]
    order = [step["run"].split()[1] for step in job["steps"] if "run" in step]
    assert order == ["image-push", "image-scan", "image-sign", "image-verify", "image-promote"]


def test_the_page_names_what_there_is() -> None:
    page = (ROOT / "docs" / "delivery.md").read_text()
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)", page)) - {"a"}
    assert len(named) > 5
    assert named <= targets()
    run = {step["run"].split()[1] for _, step in steps() if "run" in step}
    assert {one for one in run if not one.startswith(("image-", "release-"))} - set(
        re.findall(r"`([a-z-]+)`", page)
    ) == {"propose"}


@pytest.mark.parametrize(
    ("changed", "there", "expected"),
    [
        (False, False, ["git diff"]),
        (True, False, ["git diff", *PROPOSED, "gh pr view", "gh pr create"]),
        (True, True, ["git diff", *PROPOSED, "gh pr view"]),
    ],
)
def test_newer_releases_are_proposed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, changed: bool, there: bool, expected: list[str]
) -> None:
    programs = on_path(tmp_path / "bin", monkeypatch)
    programs.add("git", '[ "$1" != diff ]' if changed else "")
    programs.add("gh", f'[ "$2" != view ] || echo {"OPEN" if there else "MERGED"}')
    answer = subprocess.run(
        ["/usr/bin/env", "make", "propose"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    calls = [" ".join(one[: 3 if one[0] == "gh" else 2]) for one in programs.calls()]
    assert calls == expected


def test_releases_use_no_cache() -> None:
    """Whoever can write it could change what is released."""
    assert "cache" not in (GITHUB / "workflows" / "release.yml").read_text()
