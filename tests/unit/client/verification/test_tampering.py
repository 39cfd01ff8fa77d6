"""Whatever is changed in an export is found: any byte by its checksum, any number by what it should be."""

import copy
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_client.verification import Finding, verify_export
from ordergen_client.verification.proving import prove
from ordergen_client.verification.reading.export import NotAnExportError
from ordergen_server.domain.rebalances.runs import RebalanceState
from tests.exports import (
    Object,
    Place,
    answers,
    at,
    changed,
    exported,
    failed,
    messages,
    numbers_of,
    put,
    rewritten,
)

#: Numbers that nothing else in the run tells: those of a clock, of a solver, in words.
FREE = {"finishTime", "solveDuration", "snapshotTime", "error"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports") / "run.jsonl"


@pytest.fixture(scope="module")
def lines(path: Path) -> list[Object]:
    """An export of portfolios that trade, of one that is empty, and of two that failed."""
    results = answers()
    return exported(messages([*results, failed(len(results))]), path)


@pytest.fixture(scope="module")
def whole(lines: list[Object], path: Path) -> bytes:
    assert lines
    return path.read_bytes()


@pytest.fixture(scope="module")
def numbers(lines: list[Object]) -> list[Place]:
    """The places of all numbers that follow from others."""
    all_lines = [one for line in lines for one in line.get("portfolio", {}).get("positions", ())]
    held = Counter(one["securityId"] for one in all_lines)  # of what day a price is others alone tell
    found = [
        (index, *place)
        for index, line in enumerate(lines[1:], start=1)
        for place in numbers_of(line)
        if not FREE & {*place}
        and not _is_free(line, place)
        and not ("priceDate" in place and held[_security_of(line, place)] == 1)
        and not (index == len(lines) - 1 and "version" in place)
    ]
    assert len(found) > 500
    return found


def _security_of(line: Object, place: Place) -> str:
    """That of a line of a portfolio; numbers_of gives places below a message."""
    security_id: str = line["portfolio"]["positions"][int(place[2])]["securityId"]
    return security_id


def _is_free(line: Object, place: Place) -> bool:
    """What a portfolio without an answer is worth."""
    return "portfolio" in place and "solution" not in line["portfolio"] and "error" in line["portfolio"]


def test_an_export_as_it_was_written_is_right(lines: list[Object], path: Path) -> None:
    report = verify_export(path)
    assert report.findings.first == []
    assert (report.solved, report.lines, report.others) == (4, 35, {"NO_ACTION": 1, "FAILED": 2})
    assert report.messages == len(lines) - 1


@settings(max_examples=300)
@given(st.data())
def test_any_digit_of_any_number(
    lines: list[Object], numbers: list[Place], path: Path, data: st.DataObject
) -> None:
    """Even where the checksum is made to fit: it is found where it stands, or where it leads to."""
    place = data.draw(st.sampled_from(numbers))
    value = str(at(lines, place))
    digit = data.draw(st.sampled_from([n for n, one in enumerate(value) if one.isdigit()]))
    other = data.draw(st.sampled_from([one for one in "0123456789" if one != value[digit]]))
    told = copy.deepcopy(lines)
    put(told, place, changed(at(told, place), lambda text: text[:digit] + other + text[digit + 1 :]))
    rewritten(told, path)
    found = verify_export(path).findings.first
    assert found, (place, value)
    assert not any("sha256" in one.rule for one in found)
    if place[1] == "portfolio":
        portfolio_id = lines[int(place[0])]["portfolio"]["portfolioId"]
        assert any(_is_about(one, portfolio_id) for one in found)


def _is_about(one: Finding, portfolio_id: str) -> bool:
    """What all share is told of the second that has it: the first is believed."""
    return one.where == portfolio_id or "as in other portfolios" in one.rule


@settings(max_examples=300)
@given(st.data())
def test_any_byte(whole: bytes, path: Path, data: st.DataObject) -> None:
    """After the header, by the checksum."""
    start = whole.index(b"\n") + 1
    place = data.draw(st.integers(start, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda one: one != whole[place]))
    path.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
    assert any("sha256" in one.rule for one in verify_export(path).findings.first)


@settings(max_examples=100)
@given(st.data())
def test_any_cut(whole: bytes, path: Path, data: st.DataObject) -> None:
    """A file that was cut off is never right, wherever it was."""
    start = whole.index(b"\n") + 1
    path.write_bytes(whole[: data.draw(st.integers(start, len(whole) - 1))])
    report = verify_export(path)
    assert not report.ended
    assert "ends with the end of the run" in {one.rule for one in report.findings.first}


DEEP = b"[" * 100_000


@pytest.mark.parametrize("place", [1, 3])
def test_a_line_that_is_nested_without_end_is_a_finding(whole: bytes, path: Path, place: int) -> None:
    told = whole.splitlines(keepends=True)
    told[place] = DEEP + b"\n"
    path.write_bytes(b"".join(told))
    assert verify_export(path).findings.count


def test_a_header_that_is_nested_without_end_is_no_export(path: Path) -> None:
    path.write_bytes(DEEP)
    with pytest.raises(NotAnExportError, match="its first line is no JSON"):
        verify_export(path)


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 5000])
def test_numbers_without_end_are_findings(lines: list[Object], path: Path, digits: str) -> None:
    """Of the length that no float has, and of the length that Python reads no more."""
    for place in [(1, "started", "options", "solverTimeout"), (2, "portfolio", "cashBefore", "value")]:
        told = copy.deepcopy(lines)
        put(told, place, f"{digits}s" if place[-1] == "solverTimeout" else digits)
        rewritten(told, path)
        assert verify_export(path, prove).findings.count


@pytest.mark.parametrize("number", range(1, 9))
def test_a_message_less(lines: list[Object], path: Path, number: int) -> None:
    rewritten(lines[:number] + lines[number + 1 :], path)
    assert verify_export(path).findings.count


def test_a_portfolio_twice(lines: list[Object], path: Path) -> None:
    told = copy.deepcopy(lines)
    told[3]["portfolio"] = told[2]["portfolio"]
    rewritten(told, path)
    found = [(one.where, one.rule) for one in verify_export(path).findings.first]
    assert found[0] == (told[2]["portfolio"]["portfolioId"], "each portfolio once")
    assert {where for where, _ in found[1:]} == {"run"}, "its sums are those of others"


@pytest.mark.parametrize(
    "state", [one for one in RebalanceState if one is not RebalanceState.COMPLETED_WITH_ERRORS]
)
def test_a_state_that_is_not_that_of_its_portfolios(
    lines: list[Object], path: Path, state: RebalanceState
) -> None:
    told = copy.deepcopy(lines)
    told[-1]["finished"]["state"] = f"REBALANCE_STATE_{state.value}"
    rewritten(told, path)
    assert [(one.where, one.rule) for one in verify_export(path).findings.first] == [("run", "state")]
