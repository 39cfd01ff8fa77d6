"""What a compute process has in memory before its first run."""

import subprocess
import sys

from tests.limits import PATIENCE

PROGRAM = """
import sys
import ordergen_server.compute.processes
print(*sorted({"cvxpy", "scipy", "highspy", "distributed", "pandas"} & set(sys.modules)))
"""


def test_the_general_solver_and_dask_are_imported_only_where_they_are_needed() -> None:
    """They take more memory than all else; few limits need the one, and clusters the other."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert done.stdout.split() == []
