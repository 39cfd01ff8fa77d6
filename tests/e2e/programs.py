"""Programs of ours, run to their end."""

import os
import subprocess
import sys

from tests.limits import PATIENCE


def ran(module: str, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERGEN_")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        # Tests run side by side: none has the ports that a server takes by default.
        env={**inherited, "ORDERGEN_HEALTH_PORT": "0", "ORDERGEN_METRICS_PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
