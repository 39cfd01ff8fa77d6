"""Scans: what scanners are called with, and that no answer of theirs is taken for a good one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.tools.programs import Programs, on_path, writes
from tools import publish, scan

SARIF, BILL = {"version": "2.1.0", "runs": []}, {"bomFormat": "CycloneDX"}
WRITES = {
    "trivy": writes({".sarif": SARIF}),
    "grype": writes({".sarif": SARIF}),
    "syft": writes({".cdx.json": BILL, ".spdx.json": {"spdxVersion": "SPDX-2.3"}}),
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Scanners that find nothing."""
    found = on_path(tmp_path / "bin", monkeypatch)
    for name, does in WRITES.items():
        found.add(name, does)
    return found


def scanned(folder: Path, *arguments: str) -> int:
    return scan.main(["--reports", str(folder / "reports"), *arguments])


def reports(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "reports").iterdir())


def has(call: Sequence[str], *words: str) -> bool:
    """Whether these words follow each other in a call."""
    return any(tuple(call[at : at + len(words)]) == words for at in range(len(call)))


def test_the_files(tmp_path: Path, programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    """Every scanner over everything that is ours, with every form of report."""
    assert scanned(tmp_path) == 0
    syft, files, configuration, grype = programs.calls()
    assert syft[:3] == ["syft", "scan", "dir:."]
    assert files[:2] == ["trivy", "fs"]
    assert has(files, "--scanners", "vuln,secret")
    assert configuration[:2] == ["trivy", "config"]
    assert grype[:2] == ["grype", f"sbom:{tmp_path / 'reports' / 'files.cdx.json'}"]
    assert has(syft, "--exclude", "./.venv/**")
    assert has(files, "--skip-dirs", ".venv")
    assert has(files, "--severity", "HIGH,CRITICAL")
    assert has(grype, "--fail-on", "high")
    names = ["files.cdx.json", "files.spdx.json", "grype-files.sarif"]
    assert reports(tmp_path) == [*names, "trivy-configuration.sarif", "trivy-files.sarif"]
    assert capsys.readouterr().out.startswith("0 scans with findings, 0 that failed")


def test_an_image(tmp_path: Path, programs: Programs) -> None:
    assert scanned(tmp_path, "--image", "ours@sha256:00", "--severity", "critical") == 0
    syft, image, grype = programs.calls()
    assert syft[:3] == ["syft", "scan", "ours@sha256:00"]
    assert (image[:2], image[-1]) == (["trivy", "image"], "ours@sha256:00")
    assert has(image, "--severity", "CRITICAL")
    assert has(grype, "--fail-on", "critical")
    assert reports(tmp_path) == [
        "grype-image.sarif",
        "image.cdx.json",
        "image.spdx.json",
        "trivy-image.sarif",
    ]


def test_what_was_pushed(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its digest; where nothing was, nothing is scanned."""
    monkeypatch.setattr(publish, "BUILT", tmp_path / "image.json")
    assert scanned(tmp_path, "--pushed", "ours") == scan.NOT_SCANNED
    assert "push first" in capsys.readouterr().out
    (tmp_path / "image.json").write_text(f'{{"containerimage.digest": "sha256:{64 * "0"}"}}')
    assert scanned(tmp_path, "--pushed", "ours") == 0
    assert programs.calls()[0][2] == f"ours@sha256:{64 * '0'}"


def test_a_program_that_a_variable_names(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs.folder / "grype").rename(tmp_path / "grype")
    monkeypatch.setenv("GRYPE", str(tmp_path / "grype"))
    assert scanned(tmp_path) == 0


@pytest.mark.parametrize(("name", "code"), [("trivy", 3), ("grype", 2)])
def test_what_is_found(
    name: str, code: int, tmp_path: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    """By an exit code that says so; all others scan on."""
    programs.add(name, f"{WRITES[name]}\nexit {code}")
    assert scanned(tmp_path) == scan.FOUND
    assert len(programs.calls()) == 4
    assert f"FOUND by {name}: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "does", "said"),
    [
        ("trivy", "exit 1", "trivy ended with 1"),
        ("grype", "exit 1", "grype ended with 1"),
        ("syft", "exit 2", "syft ended with 2"),
        ("grype", "exit 0", "grype wrote no report that can be read"),
        ("grype", "exit 2", "grype wrote no report that can be read"),
        ("trivy", writes({".sarif": "x"}).replace('"x"', "{"), "trivy wrote no report that can be read"),
        ("syft", writes({".cdx.json": BILL}), "syft wrote no report that can be read"),
    ],
)
def test_no_answer_is_no_good_news(
    name: str,
    does: str,
    said: str,
    programs: Programs,
    capsys: pytest.CaptureFixture[str],
) -> None:
    programs.add(name, does)
    assert scanned(programs.folder.parent) == scan.NOT_SCANNED
    assert f"NOT SCANNED: {said}" in capsys.readouterr().out


def test_a_report_of_before_is_not_taken_for_one(tmp_path: Path, programs: Programs) -> None:
    assert scanned(tmp_path) == 0
    programs.add("grype", "exit 0")
    assert scanned(tmp_path) == scan.NOT_SCANNED


def test_what_hangs(tmp_path: Path, programs: Programs) -> None:
    programs.add("grype", "exec sleep 3600")
    (one,) = (each for each in scan.scans(None, "high", tmp_path) if each.program == "grype")
    with pytest.raises(scan.NotScannedError, match=r"grype did not end in 0\.1 s"):
        scan.carried_out(one, 0.1)


def test_findings_count_more_than_failures(tmp_path: Path, programs: Programs) -> None:
    programs.add("grype", f"{WRITES['grype']}\nexit 2")
    programs.add("trivy", "exit 1")
    assert scanned(tmp_path) == scan.FOUND


def test_scanners_that_are_not_there_are_named_with_where_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_path(tmp_path / "bin", monkeypatch, alone=True)
    assert scanned(tmp_path) == scan.NOT_SCANNED
    printed = capsys.readouterr().out
    assert "trivy is not installed; https://trivy.dev" in printed
    assert "grype is not installed; https://github.com/anchore/grype" in printed
    assert "syft is not installed; https://github.com/anchore/syft" in printed
