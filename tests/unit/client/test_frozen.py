"""Frozen positions as records, and as the command shows them."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO

import pytest
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_client.records import messages
from ordergen_client.records.states import PriceProblem
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.report.figures.price_days import PriceDays
from ordergen_client.showing.output import Form, Output
from ordergen_client.showing.portfolio import show_portfolio
from ordergen_client.showing.run import RunRead, show_run
from ordergen_client.telling.printable import PlainConsole
from ordergen_client.telling.reasons import reason
from tests.made_runs import answered, events, run, with_frozen

pb = rebalance_pb2
PORTFOLIO = with_frozen(answered(1, 4), 1)
LINE = PORTFOLIO.positions[1]


def shown(form: Form) -> str:
    written: list[str] = []
    output = Output(form, to=written.append)
    show_portfolio(output, PORTFOLIO)
    return "".join(written)


def test_what_only_a_price_could_tell_is_none() -> None:
    message = pb.PortfolioRebalance(state=pb.PORTFOLIO_REBALANCE_STATE_REBALANCED, frozen_count=1)
    line = message.positions.add(
        security_id="A" * 24,
        ticker="ABC",
        reason=pb.POSITION_REASON_FROZEN,
        price_problem=pb.PRICE_PROBLEM_STALE_PRICE,
    )
    line.original_quantity.value = line.adjusted_quantity.value = "7.50"
    found = messages.portfolio_rebalance(message)
    [read] = found.positions
    assert (read.price, read.original_market_value, read.adjusted_market_value, read.actual) == (None,) * 4
    assert (read.original_quantity, read.adjusted_quantity) == (Decimal("7.50"), Decimal("7.50"))
    assert (read.reason, read.price_problem, found.frozen_count) == ("FROZEN", PriceProblem.STALE_PRICE, 1)


def test_it_is_in_no_figure_but_its_own() -> None:
    its = figures(PORTFOLIO)
    assert its.frozen == 1
    assert its.buys + its.sells == len(PORTFOLIO.transactions)
    assert its.outside_after == 0
    days = PriceDays()
    days.add(with_frozen(answered(1, 1), 0))
    assert days.told == "-"


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("MISSING_DATA", "frozen: it has no price"),
        ("BAD_DATA", "frozen: its price is none that can be"),
        ("STALE_PRICE", "frozen: its price is too old"),
        ("7", "frozen: 7"),
    ],
)
def test_why_in_words(problem: str, told: str) -> None:
    assert reason("FROZEN", "UNSPECIFIED", problem) == told
    assert reason("RESTRICTED", "UNSPECIFIED", "UNSPECIFIED") == "restricted"


def test_for_eyes_it_has_its_reason_in_the_place_of_numbers() -> None:
    text = on_screen(lambda output: show_portfolio(output, PORTFOLIO))
    assert f"Frozen {LINE.ticker}: no usable price, kept as held" in text
    assert "frozen: it has no price" in text
    assert "Frozen" not in on_screen(lambda output: show_portfolio(output, answered(1, 4)))


def on_screen(show: Callable[[Output], object]) -> str:
    output, screen = Output(), StringIO()
    output.console = PlainConsole(file=screen, width=1000)
    show(output)
    return " ".join(screen.getvalue().split())


def test_programs_are_told_that_there_is_none() -> None:
    told = json.loads(shown(Form.JSON))
    line = told["positions"][1]
    assert told["frozen_count"] == 1
    for name in (
        "price",
        "original_market_value",
        "adjusted_market_value",
        "actual",
        "weight_before",
        "value",
    ):
        assert line[name] is None
    assert (line["reason"], line["price_problem"]) == ("FROZEN", "MISSING_DATA")
    row = list(csv.DictReader(io.StringIO(shown(Form.CSV))))[1]
    assert (row["price"], row["weight_after"], row["price_problem"]) == ("", "", "MISSING_DATA")


def test_a_run_tells_them_in_sum() -> None:
    portfolios = [PORTFOLIO, with_frozen(answered(2, 4), 0, 3), answered(3, 4)]
    text = on_screen(lambda output: show_run(output, events(portfolios, run(3)), RunRead()))
    assert "Frozen 3 positions of 2 portfolios without a usable price, kept as held" in text
    assert "needs a look" not in text
