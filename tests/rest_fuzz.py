"""Requests made of the REST front's own document, and answers held to it: `python -m tests.rest_fuzz`.

Schemathesis makes requests that fit the document and requests that do not, of each operation in turn, and
looks whether every answer is one that the document has. The front stands before a whole sandbox.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import served
from tests.fronts import front_process
from tests.limits import PATIENCE

#: Of the checks that Schemathesis has, those that are not made, each with its reason.
LEFT_OUT = {
    "positive_data_acceptance": "rules of the domain, such as what targets add up to, stand in no schema",
    "ignored_auth": "the sandbox asks for no credentials, and the document says that they may be left out",
    "object_level_authorization": "there are no objects of one caller that another may not see",
}
PHASES = "examples,coverage,fuzzing,stateful"


def command(url: str, examples: int, seed: int, phases: str, report: Path) -> list[str]:
    """What tries every operation of the front at a URL."""
    return [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"),
        *("--checks=all", f"--exclude-checks={','.join(LEFT_OUT)}", f"--phases={phases}"),
        *(f"--max-examples={examples}", f"--seed={seed}", f"--request-timeout={PATIENCE}"),
        *("--suppress-health-check=all", "--generation-database=none", "--warnings=off", "--no-color"),
        *("--continue-on-failure", "--report=json", f"--report-json-path={report}"),
    ]


def main() -> int:
    """Run the command line; the exit code is 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=50, help="requests of an operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default=PHASES)
    arguments = parser.parse_args()
    folder = Path(".build").absolute() / "rest-fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        EmbeddedDatabase(folder / "mongodb", start_seconds=PATIENCE) as database,
        SimulatedSiblings(portfolios=25, positions=20) as siblings,
        served(database.uri, "fuzz", siblings) as api,
        (folder / "front.log").open("w") as log,
        front_process(f"127.0.0.1:{api.port}", log) as front,
    ):
        asked = command(
            front.url, arguments.examples, arguments.seed, arguments.phases, folder / "report.json"
        )
        return subprocess.run(asked, check=False, cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main())
