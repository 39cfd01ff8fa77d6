"""Cash flows as the command takes them, one by one and from a file."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_client.commands.runs.flows import Flow, cash_flow, cash_flows, read_flows

D = Decimal
MODEL, OTHER = "a" * 24, "b" * 24
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name.strip() == name
)


class _Named(io.StringIO):
    name = "flows.csv"


def read(text: str) -> list[Flow]:
    return read_flows(_Named(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("portfolio_id,amount\n", []),
        ("portfolio,amount\nOne,5\nTwo,-10000.50\n", [Flow("One", D(5)), Flow("Two", D("-10000.50"))]),
        ("\ufeffAmount;Portfolio_ID;Note\r\n1e3;One;x\r\n;;\r\n", [Flow("One", D(1000))]),
        ("name\tportfolio_id\tamount\tmodel_id\nx\tOne\t0\t" + OTHER, [Flow("One", D(0), OTHER)]),
    ],
)
def test_what_a_file_lists(text: str, expected: list[Flow]) -> None:
    assert read(text) == expected


@given(rows=st.lists(st.tuples(NAMES, AMOUNTS)), separator=st.sampled_from(",;\t"))
def test_a_table_is_read_digit_for_digit(rows: list[tuple[str, Decimal]], separator: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerows(
        [("amount", "portfolio", "x"), *((format(amount, "f"), name, "") for name, amount in rows)]
    )
    assert [(one.portfolio, str(one.amount)) for one in read(file.getvalue())] == [
        (name, format(amount, "f")) for name, amount in rows
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--cash-flows-from: flows.csv has no columns portfolio_id and amount."),
        ("One\nTwo\n", "--cash-flows-from: flows.csv has no columns portfolio_id and amount."),
        (
            "portfolio_id,money\nOne,5\n",
            "--cash-flows-from: flows.csv has no columns portfolio_id and amount.",
        ),
        ('portfolio,amount\n"a"b,5\n', "cannot be read: it is neither CSV nor lines of UTF-8"),
        ("portfolio,amount\nOne,much\n", "--cash-flows-from: row 1: 'One' and 'much', which is no amount"),
        (
            "portfolio,amount\nOne,5\n,5\n",
            "--cash-flows-from: row 2: 'no portfolio' and '5', which is no amount",
        ),
        ("portfolio,amount\n" + "One,\n" * 12, "\nand 2 more"),
    ],
)
def test_a_file_that_is_none_is_told(text: str, message: str) -> None:
    with pytest.raises(click.UsageError) as raised:
        read(text)
    assert message in raised.value.message


class _Portfolios:
    """A client of a service that knows portfolios by their initials, and that says what it is warned of."""

    def __init__(self) -> None:
        self.portfolios = self
        self.warnings: list[str] = []

    def resolve(self, texts: Iterable[str]) -> list[Any]:
        return [
            SimpleNamespace(asked=one, portfolios=[SimpleNamespace(portfolio_id=one[0].upper() * 24)])
            for one in texts
        ]

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def taken(given: Sequence[str], text: str | None = None) -> tuple[dict[str, Decimal], list[str]]:
    service: Any = _Portfolios()
    file = None if text is None else _Named(text)
    return cash_flows(service, service, MODEL, given, file), service.warnings


def test_flows_are_those_of_options_and_of_the_file_by_id() -> None:
    table = f"portfolio,amount,model_id\nbeta,7,{MODEL}\ngamma,8,\ndelta,9,{OTHER}\n"
    found, warnings = taken(["Alpha=-10000", "Equals = = 5"], table)
    assert found == {"A" * 24: D(-10000), "E" * 24: D(5), "B" * 24: D(7), "G" * 24: D(8)}
    assert warnings == ["1 cash flows of other models are left out."]
    assert taken([]) == ({}, [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["Alpha"], "--cash-flow must be PORTFOLIO=-10000, not 'Alpha'"),
        (["=5"], "--cash-flow must be PORTFOLIO=-10000, not '=5'"),
        (["Alpha="], "--cash-flow PORTFOLIO=AMOUNT: '' is no amount"),
        (["Alpha=5%"], "--cash-flow PORTFOLIO=AMOUNT: '5%' is no amount"),
        (["Alpha=1", "alpha=2"], "'alpha' has two cash flows: add them up."),
    ],
)
def test_what_is_no_flow_is_told(given: list[str], message: str) -> None:
    with pytest.raises(click.UsageError) as raised:
        taken(given)
    assert raised.value.message.startswith(message)


def test_a_single_portfolio_has_one_flow_without_its_name() -> None:
    assert cash_flow([], None) is None
    assert cash_flow(["-10000.5"], None) == D("-10000.5")
    for texts, file in ((["1", "2"], None), (["1"], _Named("")), ([], _Named(""))):
        with pytest.raises(click.UsageError, match="one --cash-flow at most"):
            cash_flow(texts, file)
    with pytest.raises(click.UsageError, match="'Alpha=5' is no amount"):
        cash_flow(["Alpha=5"], None)
