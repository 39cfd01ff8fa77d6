"""Fuzz the optimizer: `make fuzz SECONDS=600`, or `python -m tests.fuzz --help`."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from secrets import randbits
from time import monotonic
from typing import Any

from tests.fuzz.case import from_json, to_json
from tests.fuzz.run import Effort, Report, examine, outcomes

PROGRESS_SECONDS = 1.0
LISTED = 20
"""Numbers of cases that are printed of those that are not decided."""


def say(text: str) -> None:
    """To the one who reads results."""
    sys.stdout.write(text + "\n")


def tell(text: str) -> None:
    """To the one who waits."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def arguments() -> argparse.Namespace:
    """What the caller asks for."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, help="how long to run (default: 60, or as many as --count)")
    parser.add_argument("--count", type=int, help="how many cases to judge")
    parser.add_argument("--seed", type=int, help="of the cases (default: a new one, which is printed)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: 0)")
    parser.add_argument("--large", type=int, default=20, help="every so many-th case is large (0: none)")
    parser.add_argument("--solve-seconds", type=float, default=2.0, help="that the optimizer may take a case")
    parser.add_argument("--work", type=float, default=0.2, help="deterministic seconds of CP-SAT for an aim")
    parser.add_argument("--case", type=Path, help="judge the cases of a JSON file instead (- for stdin)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args()


def main() -> int:
    """0 where nothing is wrong, 1 otherwise."""
    asked = arguments()
    effort = Effort(asked.solve_seconds, work=asked.work, large=asked.large)
    if asked.case:
        return judged(asked.case, effort)
    seed = randbits(32) if asked.seed is None else asked.seed
    seconds = 60.0 if asked.seconds is None and asked.count is None else asked.seconds
    tell(f"seed {seed}")
    report, ended = run(seed, asked.first, asked.count, seconds, effort)
    command = f"python -m tests.fuzz --seed {seed} --large {effort.large} --solve-seconds {effort.seconds:g}"
    if asked.json:
        say(json.dumps(as_json(report, seed, ended, command), indent=1))
    else:
        say(as_text(report, seed, ended, command))
    return int(bool(report.faults))


def run(
    seed: int, first: int, count: int | None, seconds: float | None, effort: Effort
) -> tuple[Report, str]:
    """Judge cases until their number, the time or the caller ends it; and which of them did."""
    report, start = Report(), monotonic()
    told = start
    try:
        for outcome in outcomes(seed, first, effort):
            if new := {fault.kind for fault in outcome.faults} - report.smallest.keys():
                tell(f"case {outcome.number}: {', '.join(sorted(new))}; shrinking")
            report.add(outcome, effort)
            now = monotonic()
            if now - told >= PROGRESS_SECONDS:
                told = now
                text = f"{now - start:5.0f} s  {report.cases} cases  {report.faults.total()} wrong"
                tell(f"{text}  {len(report.undecided)} not decided")
            if count is not None and report.cases >= count:
                return report, f"all {count} cases asked for were judged"
            if seconds is not None and now - start >= seconds:
                return report, f"{seconds:g} seconds have passed"
    except KeyboardInterrupt:
        return report, "interrupted"
    raise AssertionError("cases have no end")


def judged(path: Path, effort: Effort) -> int:
    """Judge cases of a file: one case, or a list of cases in the form of the known faults."""
    text = sys.stdin.read() if str(path) == "-" else path.read_text()
    known = json.loads(text)
    wrong = False
    for number, entry in enumerate(known if isinstance(known, list) else [known]):
        seconds = min(float(entry.get("timeout", effort.seconds)), 10.0)
        case, witness = from_json(entry.get("case", entry)), entry.get("witness", ())
        outcome = examine(case, replace(effort, seconds=seconds), number, witness)
        verdict = outcome.verdict
        say(f"{number}: {entry.get('kind', 'a case')}")
        say(f"   answered {outcome.said.status} {list(outcome.said.orders)} in {outcome.said.seconds:.2f} s")
        right = "infeasible" if verdict.infeasible else list(verdict.orders or ())
        say(f"   best known, {verdict.proven} aims proven by {verdict.by}: {right}")
        for fault in outcome.faults:
            wrong = True
            say(f"   WRONG {fault.kind}: {fault.text}")
    return int(wrong)


def as_json(report: Report, seed: int, ended: str, command: str) -> dict[str, Any]:
    """The report for machines; `failures` in the form of the known faults."""
    return {
        "seed": seed,
        "ended": ended,
        "cases": report.cases,
        "statuses": {f"{name}: {status}": count for (name, status), count in sorted(report.statuses.items())},
        "decided_by": dict(report.decided),
        "not_decided": report.undecided,
        "unproven": report.unproven,
        "slowest": {"seconds": round(report.slowest[0], 3), "case": report.slowest[1]},
        "faults": dict(report.faults),
        "failures": [
            {
                "kind": kind,
                "case": to_json(case),
                "fault": fault.text,
                **({} if fault.witness is None else {"witness": list(fault.witness)}),
                "repeat": f"{command} --first {number} --count 1",
            }
            for kind, (number, case, fault) in report.smallest.items()
        ],
    }


def as_text(report: Report, seed: int, ended: str, command: str) -> str:
    """The report for eyes."""
    classes = sorted({name for name, _ in report.statuses})
    statuses = sorted({status for _, status in report.statuses})
    lines = [" ".join([f"{'class':42}", *(f"{status:>15}" for status in statuses)])]
    lines += [
        " ".join([f"{name:42}", *(f"{report.statuses[name, status]:15}" for status in statuses)])
        for name in classes
    ]
    by = ", ".join(f"{count} by {name}" for name, count in sorted(report.decided.items()) if name != "nobody")
    lines.append(f"{report.cases} cases of seed {seed}: {ended}. Decided: {by or 'none'}.")
    if report.undecided:
        lines.append(
            f"NOT decided by the oracle: {listed(report.undecided)}: of these only the rules, the numbers and"
            " the reasons were checked."
        )
    if report.unproven:
        lines.append(f"Decided by the oracle, not proven by the optimizer: {listed(report.unproven)}.")
    lines.append(f"The slowest took {report.slowest[0]:.2f} s: number {report.slowest[1]}.")
    for failure in as_json(report, seed, ended, command)["failures"]:
        lines.append(f"WRONG ({report.faults[failure['kind']]} times) {json.dumps(failure)}")
        lines.append(f"  repeat: {failure['repeat']}")
    lines.append("Nothing is wrong." if not report.faults else f"WRONG: {dict(report.faults)}")
    return "\n".join(lines)


def listed(numbers: list[int]) -> str:
    """How many, and the first of them."""
    more = ", ..." if len(numbers) > LISTED else ""
    return f"{len(numbers)} (numbers {', '.join(map(str, numbers[:LISTED]))}{more})"


if __name__ == "__main__":
    sys.exit(main())
