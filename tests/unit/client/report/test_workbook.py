"""A workbook has what the service answered: money and shares as numbers, names and ids as text."""

import re
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from xlsxwriter import Workbook

from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.report.sheets import Column, Sheet, Styles
from ordergen_client.report.workbook import write_workbook
from ordergen_client.whole_file import FileNotWrittenError
from tests.made_runs import answered, events, known, run, with_frozen, without_answer

_XML = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Rows = list[list[str | float]]


def read(path: Path) -> tuple[dict[str, Rows], dict[str, list[str]]]:
    """The cells of each sheet, and those of each whose style is italic."""
    with zipfile.ZipFile(path) as book:

        def parsed(name: str) -> ET.Element:
            return ET.fromstring(book.read(name))  # noqa: S314 - written by the test itself

        names = [one.attrib["name"] for one in parsed("xl/workbook.xml").iter(f"{_XML}sheet")]
        styles = parsed("xl/styles.xml")
        italic = [font.find(f"{_XML}i") is not None for font in styles.iter(f"{_XML}font")]
        formats = [italic[int(one.attrib["fontId"])] for one in styles.find(f"{_XML}cellXfs") or ()]
        rows: dict[str, Rows] = {}
        rounded: dict[str, list[str]] = {}
        for place, name in enumerate(names, 1):
            cells = list(parsed(f"xl/worksheets/sheet{place}.xml").iter(f"{_XML}row"))
            rows[name] = [[value(cell) for cell in row] for row in cells]
            rounded[name] = [
                cell.attrib["r"] for row in cells for cell in row if formats[int(cell.attrib.get("s", 0))]
            ]
    return rows, rounded


def value(cell: ET.Element) -> str | float:
    assert cell.find(f"{_XML}f") is None
    if cell.attrib.get("t") == "inlineStr":
        return "".join(one.text or "" for one in cell.iter(f"{_XML}t"))
    return float(cell.findtext(f"{_XML}v") or "nan")


def book_of(portfolios: list[PortfolioRebalance], path: Path) -> tuple[dict[str, Rows], dict[str, list[str]]]:
    told = events(portfolios, run(len(portfolios)))
    write_workbook(told, path, force=False, progress=lambda _done, _all: None)
    return read(path)


def test_orders_and_lines_are_those_of_the_run(tmp_path: Path) -> None:
    portfolios = [answered(number, 5) for number in range(3)]
    sheets, _ = book_of(portfolios, tmp_path / "run.xlsx")
    assert list(sheets) == ["Summary", "Portfolios", "Orders", "Lines"]
    orders = [
        [
            *(one.portfolio_id, one.portfolio_name, trade.side, trade.security_id),
            *(
                line.ticker,
                float(trade.quantity),
                float(known(line.price)),
                float(known(line.price) * trade.quantity),
            ),
            "2026-03-02",
        ]
        for one in portfolios
        for trade in one.transactions
        for line in one.positions
        if line.security_id == trade.security_id
    ]
    assert sheets["Orders"][1:] == orders
    for row, line in zip(
        sheets["Lines"][1:], (line for one in portfolios for line in one.positions), strict=True
    ):
        assert row[4:8] == [
            float(one) for one in (known(line.price), line.target, line.low_drift, line.high_drift)
        ]
        assert row[10:13] == [
            float(one) for one in (line.original_quantity, line.trade_quantity, line.adjusted_quantity)
        ]
        assert row[13:15] == [
            float(known(one)) for one in (line.original_market_value, line.adjusted_market_value)
        ]
    assert [row[4] for row in sheets["Portfolios"][1:]] == [
        float(one.market_value or 0) for one in portfolios
    ]


def test_cash_flows_and_costs_have_their_columns_and_weights_are_of_what_is_there_then(
    tmp_path: Path,
) -> None:
    one = replace(answered(1, 2, flow="-1250.5"), cost=Decimal("19.25"))
    sheets, _ = book_of([one], tmp_path / "run.xlsx")
    head, row = sheets["Portfolios"]
    base = one.base_value or Decimal(1)
    values = (one.market_value, one.cash_before, one.cash_flow, one.cost, one.cash_after)
    names = ("Market value", "Cash before", "Cash flow", "Costs", "Cash after")
    assert [row[head.index(name)] for name in names] == [float(value or 0) for value in values]
    assert row[head.index("Turnover")] == pytest.approx(float(figures(one).turnover / base), rel=1e-14)
    for cells, line in zip(sheets["Lines"][1:], one.positions, strict=True):
        assert cells[8] == pytest.approx(float(known(line.original_market_value) / base), rel=1e-14)
    summary: dict[Any, Any] = {row[0]: row[1] for row in sheets["Summary"]}
    assert (summary["Cash flows"], summary["Costs"]) == (-1250.5, 19.25)


