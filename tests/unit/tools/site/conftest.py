"""The site, built once."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limits import PATIENCE
from tools.protos import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder: one for all workers, the first of which builds it while the others wait."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "built-site"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            build(folder)
    return folder


def build(folder: Path) -> None:
    """Under another name until it is whole."""
    partial = folder.with_suffix(".part")
    command = [sys.executable, "-m", "tools.site", "--output", str(partial)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    partial.rename(folder)
