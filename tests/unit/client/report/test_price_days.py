"""Of which days the prices of a run are, in words."""

from dataclasses import replace
from datetime import date

import pytest

from ordergen_client.report.figures.price_days import PriceDays
from tests.made_runs import answered, without_answer

FIRST, LAST = date(2014, 12, 12), date(2026, 3, 2)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ([], "-"),
        ([LAST], "of 2026-03-02"),
        ([LAST, FIRST, LAST], "of 2014-12-12 to 2026-03-02"),
        ([None], "of no known day"),
        ([LAST, None], "of 2026-03-02, and of no known day"),
    ],
)
def test_the_first_and_the_last_day_and_whether_some_have_none(days: list[date | None], told: str) -> None:
    found = PriceDays()
    found.add(without_answer(0, "FAILED", "why"))
    for number, day in enumerate(days):
        portfolio = answered(number, 2)
        lines = tuple(replace(line, price_date=day) for line in portfolio.positions)
        found.add(replace(portfolio, positions=lines))
    assert found.told == told
