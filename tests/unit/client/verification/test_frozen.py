"""Exports with frozen lines: right as they are written, and whatever is said otherwise of them is found."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ordergen_client.verification import verify_export
from ordergen_client.verification.proving import prove
from ordergen_client.verification.telling import checked, conclusion
from ordergen_server.domain.errors import BadData
from ordergen_server.domain.market import Quote, Quoted
from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy, Unpriced
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.weight_limits import GroupLimit
from tests.builders import TODAY, no_price, security_id
from tests.exports import LISTED, Object, Place, answers, at, exported, messages, put, rewritten, with_options

FREEZE = with_options(unpriced=Unpriced.FREEZE)
WEEK = replace(FREEZE, maximum_price_age_days=7)
#: Two of the model, of which one is too old, and one that only some hold beside it.
QUOTES: dict[int, Quoted] = {
    1: no_price(1, BadData("the price is 0: it must be mended there")),
    2: Quote("T2", Decimal("3.50"), TODAY - timedelta(days=8)),
    LISTED: no_price(LISTED),
}
RIGHT: dict[str, RebalanceOptions] = {
    "by default": WEEK,
    "band": replace(WEEK, strategy=Strategy.TO_BAND),
    "limits": replace(
        WEEK, group_limits=(GroupLimit("G", tuple(map(security_id, range(4))), None, Decimal("0.23")),)
    ),
    "turnover": replace(WEEK, maximum_turnover_weight=Decimal("1.5")),
}


def frozen(options: RebalanceOptions = WEEK, count: int = 6) -> list[PortfolioRebalance]:
    return answers(options, count, quotes=QUOTES)


@pytest.mark.parametrize("name", RIGHT)
def test_an_export_with_frozen_lines_is_right(name: str, tmp_path: Path) -> None:
    """Also where it is solved again, which the lines without a price have no part in."""
    path = tmp_path / "run.jsonl"
    results = frozen(RIGHT[name], 12)
    exported(messages(results, RIGHT[name]), path)
    report = verify_export(path, prove)
    assert report.findings.first == []
    assert report.solved >= 4
    assert report.frozen == sum(len(one.frozen) for one in results) > 2 * report.solved
    assert report.lines == sum(len(one.positions) for one in results)
    assert ("their lines without a usable price: as they were", report.frozen) in checked(
        report, proved=False
    )
    assert "are right" in conclusion(report, proved=False)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    return exported(messages(frozen(), WEEK), tmp_path_factory.mktemp("exports") / "run.jsonl")


FIRST: Place = (2, "portfolio")
SPOILED: Place = (*FIRST, "positions", 1)
STALE: Place = (*FIRST, "positions", 2)
#: What is put where, and which rule it breaks.
WRONG: dict[str, tuple[Place, object, str]] = {
    "a price": ((*SPOILED, "price"), {"value": "1"}, "price of a frozen line"),
    "a value": ((*SPOILED, "adjustedMarketValue"), {"value": "1"}, "adjustedMarketValue of a frozen line"),
    "a weight": ((*SPOILED, "actual"), {"value": "0"}, "actual of a frozen line"),
    "a trade": ((*SPOILED, "tradeQuantity"), "3", "tradeQuantity of a frozen line"),
    "other shares after": (
        (*SPOILED, "adjustedQuantity", "value"),
        "1.5",
        "adjusted_quantity of a frozen line",
    ),
    "another problem": (
        (*SPOILED, "priceProblem"),
        "PRICE_PROBLEM_MISSING_DATA",
        "price_problem, as in other portfolios",
    ),
    "a problem of tomorrow": ((*SPOILED, "priceProblem"), "PRICE_PROBLEM_MOON", "price_problem"),
    "a day of no price": (
        (*SPOILED, "priceDate"),
        {"year": 2026, "month": 1, "day": 2},
        "price_date of a line without a price",
    ),
    "a day that is not old": (
        (*STALE, "priceDate"),
        {"year": 2026, "month": 3, "day": 1},
        "price_date of a frozen line",
    ),
    "another target": ((*SPOILED, "target", "value"), "0.2", "target, as in other portfolios"),
    "another count": ((*FIRST, "frozenCount"), 7, "frozen_count"),
    "another sum": ((-1, "finished", "summary", "frozenCount"), 99, "summary: frozenCount"),
    "prices that nobody asked to freeze": (
        (1, "started", "options", "unpriced"),
        "UNPRICED_FAIL",
        "frozen, by the options",
    ),
    "an option of tomorrow": ((1, "started", "options", "unpriced"), "UNPRICED_MOON", "can be read"),
    "a problem of a price that is there": (
        (*FIRST, "positions", 0, "priceProblem"),
        "PRICE_PROBLEM_BAD_DATA",
        "can be read",
    ),
    "a line that is not frozen": ((*SPOILED, "reason"), "POSITION_REASON_ALREADY_NEAREST", "can be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_said_otherwise_is_found(lines: list[Object], name: str, tmp_path: Path) -> None:
    place, value, rule = WRONG[name]
    assert rule in found(lines, lambda told: put(told, place, value), tmp_path)


def test_a_line_that_is_left_out_is_found(lines: list[Object], tmp_path: Path) -> None:
    rules = found(lines, lambda told: at(told, (3, "portfolio", "positions")).pop(1), tmp_path)
    assert {"frozen_count", "securities of the model that it lacks"} <= rules


def test_a_price_that_is_too_old_where_any_will_do_is_found(lines: list[Object], tmp_path: Path) -> None:
    rules = found(
        lines, lambda told: at(told, (1, "started", "options")).pop("maximumPriceAgeDays"), tmp_path
    )
    assert "price_problem" in rules


def test_nothing_held_of_what_the_model_does_not_list_is_found(lines: list[Object], tmp_path: Path) -> None:
    def empty(told: object) -> None:
        for name in ("originalQuantity", "adjustedQuantity", "target"):
            put(told, (*SPOILED, name, "value"), "0")

    assert "quantity outside the model" in found(lines, empty, tmp_path)


def test_a_portfolio_without_an_answer_has_none(lines: list[Object], tmp_path: Path) -> None:
    (place,) = (
        place
        for place, line in enumerate(lines)
        if line.get("portfolio", {}).get("state") == "PORTFOLIO_REBALANCE_STATE_FAILED"
    )
    rules = found(lines, lambda told: put(told, (place, "portfolio", "frozenCount"), 1), tmp_path)
    assert "frozen_count, where there is no answer" in rules


def found(lines: list[Object], change: Callable[[object], object], folder: Path) -> set[str]:
    told = copy.deepcopy(lines)
    change(told)
    path = folder / "run.jsonl"
    rewritten(told, path)
    return {one.rule for one in verify_export(path).findings.first}
