"""Runs of any size, made up as records: no solver decides these numbers, but they agree with each other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from ordergen_client.errors import OrderGenerationError
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.states import PortfolioState, PositionReason, PriceProblem, SolutionStatus
from ordergen_client.records.values import (
    PortfolioRebalance,
    Rebalance,
    RebalanceEvent,
    RebalancePosition,
    Solution,
    Transaction,
)

RUN = "6b0cb67f7a75e28e7a8f8613"
BEGAN = datetime(2026, 3, 2, 14, 30, 15, tzinfo=UTC)
_STYLES = ("Growth", "Income", "Balanced", "Value", "Endowment", "Pension", "Family", "Charity")
_WEIGHT = Decimal("0.0001")


def portfolio_id(number: int) -> str:
    return f"1a49294e84ffa189{number:08x}"


def run(count: int, **given: object) -> Rebalance:
    values: dict[str, object] = {
        "rebalance_id": RUN,
        "model_id": "0123456789abcdef01234567",
        "model_name": "Balanced 60",
        "model_version": 3,
        "state": "COMPLETED",
        "create_time": BEGAN,
        "finish_time": BEGAN + timedelta(seconds=4),
        "rebalance_date": BEGAN.date(),
        "portfolio_count": count,
        "actor": "desk",
        "options": RebalanceOptions(),
        **given,
    }
    return Rebalance(**values)  # type: ignore[arg-type] # each as its field has it


def events(
    portfolios: Sequence[PortfolioRebalance] | Iterator[PortfolioRebalance], whole: Rebalance
) -> Iterator[RebalanceEvent]:
    """The stream of a run that did this."""
    yield RebalanceEvent(1, started=whole)
    sequence = 1
    for sequence, portfolio in enumerate(portfolios, 2):
        yield RebalanceEvent(sequence, portfolio=portfolio)
    yield RebalanceEvent(sequence + 1, finished=whole)


def without_answer(number: int, state: str, message: str, name: str | None = None) -> PortfolioRebalance:
    """One that failed, or was not tried."""
    error = OrderGenerationError("FAILED_PRECONDITION", message)
    shown = f"Portfolio {number + 1}" if name is None else name
    return PortfolioRebalance(
        RUN,
        portfolio_id(number),
        shown,
        state,  # type: ignore[arg-type] # a state
        error,
        None,
        None,
        None,
        None,
        None,
        (),
        (),
        None,
        None,
    )


def answered(
    number: int, lines: int, *, name: str | None = None, proven: bool = True, flow: str | None = None
) -> PortfolioRebalance:
    """One that trades, of so many lines, perhaps with a cash flow; the same number gives the same."""
    random = Random(number)  # noqa: S311 - test data, not secrets
    base = Decimal(random.randint(250_000, 50_000_000))
    positions = [_line(place, random, base, Decimal("0.95") / lines) for place in range(lines)]
    cash_flow = Decimal(flow or 0)
    market_value = base - cash_flow
    cash_before = market_value - sum((known(one.original_market_value) for one in positions), Decimal(0))
    traded = sum((known(one.price) * one.trade_quantity for one in positions), Decimal(0))
    before, after = (_drift(positions, base, then) for then in (False, True))
    objective = sum(
        (abs(base * one.target - known(one.adjusted_market_value)) for one in positions), Decimal(0)
    )
    return PortfolioRebalance(
        rebalance_id=RUN,
        portfolio_id=portfolio_id(number),
        portfolio_name=f"{_STYLES[number % 8]} Portfolio {number + 1}" if name is None else name,
        state=PortfolioState.REBALANCED,
        error=None,
        market_value=market_value,
        cash_before=cash_before,
        cash_after=cash_before + cash_flow - traded,
        drift_before=before,
        drift_after=after,
        transactions=tuple(_transaction(one) for one in positions if one.trade_quantity),
        positions=tuple(positions),
        solution=Solution(
            SolutionStatus.PROVEN_OPTIMAL if proven else SolutionStatus.FEASIBLE,
            objective,
            objective if proven else objective - Decimal("0.25"),
            0.01,
            proven,
        ),
        snapshot_time=BEGAN,
        cash_flow=Decimal(flow) if flow else None,
    )


def with_frozen(portfolio: PortfolioRebalance, *places: int) -> PortfolioRebalance:
    """The same where these of its lines have no price, and trade nothing."""
    lines = [_frozen(line) if place in places else line for place, line in enumerate(portfolio.positions)]
    frozen = {portfolio.positions[place].security_id for place in places}
    left = tuple(one for one in portfolio.transactions if one.security_id not in frozen)
    return replace(portfolio, positions=tuple(lines), transactions=left, frozen_count=len(places))


def _frozen(line: RebalancePosition) -> RebalancePosition:
    return replace(
        line,
        price=None,
        adjusted_quantity=line.original_quantity,
        original_market_value=None,
        adjusted_market_value=None,
        actual=None,
        trade_quantity=0,
        trade_date=None,
        reason=PositionReason.FROZEN,
        price_problem=PriceProblem.MISSING_DATA,
    )


def known(value: Decimal | None) -> Decimal:
    """A number of a line that is not frozen."""
    assert value is not None
    return value


def _line(place: int, random: Random, market_value: Decimal, target: Decimal) -> RebalancePosition:
    price = Decimal(Random(place).randint(300, 90_000)) / 100  # noqa: S311 - all portfolios have this price
    best = int(market_value * target / price)
    held = Decimal(best * random.randint(60, 140) // 100)
    if random.random() < 0.1:
        held += Decimal(random.randint(1, 9999)) / 10_000
    trade = best - int(held)
    then = held + trade
    return RebalancePosition(
        security_id=f"SECURITY{place:016d}",
        ticker=f"T{place:02}",
        price=price,
        original_quantity=held,
        adjusted_quantity=then,
        original_market_value=held * price,
        adjusted_market_value=then * price,
        target=target,
        low_drift=target / 4,
        high_drift=target / 2,
        actual=(then * price / market_value).quantize(_WEIGHT),
        actual_drift=None,
        trade_quantity=trade,
        trade_date=BEGAN.date() if trade else None,
        reason=PositionReason.ROUNDED_TO_NEAREST_SHARE if trade else PositionReason.ALREADY_NEAREST,
    )


def _drift(lines: Sequence[RebalancePosition], market_value: Decimal, then: bool) -> Decimal:
    values = [known(one.adjusted_market_value if then else one.original_market_value) for one in lines]
    found = sum(
        (abs(value - market_value * one.target) for value, one in zip(values, lines, strict=True)), Decimal(0)
    )
    return (found / market_value).quantize(Decimal("1e-12"))


def _transaction(line: RebalancePosition) -> Transaction:
    side = "BUY" if line.trade_quantity > 0 else "SELL"
    return Transaction(side, line.security_id, abs(line.trade_quantity), BEGAN.date())  # type: ignore[arg-type] # a side
