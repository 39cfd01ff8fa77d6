"""Between our records and the messages of the contract."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from globeco.ordergen.v1 import (
    diagnostics_service_pb2,
    model_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
)
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type import date_pb2

from ordergen_client.errors import from_status
from ordergen_client.records import enums
from ordergen_client.records.diagnoses import Caller, Dependency, Diagnosis
from ordergen_client.records.figures import decimal, price_range, relaxations, rule_price, summary, zero
from ordergen_client.records.lazily import Lazily
from ordergen_client.records.matches import Portfolio, PortfolioMatches, Security, SecurityMatches
from ordergen_client.records.options.option_messages import digits, options, set_if_given
from ordergen_client.records.options.weight_limits import LimitBreach
from ordergen_client.records.review_messages import order_state, portfolio_review, review_counts
from ordergen_client.records.states import (
    PortfolioState,
    View,
)
from ordergen_client.records.values import (
    Model,
    PortfolioRebalance,
    Position,
    Rebalance,
    RebalanceEvent,
    RebalancePosition,
    Solution,
    Transaction,
)

pb = rebalance_pb2


def model_message(name: str, positions: Iterable[Position], portfolio_ids: Iterable[str]) -> model_pb2.Model:
    """What a caller says of a model."""
    message = model_pb2.Model(name=name, portfolio_ids=portfolio_ids)
    message.positions.extend(map(position_message, positions))
    return message


def position_message(position: Position) -> model_pb2.Position:
    """One position of a model."""
    message = model_pb2.Position(security_id=position.security_id)
    message.target.value = digits(position.target)
    message.low_drift.value = digits(position.low_drift)
    message.high_drift.value = digits(position.high_drift)
    return message


def cash_flow_messages(
    cash_flows: Mapping[str, Decimal],
) -> Iterator[rebalance_service_pb2.CashFlow]:
    """Money that comes to portfolios, or is paid out of them."""
    for portfolio_id, amount in cash_flows.items():
        message = rebalance_service_pb2.CashFlow(portfolio_id=portfolio_id)
        message.amount.value = digits(amount)
        yield message


def set_cash_flow(request: rebalance_service_pb2.RebalancePortfolioRequest, amount: Decimal | None) -> None:
    """Money that comes to a portfolio, or is paid out of it."""
    set_if_given(request, "cash_flow", amount)


def portfolio_state(state: PortfolioState | None) -> pb.PortfolioRebalanceState.ValueType:
    """The enum's value of a state; unspecified of None."""
    return pb.PortfolioRebalanceState.Value(f"PORTFOLIO_REBALANCE_STATE_{state or 'UNSPECIFIED'}")


def view(view: View) -> pb.PortfolioRebalanceView.ValueType:
    """The enum's value of a view."""
    return pb.PortfolioRebalanceView.Value(f"PORTFOLIO_REBALANCE_VIEW_{view}")


def model(message: model_pb2.Model) -> Model:
    """A model as stored."""
    return Model(
        model_id=message.model_id,
        name=message.name,
        positions=Lazily(message.positions, _model_position),
        portfolio_ids=tuple(message.portfolio_ids),
        version=message.version,
        create_time=_time(message.create_time),
        update_time=_time(message.update_time),
        last_rebalance_time=optional_time(message, "last_rebalance_time"),
        update_actor=message.update_actor,
    )


def rebalance(message: pb.Rebalance) -> Rebalance:
    """A run."""
    return Rebalance(
        rebalance_id=message.rebalance_id,
        model_id=message.model_id,
        model_name=message.model_name,
        model_version=message.model_version,
        state=enums.RUN_STATES[message.state],
        create_time=_time(message.create_time),
        finish_time=optional_time(message, "finish_time"),
        rebalance_date=_date(message.rebalance_date),
        portfolio_count=message.portfolio_count,
        counts={state: getattr(message, f"{state.lower()}_count") for state in PortfolioState},
        error=from_status(message.error) if message.HasField("error") else None,
        version=message.version,
        actor=message.actor,
        partial=message.partial,
        draft=message.draft,
        options=options(message.options) if message.HasField("options") else None,
        summary=summary(message.summary) if message.HasField("summary") else None,
        review_counts=review_counts(message),
    )


def portfolio_rebalance(message: pb.PortfolioRebalance) -> PortfolioRebalance:
    """What a run did for one portfolio."""
    return PortfolioRebalance(
        rebalance_id=message.rebalance_id,
        portfolio_id=message.portfolio_id,
        portfolio_name=message.portfolio_name,
        state=enums.PORTFOLIO_STATES[message.state],
        error=from_status(message.error) if message.HasField("error") else None,
        market_value=decimal(message.market_value),
        cash_before=decimal(message.cash_before),
        cash_after=decimal(message.cash_after),
        drift_before=decimal(message.drift_before),
        drift_after=decimal(message.drift_after),
        transactions=Lazily(message.transactions, _transaction),
        positions=Lazily(message.positions, _position),
        solution=_solution(message.solution) if message.HasField("solution") else None,
        snapshot_time=optional_time(message, "snapshot_time"),
        cash_flow=decimal(message.cash_flow),
        cost=decimal(message.cost),
        settings_version=message.settings_version,
        rule_prices=tuple(map(rule_price, message.rule_prices)),
        relaxations=relaxations(message.relaxations) if message.HasField("relaxations") else None,
        limit_breaches=tuple(
            LimitBreach(one.security_id, one.group, zero(one.value), enums.SOURCES[one.source])
            for one in message.limit_breaches
        ),
        frozen_count=message.frozen_count,
        review=portfolio_review(message),
        order_state=order_state(message),
    )


