"""Requests made of the REST front's own document, and answers held to it: `python -m tests.rest_fuzz`.

Schemathesis makes requests that fit the document and requests that do not, of each operation in turn, and
looks whether every answer is one that the document has. The front stands before a whole sandbox.
"""

import argparse
import json
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
#: With as many requests of an operation as are tried where nobody says how many.
EXAMPLES, LEAST_CASES = 50, 2000


def command(url: str, examples: int, seed: int, phases: str, report: Path) -> list[str]:
    """What tries every operation of the front at a URL."""
    return [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"),
        *("--checks=all", f"--exclude-checks={','.join(LEFT_OUT)}", f"--phases={phases}"),
        *(f"--max-examples={examples}", f"--seed={seed}", f"--request-timeout={PATIENCE}"),
        *("--suppress-health-check=all", "--generation-database=none", "--warnings=off", "--no-color"),
        *("--continue-on-failure", "--report=json", f"--report-json-path={report}"),
    ]


def shortfall(report: Path, least: int) -> str:
    """Why a run that found nothing cannot say that there is nothing; empty where it can.

    Args:
        report: of the run.
        least: requests that it is to have made.
    """
    told = json.loads(report.read_text())
    operations, cases = told["operations"], told["test_cases"]
    if not told["complete"] or operations["tested"] < operations["total"]:
        return f"{operations['tested']} of {operations['total']} operations were tried"
    looked_at = cases["generated"] - cases["without_checks"]
    return f"{looked_at} answers were looked at, and not {least}" if looked_at < least else ""


def main() -> int:
    """Run the command line; the exit code is 1 where an answer was wrong, or too few were looked at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="requests of an operation")
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
        report = folder / "report.json"
        asked = command(front.url, arguments.examples, arguments.seed, arguments.phases, report)
        code = subprocess.run(asked, check=False, cwd=folder).returncode
    least = LEAST_CASES if (arguments.examples, arguments.phases) == (EXAMPLES, PHASES) else 0
    if code == 0 and (why := shortfall(report, least)):
        sys.stderr.write(f"not all was tried: {why}\n")
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
