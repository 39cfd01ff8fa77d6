"""Portfolios as files list them: lines of people, and the CSV of a drift."""

import csv
import io

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_client.commands.runs.choice import Listed, read_listed

IDS = st.text("abcdef0123456789", min_size=24, max_size=24)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
ROWS = st.lists(st.tuples(NAMES, IDS, IDS), max_size=6)


def listed(text: str) -> list[Listed]:
    return read_listed(io.StringIO(text))


@pytest.mark.parametrize(
    ("text", "portfolios"),
    [
        ("", []),
        ("\n \n", []),
        ("One", ["One"]),
        ("\ufeffOne\r\n\r\nTwo, the second\n", ["One", "Two, the second"]),
        ("portfolio_id\n", []),
        ("portfolio_id\nOne\n Two \n", ["One", "Two"]),
        ("name;Portfolio_ID\nx;One\n;\n", ["One"]),
        ("name;portfolio_id\nx;One;too;many\nx\n", ["One", ""]),
        ("name\tportfolio_id\n\tOne", ["One"]),
    ],
)
def test_what_a_file_lists(text: str, portfolios: list[str]) -> None:
    assert listed(text) == [Listed(one) for one in portfolios]


@given(rows=ROWS, separator=st.sampled_from(",;\t"))
def test_a_table_is_read_by_the_names_of_its_columns(
    rows: list[tuple[str, str, str]], separator: str
) -> None:
    file = io.StringIO()
    head = ("portfolio_name", "portfolio_id", "drift", "model_id")
    csv.writer(file, delimiter=separator).writerows([head, *((a, b, "0.1", c) for a, b, c in rows)])
    assert listed(file.getvalue()) == [Listed(portfolio, model) for _, portfolio, model in rows]


def test_a_table_that_is_none_is_told() -> None:
    with pytest.raises(click.UsageError, match="neither CSV nor lines"):
        read_listed(_Named('portfolio_id,x\n"a"b,c\n'))


class _Named(io.StringIO):
    name = "drift.csv"
