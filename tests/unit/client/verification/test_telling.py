"""What a check says of itself: no more than it has done."""

import pytest

from ordergen_client.verification.findings import Check, Findings
from ordergen_client.verification.telling import checked, conclusion, first_findings
from ordergen_client.verification.verify import Report


def report(proved: int = 0, undecided: int = 0) -> Report:
    return Report("a" * 24, ended=True, solved=1200, lines=5000, proved=proved, undecided=undecided)


@pytest.mark.parametrize(
    ("made", "proved", "said"),
    [
        (report(), False, "all 1,200 portfolios and their 5,000 lines are right, computed anew. Whether"),
        (report(proved=1200), True, "solved again without a contradiction: all 1,200."),
        (report(proved=1199, undecided=1), True, "solved again without a contradiction: 1,199 of 1,200."),
    ],
)
def test_the_last_line(made: Report, proved: bool, said: str) -> None:
    assert said in conclusion(made, proved=proved)


def test_portfolios_without_lines_are_not_said_to_be_right() -> None:
    made = report()
    made.others["FAILED"] = 3
    assert "1,200 portfolios and their 5,000 lines (3 more have no lines) are right" in conclusion(
        made, proved=False
    )


def test_what_is_wrong_is_counted_and_shown_as_it_is() -> None:
    """With brackets in it, too."""
    made = report()
    made.feasible = 7
    made.findings.add("file", [Check("rule", f"[red]{number}[/red]", "") for number in range(150)])
    assert ("of the portfolios FEASIBLE: not said to be the best", 7) in list(checked(made, proved=True))
    heading, rows = first_findings(made)
    assert heading == "The first of 150 that are wrong"
    assert [row["found"] for row in rows] == [f"[red]{number}[/red]" for number in range(20)]
    assert conclusion(made, proved=True).endswith(": 150 wrong.")


def test_nothing_wrong_is_nothing() -> None:
    found = Findings()
    found.add("file", [Check("rule", 1, 1)])
    assert (found.count, found.first) == (0, [])
