"""Calls of kubectl: none takes longer than it may, and nothing that it started is left."""

import shlex
import sys
import time
from pathlib import Path

import pytest

from tests.limits import PATIENCE
from tests.unit.deployment.manifests import BASE, KUBECTL
from tests.unit.tools.deploy.cluster import FakeCluster
from tests.waiting import eventually
from tools.deploy import manifests
from tools.deploy.kubectl import Kubectl, KubectlFailed, end
from tools.deploy.manifests import Manifest


def program(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def is_gone(process_id: int) -> bool:
    """Whether a process has ended; nobody may have asked for how it ended."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    children = tmp_path / "children"
    sleeper = shlex.join([sys.executable, "-I", "-S", "-c", "import time; time.sleep(3600)"])
    text = f"{sleeper} &\necho $! > {children}.new\nmv {children}.new {children}\nwait"
    called = Kubectl(program(tmp_path, text))
    process = called.start("apply")
    eventually(children.exists)
    child = int(children.read_text())
    end(process)
    eventually(lambda: is_gone(child))
    with pytest.raises(KubectlFailed, match=r"kubectl apply did not end in 0\.1 s"):
        called.run("apply", seconds=0.1)


def test_what_ignores_being_told_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.deploy.kubectl.GRACE_SECONDS", 0.2)
    ready = tmp_path / "ready"
    called = Kubectl(program(tmp_path, f"trap '' TERM\ntouch {ready}\nwhile :; do sleep 0.1; done"))
    process = called.start("apply")
    eventually(ready.exists)
    began = time.monotonic()
    end(process)
    assert process.wait(PATIENCE) == -9
    assert time.monotonic() - began < PATIENCE


def test_what_it_says_is_told_without_secrets(empty: FakeCluster) -> None:
    empty.plays(apply=[{"fail": "no hunter2hunter2, and no hunter2"}])
    called = Kubectl(empty.kubectl, secrets={"hunter2", "hunter2hunter2"})
    with pytest.raises(KubectlFailed, match=r"^kubectl apply: no \*\*\*, and no \*\*\*$"):
        called.run("apply", "-f", "-", given="")
    assert "hunter2" not in repr(called)


def test_kubectl_itself_reads_all_that_it_is_given(former: list[Manifest]) -> None:
    """A change that it makes without a cluster, of everything, and what it renders."""
    given = manifests.text(former)
    answer = Kubectl(str(KUBECTL)).run("annotate", "--local", "-f", "-", "a=b", "-o", "name", given=given)
    assert len(answer.out.split()) == len(former)
    rendered = manifests.parsed(Kubectl(str(KUBECTL)).run("kustomize", str(BASE)).out)
    assert len(rendered) > len(former)


def test_who_says_nothing(empty: FakeCluster) -> None:
    empty.plays(apply=[{"fail": "", "code": 7}])
    with pytest.raises(KubectlFailed, match="exit code 7, and not a word"):
        Kubectl(empty.kubectl).run("apply", "-f", "-", given="")


def test_who_does_not_read_what_it_is_given(tmp_path: Path) -> None:
    """It ends while it is written to, and what counts is its exit code."""
    with pytest.raises(KubectlFailed, match="exit code 3"):
        Kubectl(program(tmp_path, "exit 3")).run("apply", given="x" * 1_000_000)


def test_who_says_what_is_no_text(tmp_path: Path) -> None:
    """A difference may have any bytes in it: what reads it must not end before the way back."""
    assert Kubectl(program(tmp_path, r"printf 'a\377b'")).run("diff").out == "a\ufffdb"
