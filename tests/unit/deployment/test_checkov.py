"""checkov has nothing against what is rendered, but for exceptions that give their reasons."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.deployment.manifests import FULL, KUBERNETES, ROOT, variant

CHECKOV = ROOT / ".build" / "checkov" / "bin" / "checkov"
CONFIGURATION = KUBERNETES / "checkov.yaml"
#: Between them they have every resource; each in its own namespace, so that none stands in for another's.
LOOKED_AT = ("overlays/dev", "overlays/staging", "overlays/prod", FULL)


def test_checkov_has_nothing_to_say_without_a_reason(tmp_path: Path) -> None:
    if not CHECKOV.exists():
        pytest.skip("checkov has an environment of its own, which `make test` makes")
    folder = tmp_path / "rendered"
    folder.mkdir()
    for number, name in enumerate(LOOKED_AT):
        (folder / f"{number}.yaml").write_text(yaml.safe_dump_all(variant(name)))
    answer = subprocess.run(
        [CHECKOV, "--config-file", CONFIGURATION, "--directory", folder, "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    told = json.loads(answer.stdout)
    failed = [(one["check_id"], one["resource"]) for one in told["results"]["failed_checks"]]
    skipped = {one["check_id"] for one in told["results"]["skipped_checks"]}
    assert failed == [], answer.stdout
    assert told["summary"]["parsing_errors"] == 0
    assert told["summary"]["passed"] > 1000
    assert skipped == {reason.partition("=")[0] for reason in exceptions()}


def exceptions() -> list[str]:
    """The exceptions of single resources, each `check=reason`."""
    return [
        text
        for one in variant(FULL)
        for name, text in one["metadata"].get("annotations", {}).items()
        if name.startswith("checkov.io/skip")
    ]


def test_every_exception_has_its_reason() -> None:
    assert all(len(one.partition("=")[2].split()) >= 5 for one in exceptions())
    lines = CONFIGURATION.read_text().splitlines()
    everywhere = [number for number, line in enumerate(lines) if line.startswith("  - CKV")]
    assert everywhere
    assert all(lines[number - 1].startswith("  # ") for number in everywhere)