def test_what_is_frozen_has_no_price_and_is_told_in_sum(tmp_path: Path) -> None:
    sheets, _ = book_of([with_frozen(answered(1, 3), 1), answered(2, 3)], tmp_path / "run.xlsx")
    row = sheets["Lines"][2]
    numbers = [one for one in row[4:-1] if isinstance(one, float)]
    assert (row[3], row[-1], len(numbers)) == ("T01", "frozen: it has no price", 6)  # weights and shares
    summary: dict[Any, Any] = {row[0]: row[1:] for row in sheets["Summary"]}
    count, told = summary["Frozen"]
    assert (count, told.partition(",")[0]) == (1.0, "1 position of 1 portfolio without a usable price")
    others, _ = book_of([answered(2, 3)], tmp_path / "others.xlsx")
    assert "Frozen" not in {row[0] for row in others["Summary"]}


def test_text_is_never_a_formula_nor_a_number(tmp_path: Path) -> None:
    portfolios = [
        without_answer(1, "FAILED", "=HYPERLINK(1)", "=1+1"),
        without_answer(2, "FAILED", "x" * 40_000, "0012"),
    ]
    sheets, _ = book_of(portfolios, tmp_path / "run.xlsx")
    rows = sheets["Portfolios"][1:]
    assert [row[1] for row in rows] == ["=1+1", "0012"]
    assert rows[0][-1] == "=HYPERLINK(1)"
    assert rows[1][-1] == "x" * 32_767


def test_numbers_that_excel_rounds_are_in_italics_and_counted(tmp_path: Path) -> None:
    portfolio = replace(answered(1, 2), cash_before=Decimal("1234567890123.456"))
    sheets, rounded = book_of([portfolio, answered(2, 2)], tmp_path / "run.xlsx")
    assert rounded["Portfolios"] == ["F2"]
    [(count, note)] = [row[1:] for row in sheets["Summary"] if row[0] == "Rounded numbers"]
    assert count == 1
    assert "Excel keeps 15 digits" in str(note)


def test_the_summary_has_totals_and_options(tmp_path: Path) -> None:
    portfolios = [answered(1, 2), without_answer(2, "FAILED", "No price.")]
    sheets, _ = book_of(portfolios, tmp_path / "run.xlsx")
    summary: dict[Any, Any] = {row[0]: row[1] for row in sheets["Summary"]}
    assert summary["Market value"] == float(portfolios[0].market_value or 0)
    assert (summary["Rebalanced"], summary["Failed"], summary["Proven optimal"]) == (1, 1, 1)
    assert summary["Cash to keep"] == "0 or more"


def test_a_full_sheet_goes_on_in_another(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with Workbook(str(path), {"constant_memory": True}) as book:
        sheet = Sheet(book, "Lines", [Column("Number", "quantity", 9)], Styles(book), rows=3)
        for number in range(5):
            sheet.add([Decimal(number)])
        sheet.finish()
    sheets, _ = read(path)
    assert sheets == {
        "Lines": [["Number"], [0.0], [1.0]],
        "Lines 2": [["Number"], [2.0], [3.0]],
        "Lines 3": [["Number"], [4.0]],
    }


def test_a_run_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    *first, _finished = events([answered(1, 1)], run(1))
    with pytest.raises(FileNotWrittenError, match=re.escape("ended before the run did")):
        write_workbook(first, tmp_path / "run.xlsx", force=False, progress=lambda _done, _all: None)
    assert list(tmp_path.iterdir()) == []


def test_a_part_is_called_so(tmp_path: Path) -> None:
    for partial in (False, True):
        path = tmp_path / f"{partial}.xlsx"
        told = events([answered(1, 3)], run(1, partial=partial))
        write_workbook(told, path, force=False, progress=lambda _done, _all: None)
        summary = next(iter(read(path)[0].values()))
        assert (["Over", "some of the model's portfolios"] in [row[:2] for row in summary]) == partial
