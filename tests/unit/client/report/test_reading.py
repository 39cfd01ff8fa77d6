"""A report from an export is that from the server."""

from pathlib import Path

import pytest

from ordergen_client.records import messages
from ordergen_client.report.reading import events_of
from ordergen_client.verification.reading.export import NotAnExportError
from tests.exports import answers, exported, lines_of, rewritten
from tests.exports import messages as told_by


def test_the_events_of_an_export_are_those_of_the_server(tmp_path: Path) -> None:
    told = told_by(answers(count=4))
    exported(told, tmp_path / "run.jsonl")
    found = list(events_of(tmp_path / "run.jsonl"))
    expected = [messages.event(one) for one in told]
    assert [repr(one) for one in found] == [repr(one) for one in expected]
    assert found[-1].finished


def test_what_was_changed_is_not_reported(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    exported(told_by(answers(count=3)), path)
    path.write_text(path.read_text().replace("Portfolio 0", "Portfolio 9"))
    with pytest.raises(NotAnExportError, match="its checksum is another"):
        list(events_of(path))


@pytest.mark.parametrize(
    "bad", [{"sequence": "x"}, {"no such field": 1}, {"portfolio": {"marketValue": {"value": "x"}}}]
)
def test_what_is_no_message_is_not_reported(tmp_path: Path, bad: dict[str, object]) -> None:
    path = tmp_path / "run.jsonl"
    lines = exported(told_by(answers(count=3)), path)
    rewritten([lines[0], lines[1], bad, *lines[2:]], path)
    assert len(lines_of(path)) == 7
    with pytest.raises(NotAnExportError, match="is not as it was written"):
        list(events_of(path))
