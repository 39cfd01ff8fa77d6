"""Domain values as messages of the contract. Numbers are set in place: building them first costs thrice."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import timestamp_pb2

from ordergen_server.api.messages.errors import to_status
from ordergen_server.api.messages.numbers import plain, set_date, set_decimal
from ordergen_server.api.messages.orders.reviews import set_review_counts
from ordergen_server.api.messages.result_lines import SOURCES, result_lines
from ordergen_server.api.messages.wire import Heads
from ordergen_server.domain.desk.price_ranges import PriceRange, good_until
from ordergen_server.domain.models import Model
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.rebalances.lines import RuleSource
from ordergen_server.domain.rebalances.options import LotSides, RebalanceOptions, Sides, Unpriced
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RunEvent, RunFinished, RunStarted
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit

pb = rebalance_pb2
#: Messages of models that are kept, and the portfolios that a kept one has at most.
KEPT_MODELS, KEPT_PORTFOLIOS = 256, 1000
#: Money and weights of a summary; what is None there is absent.
_SUMS = (
    *("market_value", "buy_value", "sell_value", "turnover_weight", "cash_before", "cash_after"),
    *("drift_before", "drift_after", "worst_unproven_gap", "cash_flow", "cost"),
)
_NUMBERS = (
    *("market_value", "cash_before", "cash_after", "drift_before", "drift_after"),
    *("cash_flow", "cost"),
)
_OF_EVENT = Heads(rebalance_service_pb2.RebalanceModelResponse.DESCRIPTOR, "portfolio")
_STATES = {
    one: pb.PortfolioRebalanceState.Value(f"PORTFOLIO_REBALANCE_STATE_{one.name}") for one in PortfolioState
}


def set_time(message: timestamp_pb2.Timestamp, value: datetime) -> None:
    """Write a UTC time."""
    message.FromDatetime(value)


def model(value: Model) -> model_pb2.Model:
    """A model; the message is shared, and not to be changed."""
    return _kept_model(value) if len(value.portfolio_ids) <= KEPT_PORTFOLIOS else _model(value)


def _model(value: Model) -> model_pb2.Model:
    message = model_pb2.Model(
        model_id=value.model_id,
        name=value.name,
        portfolio_ids=value.portfolio_ids,
        version=value.version,
        update_actor=value.update_actor,
    )
    for position in value.positions:
        line = message.positions.add(security_id=position.security_id)
        line.target.value = plain(position.target)
        line.high_drift.value = plain(position.high_drift)
        line.low_drift.value = plain(position.low_drift)
    set_time(message.create_time, value.create_time)
    set_time(message.update_time, value.update_time)
    if value.last_rebalance_time:
        set_time(message.last_rebalance_time, value.last_rebalance_time)
    return message


# Most models that are read have been read before; every change has another version or time.
_kept_model = lru_cache(maxsize=KEPT_MODELS)(_model)


def rebalance(value: Rebalance, rule: ApprovalRule | None = None) -> pb.Rebalance:
    """A run; with a rule, how far its review is by that."""
    message = pb.Rebalance(
        rebalance_id=value.rebalance_id,
        model_id=value.model_id,
        model_name=value.model_name,
        model_version=value.model_version,
        state=pb.RebalanceState.Value(f"REBALANCE_STATE_{value.state.name}"),
        portfolio_count=value.portfolio_count,
        version=value.version,
        rebalanced_count=value.counts.get(PortfolioState.REBALANCED, 0),
        no_action_count=value.counts.get(PortfolioState.NO_ACTION, 0),
        infeasible_count=value.counts.get(PortfolioState.INFEASIBLE, 0),
        failed_count=value.counts.get(PortfolioState.FAILED, 0),
        skipped_count=value.counts.get(PortfolioState.SKIPPED, 0),
        actor=value.actor,
        partial=value.partial,
        draft=value.draft,
        error=to_status(value.error) if value.error else None,
    )
    set_time(message.create_time, value.create_time)
    set_date(message.rebalance_date, value.rebalance_date)
    if value.options:
        _set_options(message.options, value.options)
    if value.finish_time:
        set_time(message.finish_time, value.finish_time)
    if value.summary:
        _set_summary(message.summary, value.summary)
    if rule:
        set_review_counts(message, value, rule)
    return message


def _set_summary(message: pb.RebalanceSummary, value: RebalanceSummary) -> None:
    for name in _SUMS:
        number = getattr(value, name)
        if number is not None:
            set_decimal(getattr(message, name), number)
    for name in ("trade_count", "proven_count", "unproven_count", "frozen_count"):
        setattr(message, name, getattr(value, name))


def _set_options(message: pb.RebalanceOptions, value: RebalanceOptions) -> None:
    _set_choices(message, value)
    if value.minimum_cash_amount is not None:
        set_decimal(message.minimum_cash.amount, value.minimum_cash_amount)
    if value.minimum_cash_weight is not None:
        set_decimal(message.minimum_cash.weight, value.minimum_cash_weight)
    if value.allow_overdraft:
        message.allow_overdraft = True
    message.solver_timeout.FromNanoseconds(round(value.solver_timeout_seconds * 1e9))
    if value.minimum_trade_value is not None:
        set_decimal(message.minimum_trade_value, value.minimum_trade_value)
    if value.maximum_turnover_weight is not None:
        set_decimal(message.maximum_turnover_weight, value.maximum_turnover_weight)
    if value.maximum_trade_count is not None:
        message.maximum_trade_count = value.maximum_trade_count
    if value.costs is not None:
        set_decimal(message.costs.rate_weight, value.costs.rate_weight)
        set_decimal(message.costs.per_trade_amount, value.costs.per_trade_amount)
    if value.maximum_price_age_days is not None:
        message.maximum_price_age_days = value.maximum_price_age_days
    _add_rules_of_securities(message, value)


def _set_choices(message: pb.RebalanceOptions, value: RebalanceOptions) -> None:
    message.strategy = pb.Strategy.Value(f"STRATEGY_{value.strategy.name}")
    if value.sides is not Sides.BUY_AND_SELL:
        message.sides = pb.Sides.Value(f"SIDES_{value.sides.name}")
    if value.unpriced is not Unpriced.FAIL:
        message.unpriced = pb.Unpriced.Value(f"UNPRICED_{value.unpriced.name}")
    if value.open_orders is not None:
        message.open_orders = pb.OpenOrders.Value(f"OPEN_ORDERS_{value.open_orders.name}")


def _add_rules_of_securities(message: pb.RebalanceOptions, value: RebalanceOptions) -> None:
    for restriction in value.restrictions:
        kind = pb.RestrictionType.Value(f"RESTRICTION_TYPE_{restriction.type.name}")
        message.restrictions.add(security_id=restriction.security_id, type=kind)
    for lot in value.lot_sizes:
        line = message.lot_sizes.add(security_id=lot.security_id, shares=lot.shares)
        if lot.applies_to is not LotSides.BOTH:
            line.applies_to = pb.LotSides.Value(f"LOT_SIDES_{lot.applies_to.name}")
    _add_limits(message, value)


def _add_limits(message: pb.RebalanceOptions, value: RebalanceOptions) -> None:
    for limit in value.security_limits:
        set_weights(message.security_limits.add(security_id=limit.security_id), limit)
    for group in value.group_limits:
        set_weights(message.group_limits.add(name=group.name, security_ids=group.security_ids), group)


def set_weights(message: pb.SecurityLimit | pb.GroupLimit, value: SecurityLimit | GroupLimit) -> None:
    """Write the sides of a limit."""
    if value.minimum_weight is not None:
        set_decimal(message.minimum_weight, value.minimum_weight)
    if value.maximum_weight is not None:
        set_decimal(message.maximum_weight, value.maximum_weight)


def with_ranges(value: PortfolioRebalance, options: RebalanceOptions | None) -> pb.PortfolioRebalance:
    """What a run with these options did for a portfolio, and until which prices its orders are good."""
    message = pb.PortfolioRebalance()
    set_portfolio(message, value, good_until(value, options))
    return message


def portfolio_rebalance(value: PortfolioRebalance) -> pb.PortfolioRebalance:
    """What a run did for a portfolio."""
    message = pb.PortfolioRebalance()
    set_portfolio(message, value)
    return message


def set_portfolio(
    message: pb.PortfolioRebalance, value: PortfolioRebalance, ranges: Sequence[PriceRange] = ()
) -> None:
    """Write what a run did for a portfolio, and the ranges of its orders where they are given."""
    _set_all_but_lines(message, value)
    message.MergeFromString(result_lines(value, ranges))


def _set_all_but_lines(message: pb.PortfolioRebalance, value: PortfolioRebalance) -> None:
    message.rebalance_id = value.rebalance_id
    message.portfolio_id = value.portfolio_id
    message.portfolio_name = value.portfolio_name
    message.state = _STATES[value.state]
    message.settings_version = value.settings_version
    message.frozen_count = value.frozen_count
    if value.error:
        message.error.CopyFrom(to_status(value.error))
    for name in _NUMBERS:
        number = getattr(value, name)
        if number is not None:
            set_decimal(getattr(message, name), number)
    if value.snapshot_time:
        set_time(message.snapshot_time, value.snapshot_time)
    _set_solution(message, value)
    _add_breaches(message, value)


def _add_breaches(message: pb.PortfolioRebalance, value: PortfolioRebalance) -> None:
    for breach in value.limit_breaches:
        line = message.limit_breaches.add(security_id=breach.security_id, group=breach.group)
        if breach.security_id:  # settings have no groups
            line.source = SOURCES[RuleSource.SETTINGS if breach.by_settings else RuleSource.RUN]
        set_decimal(line.value, breach.value)


def _set_solution(message: pb.PortfolioRebalance, value: PortfolioRebalance) -> None:
    if value.solution is None:
        return
    proven = value.solution.proven_optimal
    message.solution.status = pb.SOLUTION_STATUS_PROVEN_OPTIMAL if proven else pb.SOLUTION_STATUS_FEASIBLE
    set_decimal(message.solution.objective, value.solution.objective)
    set_decimal(message.solution.lower_bound, value.solution.lower_bound)
    message.solution.solve_duration.FromTimedelta(value.solution.solve_duration)
    message.solution.tie_broken = value.solution.tie_broken


def run_event(value: RunEvent, rule: ApprovalRule | None = None) -> bytes:
    """A step of a run, whose review follows a rule: the bytes of a RebalanceModelResponse."""
    message = rebalance_service_pb2.RebalanceModelResponse(sequence=value.sequence)
    match value.event:
        case RunStarted(started):
            message.started.CopyFrom(rebalance(started, rule))
        case RunFinished(finished):
            message.finished.CopyFrom(rebalance(finished, rule))
        case PortfolioRebalance() as portfolio:
            return message.SerializeToString() + _portfolio_of_event(portfolio)
    return message.SerializeToString()


def _portfolio_of_event(value: PortfolioRebalance) -> bytes:
    """That field of an event. Its lines are what they are: nothing parses them here to write them again."""
    message = pb.PortfolioRebalance()
    _set_all_but_lines(message, value)
    portfolio = message.SerializeToString() + result_lines(value)
    return _OF_EVENT[len(portfolio)] + portfolio
