"""Values of the domain for tests: valid ones by default, so that a test names only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DataProblem
from ordergen_server.domain.market import Holdings, MarketSnapshot, NoPrice, Quote, Quoted, missing
from ordergen_server.domain.models import Model, ModelContent, Position
from ordergen_server.domain.rebalances.lines import RebalancePosition
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities

NOW = datetime(2026, 3, 2, 14, 30, 15, 123000, tzinfo=UTC)
TODAY = NOW.date()
MODEL_ID = "0123456789abcdef01234567"
RUN_ID = "aaaaaaaaaaaaaaaaaaaaaaaa"


def security_id(number: int) -> str:
    """24 alphanumeric characters; later numbers sort later."""
    return f"SECURITY{number:016d}"


def portfolio_id(number: int) -> str:
    """24 alphanumeric characters; later numbers sort later."""
    return f"PORTFOLIO{number:015d}"


def position(number: int, target: str = "0.1", low_drift: str = "0.05", high_drift: str = "0.05") -> Position:
    return Position(security_id(number), Decimal(target), Decimal(low_drift), Decimal(high_drift))


def content(
    name: str = "Growth",
    positions: tuple[Position, ...] = (position(1), position(2, "0.2")),
    portfolio_ids: tuple[str, ...] = (),
) -> ModelContent:
    return ModelContent(name, positions, portfolio_ids)


def model(*positions: Position, portfolios: int = 0, model_id: str = MODEL_ID) -> Model:
    ids = tuple(map(portfolio_id, range(portfolios)))
    return Model(model_id, ModelContent("Growth", positions, ids), 3, NOW, NOW, None)


def without_portfolios(one: Model) -> Model:
    """A model as it is read for one of its portfolios."""
    return replace(one, content=replace(one.content, portfolio_ids=()))


def holdings(cash: str, quantities: Mapping[int, str] | None = None, *, portfolio: int = 0) -> Holdings:
    held = {security_id(number): Decimal(quantity) for number, quantity in (quantities or {}).items()}
    return Holdings(portfolio_id(portfolio), Decimal(cash), held)


def no_price(number: int, problem: DataProblem | None = None) -> NoPrice:
    """What is known of a security whose price is missing, or has another problem."""
    ticker = f"T{number}"
    return NoPrice(ticker, problem or missing("pricing", "price", security_id(number), ticker))


def snapshot(prices: Mapping[int, str | NoPrice | DataProblem], day: date | None = None) -> MarketSnapshot:
    """Prices of a day, or of none that is known."""
    quotes: dict[str, Quoted] = {
        security_id(number): Quote(f"T{number}", Decimal(price), day) if isinstance(price, str) else price
        for number, price in prices.items()
    }
    return MarketSnapshot(quotes, NOW)


def rebalance(
    *, run_id: str = RUN_ID, portfolio_count: int = 1, model_id: str = MODEL_ID, created: datetime = NOW
) -> Rebalance:
    return Rebalance(
        rebalance_id=run_id,
        model_id=model_id,
        model_name="Growth",
        model_version=3,
        state=RebalanceState.RUNNING,
        create_time=created,
        rebalance_date=created.date(),
        portfolio_count=portfolio_count,
        options=RebalanceOptions(),
    )


def result(
    number: int = 0,
    *,
    run_id: str = RUN_ID,
    state: PortfolioState = PortfolioState.NO_ACTION,
    sequence: int = 0,
    trade_date: date = TODAY,
) -> PortfolioRebalance:
    return PortfolioRebalance(
        rebalance_id=run_id,
        portfolio_id=portfolio_id(number),
        portfolio_name=f"Portfolio {number}",
        state=state,
        snapshot_time=NOW,
        trade_date=trade_date,
        sequence=sequence,
    )


def rebalanced(
    untried: PortfolioRebalance,
    held: Holdings,
    positions: Sequence[Position],
    market: MarketSnapshot,
    options: RebalanceOptions | None = None,
) -> PortfolioRebalance:
    """What becomes of one portfolio by itself."""
    asked = options or RebalanceOptions()
    securities = Securities.of_run(replace(rebalance(), options=asked), positions, market)
    [answer] = rebalance_portfolios([(untried, held)], securities, asked, Deadline.after(5))
    return answer


def line_fields(line: RebalancePosition) -> dict[str, object]:
    """A line as earlier releases stored it."""
    security = asdict(line.security)
    del security["price_date"]
    return {
        **security,
        "original_quantity": line.original_quantity,
        "trade_quantity": line.trade_quantity,
        "reason": line.reason,
    }


def by_column(one: PortfolioRebalance) -> dict[str, object]:
    """A document as an earlier release stored it: each field of the lines by itself."""
    lines = [line_fields(line) for line in one.positions]
    document = to_document(replace(one, positions=(), transactions=()))
    del document["transactions"]
    return {**document, "positions": {name: [line[name] for line in lines] for name in lines[0]}}


def by_line(one: PortfolioRebalance) -> dict[str, object]:
    """A document as an earlier release stored it, with what follows from other numbers."""
    trades = [
        {**trade._asdict(), "side": trade.side.value, "trade_date": "2026-03-02"}
        for trade in one.transactions
    ]
    lines = [
        {**line_fields(line), "adjusted_quantity": line.adjusted_quantity, "actual": Decimal("0.1")}
        for line in one.positions
    ]
    return {
        **to_document(replace(one, positions=(), transactions=())),
        "positions": lines,
        "transactions": trades,
    }
