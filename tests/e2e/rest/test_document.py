"""What the front answers is what its document says: the short form of `make rest-fuzz`."""

import subprocess
from pathlib import Path

from tests.fronts import Front
from tests.limits import LONG, PATIENCE, sized
from tests.rest_fuzz import PHASES, command, shortfall

#: Some 150 requests; the long form also tries everything that the document names.
EXAMPLES = sized(4, 50)


def test_no_answer_is_of_a_kind_that_the_document_does_not_have(front: Front, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    asked = command(front.url, EXAMPLES, 1, PHASES if LONG else "fuzzing", report)
    done = subprocess.run(
        asked, capture_output=True, text=True, check=False, timeout=4 * PATIENCE, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout
    assert shortfall(report, 100) == ""
    assert shortfall(report, 10**6).endswith("answers were looked at, and not 1000000")


def test_a_path_with_an_end_of_a_line_in_it_is_of_its_version(front: Front) -> None:
    for path in ("/api/v2/rebalance/a%0Ab", "/api/v2/%0A", "/api/v2/rebalance/a%0D%0A:watch/x"):
        answer = front.ask("DELETE", path)
        assert set(answer.json) == {"error"}, path


def test_a_method_that_a_path_does_not_have_is_told_with_those_that_it_has(front: Front) -> None:
    for path, allowed in (
        ("/api/v1/model/a", "DELETE, GET, PUT"),
        ("/api/v1/models", "GET, POST"),
        ("/api/v2/model/a", "DELETE, GET, PUT"),
        ("/api/v2/rebalance/a:watch", "GET"),
        ("/api/v2/rebalance/a:cancel", "POST"),
    ):
        refused = front.ask("OPTIONS", path)
        assert (refused.status, refused.headers["allow"]) == (405, allowed)


def test_a_verb_that_is_not_there_is_no_id(front: Front) -> None:
    assert front.ask("GET", "/api/v2/rebalance/68a1c0ffee0000000000beef:stop").status == 404


def test_bodies_that_cannot_be_read_are_told_as_bodies(front: Front) -> None:
    for raw in (b"\xff", b"[" * 100_000, b'{"version": ' + b"9" * 5000 + b"}"):
        told = front.ask("POST", "/api/v1/models", raw=raw, headers={"content-type": "application/json"})
        assert (told.status, told.json["detail"][0]["type"]) == (422, "json_invalid")
