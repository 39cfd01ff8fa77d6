"""What people see: whole numbers and ids at every width, and what others wrote as mere text."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import cast

import pytest
import yaml
from globeco.ordergen.v1 import rebalance_pb2
from hypothesis import given
from hypothesis import strategies as st

from ordergen_client import (
    GroupLimit,
    OrderGenerationError,
    PortfolioRebalance,
    PortfolioState,
    PositionReason,
    PriceRange,
    Rebalance,
    RebalanceEvent,
    RebalanceOptions,
    RebalancePosition,
    RebalanceState,
    Restriction,
    SecurityLimit,
    Side,
    Solution,
    SolutionStatus,
    Transaction,
)
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.grid import print_rows
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.portfolio import show_portfolio
from ordergen_client.showing.run import RunRead, run_details, show_run
from ordergen_client.telling.printable import PlainConsole
from ordergen_client.telling.reasons import reason

DAY, NOW = date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)
POSITION = RebalancePosition(
    security_id="A" * 24,
    ticker="ABC",
    price=Decimal("12.3456"),
    original_quantity=Decimal("100.5"),
    adjusted_quantity=Decimal("90.5"),
    original_market_value=Decimal("1240.7328"),
    adjusted_market_value=Decimal("1117.2768"),
    target=Decimal("0.005"),
    low_drift=Decimal("0.001"),
    high_drift=Decimal("0.002"),
    actual=Decimal("0.0051"),
    actual_drift=None,
    trade_quantity=-10,
    trade_date=DAY,
    reason=PositionReason.ROUNDED_TO_NEAREST_SHARE,
)
PORTFOLIO = PortfolioRebalance(
    rebalance_id="a" * 24,
    portfolio_id="P" * 24,
    portfolio_name="Growth and income of the elder branch",
    state=PortfolioState.REBALANCED,
    error=None,
    market_value=Decimal("1234567.8"),
    cash_before=Decimal(0),
    cash_after=Decimal("12.5"),
    drift_before=Decimal("0.25"),
    drift_after=Decimal("0.000123"),
    transactions=(Transaction(Side.SELL, "A" * 24, 10, DAY),),
    positions=(POSITION, replace(POSITION, trade_quantity=0, reason=PositionReason("99"))),
    solution=Solution(SolutionStatus.PROVEN_OPTIMAL, Decimal(1), Decimal(1), 0.001),
    snapshot_time=None,
)
RUN = Rebalance(
    "a" * 24,
    "b" * 24,
    "Growth",
    1,
    RebalanceState.COMPLETED,
    NOW,
    NOW,
    DAY,
    1,
    {PortfolioState.REBALANCED: 1},
)
EVENTS = (
    RebalanceEvent(1, started=replace(RUN, state=RebalanceState.RUNNING)),
    RebalanceEvent(2, portfolio=PORTFOLIO),
    RebalanceEvent(3, finished=RUN),
)
#: Clears the screen, sets its title, ends a markup that was never begun, and turns letters round.
NASTY = "\x1b[2J\x1b]0;title\x07 [/b] [red]x[/red] :bomb: \x9b2J\u202e"
SHOWN = r"\x1b[2J\x1b]0;title\x07 [/b] [red]x[/red] :bomb: \x9b2J\u202e"


def terminal(width: int) -> tuple[PlainConsole, StringIO]:
    screen = StringIO()
    return PlainConsole(file=screen, force_terminal=True, color_system=None, width=width), screen


def on_terminal(width: int, output: Output) -> StringIO:
    output.console, screen = terminal(width)
    return screen


def as_text(form: Form) -> tuple[Output, list[str]]:
    written: list[str] = []
    return Output(form, to=written.append), written


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100, 140, 300])
def test_no_number_or_id_is_ever_cut(width: int) -> None:
    output = Output()
    screen = on_terminal(width, output)
    show_run(output, EVENTS, RunRead())
    show_portfolio(output, PORTFOLIO)
    shown = screen.getvalue()
    assert "…" not in shown
    for whole in ("a" * 24, "P" * 24, "1,234,567.80", "0.01%", "123.46"):
        assert whole in shown.replace("\n", "") if width < 40 else whole in shown


@given(
    width=st.integers(10, 120),
    cells=st.lists(
        st.tuples(
            st.decimals(min_value=-(10**12), max_value=10**12, places=2),
            st.text(st.characters(whitelist_categories=("L", "Nd", "Zs")), max_size=60),
            st.text("0123456789abcdef", min_size=24, max_size=24),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_whatever_the_width_what_must_not_be_left_out_stands_whole(
    width: int, cells: Sequence[tuple[Decimal, str, str]]
) -> None:
    columns = (
        Column("name", "Name"),
        Column("id", "Id", Kind.ID),
        Column("money", "Money", Kind.MONEY),
        Column("spare", "Spare", Kind.MONEY, 1),
    )
    rows = [{"name": text, "id": key, "money": money, "spare": money} for money, text, key in cells]
    console, screen = terminal(width)
    print_rows(console, rows, columns)
    shown = screen.getvalue()
    for money, _text, key in cells:
        assert key in shown
        assert f"{money:,.2f}" in shown


def test_a_pipe_has_no_width() -> None:
    output = Output()
    output.console = PlainConsole(file=(screen := StringIO()), width=20)
    show_portfolio(output, PORTFOLIO)
    assert [line for line in screen.getvalue().splitlines() if "SELL" in line and "99" not in line]
    (line,) = [line for line in screen.getvalue().splitlines() if "SELL" in line]
    assert line.split()[:4] == ["ABC", "A" * 24, "SELL", "10"]
    assert line.endswith("nearest whole share to target")


def test_a_terminal_that_is_too_narrow_says_what_it_leaves_out() -> None:
    output = Output()
    screen = on_terminal(80, output)
    show_portfolio(output, PORTFOLIO)
    assert "Too narrow for: " in screen.getvalue()
    assert "--output csv has all." in screen.getvalue()


@pytest.mark.parametrize(
    ("width", "headings"), [(80, ["Name Drift then"]), (14, ["Drift", "Name then"]), (8, ["Drift then"])]
)
def test_a_heading_that_goes_on_from_one_that_is_left_out_says_of_what_it_is(
    width: int, headings: list[str]
) -> None:
    """Over two lines, or before its value where no table fits."""
    columns = (
        Column("name", "Name"),
        Column("before", "Drift", Kind.PERCENT, 1),
        Column("after", "then", Kind.PERCENT, 0, "Drift then"),
    )
    console, screen = terminal(width)
    print_rows(console, [{"name": "Abcd", "before": Decimal("0.5"), "after": Decimal("0.25")}], columns)
    shown = [" ".join(line.split()) for line in screen.getvalue().splitlines()]
    for heading in headings:
        assert any(heading in line for line in shown), shown


def test_names_are_shown_and_obeyed_by_nobody() -> None:
    error = OrderGenerationError("FAILED_PRECONDITION", NASTY)
    portfolio = replace(
        PORTFOLIO,
        portfolio_name=NASTY,
        positions=(replace(POSITION, ticker=NASTY, reason=cast("PositionReason", NASTY)),),
        error=error,
        state=PortfolioState.FAILED,
    )
    run = replace(RUN, model_name=NASTY, actor=NASTY, error=error)
    output = Output()
    screen = on_terminal(1000, output)
    show_run(output, [RebalanceEvent(1, portfolio=portfolio), RebalanceEvent(2, finished=run)], RunRead())
    show_portfolio(output, portfolio)
    shown = screen.getvalue()
    for style in ("\x1b[0m", "\x1b[1m", "\x1b[3m", "\x1b[2m"):
        shown = shown.replace(style, "")
    assert not {one for one in shown if not one.isprintable()} - {"\n"}
    assert shown.count("[/b]") >= 10


def test_options_of_many_securities_and_groups_are_told_in_words_and_in_short() -> None:
    """However many there are: a thousand securities of a hundred groups are no summary."""
    given = RebalanceOptions(
        restrictions={f"{number:024}": Restriction.HOLD for number in range(1000)},
        security_limits={"S" * 24: SecurityLimit(maximum_weight="0.1")},
        group_limits={"Tech": GroupLimit(["A" * 24] * 1000, "0.025", "0.5")},
    )
    told = run_details(replace(RUN, options=given))["Options"]
    assert told == (
        "restrictions (000000000000000000000000 HOLD; 000000000000000000000001 HOLD;"
        " 000000000000000000000002 HOLD; and 997 more),"
        " security_limits (SSSSSSSSSSSSSSSSSSSSSSSS at most 10.00%),"
        " group_limits (Tech (1,000 securities) at least 2.50%, at most 50.00%)"
    )


@pytest.mark.parametrize("form", [Form.JSON, Form.NDJSON, Form.YAML, Form.CSV])
def test_programs_get_every_digit(form: Form) -> None:
    output, written = as_text(form)
    show_run(output, EVENTS, RunRead())
    text = "".join(written)
    readers: dict[Form, Callable[[], Mapping[str, object]]] = {
        Form.JSON: lambda: json.loads(text)["portfolios"][0],
        Form.NDJSON: lambda: json.loads(text),
        Form.YAML: lambda: yaml.safe_load(text)["portfolios"][0],
        Form.CSV: lambda: next(csv.DictReader(io.StringIO(text))),
    }
    row = readers[form]()
    told = [row[name] for name in ("portfolio_id", "drift_after", "market_value", "sold", "turnover")]
    assert told == ["P" * 24, "0.000123", "1234567.8", "123.4560", "123.4560"]


def test_json_has_the_run_and_orders_with_their_tickers_prices_and_values() -> None:
    output, written = as_text(Form.JSON)
    show_run(output, EVENTS, RunRead())
    told = json.loads("".join(written))
    assert (told["rebalance_id"], told["state"], told["counts"]) == ("a" * 24, "COMPLETED", {"REBALANCED": 1})
    assert told["portfolios"][0]["transactions"] == [
        {
            "side": "SELL",
            "ticker": "ABC",
            "security_id": "A" * 24,
            "quantity": 10,
            "price": "12.3456",
            "value": "123.4560",
            "trade_date": "2026-01-02",
        }
    ]


def test_a_spreadsheet_is_given_no_formula() -> None:
    output, written = as_text(Form.CSV)
    output.listing(Listing("", "", (Column("name", "Name"),), [{"name": "=1+1"}, {"name": "plain"}]))
    assert "".join(written).splitlines() == ["name", "'=1+1", "plain"]


def test_headings_can_be_left_out() -> None:
    written: list[str] = []
    Output(Form.CSV, headers=False, to=written.append).listing(
        Listing("", "", (Column("name", "Name"),), [{"name": "one"}])
    )
    assert written == ["one\n"]


@pytest.mark.parametrize("name", rebalance_pb2.PositionReason.keys()[1:])
def test_every_reason_has_words(name: str) -> None:
    known = name.removeprefix("POSITION_REASON_")
    assert reason(known) != known


def test_a_reason_of_a_newer_server_is_its_name() -> None:
    assert (reason("99"), reason("UNSPECIFIED")) == ("99", "")


def test_the_prices_until_which_orders_are_good_are_never_more_than_is_true() -> None:
    """In cents, rounded towards the price; where that would go beyond it, the price itself."""
    ranges = {
        "wide": PriceRange(Decimal("10.001"), Decimal("14.999")),
        "narrow": PriceRange(Decimal("12.3455"), Decimal("12.3459")),
        "endless": PriceRange(None, None),
    }
    ends = [tuple(end and str(end) for end in (one.low, one.high)) for one in ranges.values()]
    lines = [replace(POSITION, ticker=name, good_until=one) for name, one in ranges.items()]
    portfolio = replace(PORTFOLIO, positions=tuple(lines))
    output = Output()
    screen = on_terminal(300, output)
    show_portfolio(output, portfolio)
    cells = [line.split() for line in screen.getvalue().splitlines() if line.split()]
    shown = {one[0]: one for one in cells if one[0] in ranges}
    assert {name: ("10.01" in one, "14.99" in one) for name, one in shown.items()} == {
        "wide": (True, True),
        "narrow": (False, False),
        "endless": (False, False),
    }
    assert shown["narrow"].count("12.3456") == 3
    written, texts = as_text(Form.CSV)
    show_portfolio(written, portfolio)
    rows = list(csv.DictReader(io.StringIO("".join(texts))))
    assert [(row["good_from"], row["good_to"]) for row in rows] == [
        (low or "", high or "") for low, high in ends
    ]
    written, texts = as_text(Form.JSON)
    show_portfolio(written, portfolio)
    told = [one["good_until"] for one in json.loads("".join(texts))["positions"]]
    assert told == [{"low": low, "high": high} for low, high in ends]


def test_a_portfolio_of_which_no_range_is_known_has_no_column_of_it() -> None:
    output = Output()
    screen = on_terminal(300, output)
    show_portfolio(output, PORTFOLIO)
    assert "Good from" not in screen.getvalue()


def test_a_rule_of_the_settings_is_named_as_theirs() -> None:
    assert reason("RESTRICTED", "RUN") == reason("RESTRICTED") == "restricted"
    assert reason("RESTRICTED", "SETTINGS") == "restricted, by the portfolio's settings"
