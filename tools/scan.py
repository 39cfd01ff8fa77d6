"""Scans these files or an image for vulnerabilities, secrets and misconfiguration, and lists what is in it.

python -m tools.scan                     Trivy and Grype over these files, Syft's lists of what they hold
python -m tools.scan --image NAME        the same of an image, with the packages of its operating system
python -m tools.scan --pushed NAME       of the one that `python -m tools.publish push` pushed last

Reports go to .build/reports: SARIF of Trivy and Grype, CycloneDX and SPDX of Syft. The exit code is 0 where
all was scanned and nothing of that severity was found, 1 where something was, and 2 where not all was
scanned: no answer is no good news. TRIVY, GRYPE and SYFT may name programs that are not on the PATH.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import locks, publish

FOUND, NOT_SCANNED = 1, 2
REPORTS = locks.ROOT / ".build" / "reports"
SECONDS = 900.0
SEVERITIES = ("low", "medium", "high", "critical")
#: What others wrote, and what is made: neither is ours to mend.
_LEFT_OUT = (".venv", ".build", ".git", ".sandbox")
_WHERE = {
    "trivy": "https://trivy.dev: Installation",
    "grype": "https://github.com/anchore/grype: Installation",
    "syft": "https://github.com/anchore/syft: Installation",
}
#: The exit code that says that something was found; Trivy's is the one we ask for.
_FINDINGS = {"trivy": 3, "grype": 2}


@dataclass(frozen=True, slots=True)
class Scan:
    """One call of a scanner.

    Attributes:
        program: its name.
        arguments: what it is called with.
        reports: the files that it writes.
    """

    program: str
    arguments: list[str]
    reports: list[Path]


class NotScannedError(Exception):
    """A scan did not come about; the message says why."""


def scans(image: str | None, severity: str, folder: Path) -> Iterator[Scan]:
    """Everything that is called, in order."""
    what = "image" if image else "files"
    lists = [folder / f"{what}.cdx.json", folder / f"{what}.spdx.json"]
    forms = [f"cyclonedx-json={lists[0]}", f"spdx-json={lists[1]}"]
    source = image or "dir:."
    excluded = [] if image else [one for left in _LEFT_OUT for one in ("--exclude", f"./{left}/**")]
    outputs = [one for form in forms for one in ("--output", form)]
    yield Scan("syft", ["scan", source, *excluded, *outputs], lists)
    yield from _trivy(image, severity, folder / f"trivy-{what}.sarif")
    if not image:
        yield from _configuration(severity, folder / "trivy-configuration.sarif")
    report = folder / f"grype-{what}.sarif"
    form = ["--output", "sarif", "--file", str(report), "--fail-on", severity]
    yield Scan("grype", [f"sbom:{lists[0]}", *form], [report])


def _trivy(image: str | None, severity: str, report: Path) -> Iterator[Scan]:
    target = ["image", image] if image else ["fs", "."]
    skipped = [] if image else [one for left in _LEFT_OUT for one in ("--skip-dirs", left)]
    scanners = ["--scanners", "vuln,secret", "--no-progress", *skipped]
    yield Scan("trivy", [target[0], *_form(severity, report), *scanners, target[1]], [report])


def _configuration(severity: str, report: Path) -> Iterator[Scan]:
    """The Dockerfile, the Compose file and the manifests."""
    skipped = [one for left in _LEFT_OUT for one in ("--skip-dirs", left)]
    yield Scan("trivy", ["config", *_form(severity, report), *skipped, "."], [report])


def _form(severity: str, report: Path) -> list[str]:
    severities = ",".join(SEVERITIES[SEVERITIES.index(severity) :]).upper()
    form = ["--format", "sarif", "--output", str(report)]
    return [*form, "--severity", severities, "--exit-code", str(_FINDINGS["trivy"])]


def carried_out(scan: Scan, seconds: float) -> bool:
    """Call a scanner; whether it found something.

    Raises:
        NotScannedError: it is not there, failed, did not end in time, or wrote no report.
    """
    program = shutil.which(os.environ.get(scan.program.upper()) or scan.program)
    if program is None:
        raise NotScannedError(f"{scan.program} is not installed; {_WHERE[scan.program]}")
    for report in scan.reports:
        report.unlink(missing_ok=True)
    try:
        code = subprocess.run(
            [program, *scan.arguments], cwd=locks.ROOT, timeout=seconds, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        raise NotScannedError(f"{scan.program} did not end in {seconds:g} s") from None
    found = code == _FINDINGS.get(scan.program)
    if code and not found:
        raise NotScannedError(f"{scan.program} ended with {code}")
    for report in scan.reports:
        _check(scan.program, report)
    return found


def _check(program: str, report: Path) -> None:
    try:
        json.loads(report.read_text())
    except (OSError, ValueError) as error:
        raise NotScannedError(f"{program} wrote no report that can be read: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.scan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", help="name of an image, instead of these files")
    parser.add_argument("--pushed", help="name of what was pushed")
    parser.add_argument("--severity", choices=SEVERITIES, default="high", help="the least that counts")
    parser.add_argument("--reports", type=Path, default=REPORTS, help="folder of the reports")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for each scanner")
    options = parser.parse_args(arguments)
    options.reports.mkdir(parents=True, exist_ok=True)
    found, failures = [], []
    try:
        image = f"{options.pushed}@{publish.digest(publish.BUILT)}" if options.pushed else options.image
    except publish.PublishError as error:
        return _told([], [str(error)], options.reports)
    for scan in scans(image, options.severity, options.reports):
        try:
            if carried_out(scan, options.seconds):
                found.append(scan)
        except NotScannedError as error:
            failures.append(str(error))
    return _told(found, failures, options.reports)


def _told(found: list[Scan], failures: list[str], reports: Path) -> int:
    for scan in found:
        print(f"FOUND by {scan.program}: {os.path.relpath(scan.reports[0])}")
    for failure in failures:
        print(f"NOT SCANNED: {failure}.")
    print(f"{len(found)} scans with findings, {len(failures)} that failed; reports are in {reports}.")
    if found:
        return FOUND
    return NOT_SCANNED if failures else 0


if __name__ == "__main__":
    sys.exit(main())
