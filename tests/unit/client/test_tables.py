"""What people read."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from globeco.ordergen.v1 import rebalance_pb2
from rich.console import Console

from ordergen_client import (
    PortfolioRebalance,
    PortfolioState,
    PositionReason,
    RebalancePosition,
    Side,
    Solution,
    SolutionStatus,
    Transaction,
)
from ordergen_client.telling import reasons, tables

DAY = date(2026, 1, 2)
POSITION = RebalancePosition(
    security_id="A" * 24,
    ticker="ABC",
    price=Decimal("12.3456"),
    original_quantity=Decimal("100.5"),
    adjusted_quantity=Decimal("90.5"),
    original_market_value=Decimal(0),
    adjusted_market_value=Decimal(0),
    target=Decimal("0.005"),
    low_drift=Decimal(0),
    high_drift=Decimal(0),
    actual=Decimal("0.0051"),
    actual_drift=None,
    trade_quantity=-10,
    trade_date=DAY,
    reason=PositionReason.ROUNDED_TO_NEAREST_SHARE,
)
PORTFOLIO = PortfolioRebalance(
    rebalance_id="a" * 24,
    portfolio_id="P" * 24,
    portfolio_name="Growth",
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


def rendered(table: object) -> list[list[str]]:
    """The cells of a table, line by line."""
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - nothing is written
    console.print(table)
    console.file.close()
    lines = console.export_text().splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]


def test_a_portfolio_is_a_line() -> None:
    empty = replace(
        PORTFOLIO, state=PortfolioState.NO_ACTION, solution=None, market_value=None, drift_after=None
    )
    assert rendered(tables.portfolios_table([PORTFOLIO, empty], "Title")) == [
        ["P" * 24, "1,234,567.80", "25.0000%", "0.0123%", "12.50", "0", "1", "PROVEN_OPTIMAL"],
        ["P" * 24, "-", "25.0000%", "-", "12.50", "0", "1", "NO_ACTION"],
    ]


def test_an_order_is_a_line_with_its_reason() -> None:
    assert rendered(tables.orders_table(PORTFOLIO)) == [
        ["ABC", "SELL", "10", "12.3456", "100.5", "90.5", "0.5%", "0.51%", "nearest whole share to target"],
        ["ABC", "", "", "12.3456", "100.5", "90.5", "0.5%", "0.51%", "99"],
    ]


@pytest.mark.parametrize("name", rebalance_pb2.PositionReason.keys()[1:])
def test_every_reason_has_words(name: str) -> None:
    reason = name.removeprefix("POSITION_REASON_")
    assert reason != reasons.reason(reason)
