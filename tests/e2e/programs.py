"""Programs of ours, run to their end."""

import os
import subprocess
import sys

from tests.limits import PATIENCE


def ran(module: str, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERGEN_")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
