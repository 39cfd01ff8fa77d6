"""backup.sh keeps what is whole, as many as it should; run by a real shell, with a stand-in for mongodump."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.deployment.manifests import COMPONENTS, MONGODB, Manifest, listed, manifest

RESOURCES: list[Manifest] = listed(COMPONENTS / "mongodb-replica-set")
BACKUP = "globeco-order-generation-backup"
SCRIPT: str = manifest("ConfigMap", BACKUP, RESOURCES)["data"]["backup.sh"]
#: Writes what it was called with to the file that it was to write.
MONGODUMP = """#!/bin/sh
for one in "$@"; do case "$one" in --archive=*) file="${one#--archive=}";; esac; done
echo "$@" > "$file"
exit "$FAILS"
"""
EARLIER = [f"ordergen-2026010{day}T023000Z.archive.gz" for day in range(1, 6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of backups, with five of them."""
    program = tmp_path / "bin" / "mongodump"
    program.parent.mkdir()
    program.write_text(MONGODUMP)
    program.chmod(0o755)
    backups = tmp_path / "backups"
    backups.mkdir()
    for name in EARLIER:
        (backups / name).touch()
    return backups


def backed_up(folder: Path, *, kept: int, fails: int = 0) -> int:
    script = folder.parent / "backup.sh"
    script.write_text(SCRIPT.replace("cd /backups", f"cd '{folder}'"))
    path = f"{folder.parent / 'bin'}:{os.environ['PATH']}"
    given = {"PATH": path, "BACKUPS": str(kept), "FAILS": str(fails)}
    return subprocess.run(["/bin/sh", script], env=given, capture_output=True, check=False).returncode


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_the_newest_are_kept(folder: Path) -> None:
    assert backed_up(folder, kept=3) == 0
    *earlier, newest = names(folder)
    assert earlier == EARLIER[-2:]
    assert newest > EARLIER[-1]
    assert newest.endswith(".archive.gz")


def test_a_backup_that_fails_takes_nobodys_place(folder: Path) -> None:
    assert backed_up(folder, kept=1, fails=1) == 1
    (part,) = set(names(folder)) - set(EARLIER)
    assert part.endswith(".part")
    assert backed_up(folder, kept=9) == 0
    assert part not in names(folder)


def test_a_dump_is_of_one_point_in_time_and_its_password_is_no_argument(folder: Path) -> None:
    assert backed_up(folder, kept=1) == 0
    (newest,) = names(folder)
    arguments = (folder / newest).read_text().split()
    assert {"--oplog", "--gzip"} < set(arguments)
    assert not [one for one in arguments if "password" in one or "uri" in one]
    job = manifest("CronJob", BACKUP, RESOURCES)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    mounts = {one["mountPath"] for one in job["containers"][0]["volumeMounts"]}
    (file,) = (one.removeprefix("--config=") for one in arguments if one.startswith("--config="))
    assert {file.rpartition("/")[0], "/backups"} < mounts


def test_a_node_that_is_drained_leaves_a_majority() -> None:
    budget = manifest("PodDisruptionBudget", MONGODB, RESOURCES)["spec"]
    assert budget["maxUnavailable"] == 1