def event(message: rebalance_service_pb2.RebalanceModelResponse) -> RebalanceEvent:
    """A step of a run."""
    return RebalanceEvent(
        sequence=message.sequence,
        started=rebalance(message.started) if message.HasField("started") else None,
        portfolio=portfolio_rebalance(message.portfolio) if message.HasField("portfolio") else None,
        finished=rebalance(message.finished) if message.HasField("finished") else None,
    )


def security_matches(
    message: reference_service_pb2.ResolveSecuritiesResponse,
) -> tuple[SecurityMatches, ...]:
    """The securities that each text stands for."""
    return tuple(
        SecurityMatches(one.asked, tuple(map(_security, one.securities)), one.more) for one in message.matches
    )


def portfolio_matches(
    message: reference_service_pb2.ResolvePortfoliosResponse,
) -> tuple[PortfolioMatches, ...]:
    """The portfolios that each text stands for."""
    return tuple(
        PortfolioMatches(one.asked, tuple(map(_portfolio, one.portfolios)), one.more)
        for one in message.matches
    )


def _security(message: reference_service_pb2.Security) -> Security:
    return Security(message.security_id, message.ticker, decimal(message.price))


def _portfolio(message: reference_service_pb2.Portfolio) -> Portfolio:
    return Portfolio(message.portfolio_id, message.name)


def diagnosis(message: diagnostics_service_pb2.DiagnoseResponse) -> Diagnosis:
    """How a server is."""
    caller = message.caller
    return Diagnosis(
        server_version=message.server_version,
        server_time=_time(message.server_time),
        caller=Caller(caller.actor, enums.CREDENTIALS[caller.credential], tuple(caller.scopes)),
        dependencies=tuple(map(_dependency, message.dependencies)),
    )


def _dependency(message: diagnostics_service_pb2.Dependency) -> Dependency:
    return Dependency(
        name=message.name,
        state=enums.DEPENDENCY_STATES[message.state],
        seconds=message.duration.ToNanoseconds() / 1e9,
        problem=message.problem,
        advice=message.advice,
    )


def _model_position(line: model_pb2.Position) -> Position:
    return Position(line.security_id, zero(line.target), zero(line.low_drift), zero(line.high_drift))


def _transaction(message: pb.Transaction) -> Transaction:
    side = enums.SIDES[message.transaction_type]
    return Transaction(side, message.security_id, message.quantity, _date(message.trade_date))


def _position(message: pb.RebalancePosition) -> RebalancePosition:
    sells = message.transaction_type == pb.TRANSACTION_TYPE_SELL
    return RebalancePosition(
        security_id=message.security_id,
        ticker=message.ticker,
        price=decimal(message.price),
        original_quantity=zero(message.original_quantity),
        adjusted_quantity=zero(message.adjusted_quantity),
        original_market_value=decimal(message.original_market_value),
        adjusted_market_value=decimal(message.adjusted_market_value),
        target=zero(message.target),
        low_drift=zero(message.low_drift),
        high_drift=zero(message.high_drift),
        actual=decimal(message.actual),
        actual_drift=decimal(message.actual_drift),
        trade_quantity=-message.trade_quantity if sells else message.trade_quantity,
        trade_date=_date(message.trade_date) if message.HasField("trade_date") else None,
        reason=enums.REASONS[message.reason],
        cost=decimal(message.cost),
        good_until=price_range(message.good_until) if message.HasField("good_until") else None,
        price_date=_date(message.price_date) if message.HasField("price_date") else None,
        bound_by=enums.SOURCES[message.bound_by],
        price_problem=enums.PRICE_PROBLEMS[message.price_problem],
    )


def _solution(message: pb.Solution) -> Solution:
    return Solution(
        status=enums.STATUSES[message.status],
        objective=zero(message.objective),
        lower_bound=zero(message.lower_bound),
        solve_seconds=message.solve_duration.ToNanoseconds() / 1e9,
        tie_broken=message.tie_broken,
    )


def _time(message: Timestamp) -> datetime:
    return message.ToDatetime(UTC)


def optional_time(message: Message, name: str) -> datetime | None:
    """A point in time that a message may have, by the name of its field."""
    return _time(getattr(message, name)) if message.HasField(name) else None


def _date(message: date_pb2.Date) -> date:
    return date(message.year, message.month, message.day)
