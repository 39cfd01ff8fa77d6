"""Values of the domain become messages of the contract, number for number."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

import pytest
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from google.type import date_pb2, decimal_pb2
from hypothesis import given
from hypothesis import strategies as st

import optimizer
from ordergen_server.api.messages import encoding, numbers
from ordergen_server.domain.desk.price_ranges import good_until
from ordergen_server.domain.errors import Infeasible
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances.lines import RebalancePosition, RunSecurity, transactions_of
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import (
    PortfolioRebalance,
    PortfolioState,
    SolutionQuality,
    summary_of,
)
from ordergen_server.domain.rebalances.runs import RebalanceState, RunEvent, RunFinished, RunStarted
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.services.portfolios.valuation import MAXIMUM_POSITIONS
from tests.builders import (
    MODEL_ID,
    NOW,
    RUN_ID,
    TODAY,
    content,
    model,
    portfolio_id,
    position,
    rebalance,
    result,
    security_id,
)

DATE = date_pb2.Date(year=2026, month=3, day=2)


def solved() -> PortfolioRebalance:
    first = RunSecurity(
        security_id=security_id(1),
        ticker="AAA",
        price=Decimal("12.50000000"),
        target=Decimal("0.1"),
        low_drift=Decimal("0.01"),
        high_drift=Decimal("0.02"),
    )
    second = replace(first, security_id=security_id(2), target=Decimal(0))
    third = replace(first, security_id=security_id(3))
    bought = RebalancePosition(first, Decimal("-1.5"), 3, "ROUNDED_TO_NEAREST_SHARE")
    kept = RebalancePosition(second, Decimal("-1.5"), 0, "FRACTIONAL_RESIDUAL")
    sold = RebalancePosition(third, Decimal("-1.5"), -4, "ROUNDED_TO_NEAREST_SHARE")
    return replace(
        result(),
        state=PortfolioState.REBALANCED,
        market_value=Decimal("1E+2"),
        cash_before=Decimal("-0.10"),
        cash_after=Decimal("1E-20"),
        drift_before=Decimal("0.5"),
        drift_after=Decimal("0.000000000000"),
        positions=(bought, kept, sold),
        transactions=transactions_of([(security_id(1), 3), (security_id(2), 0), (security_id(3), -4)], TODAY),
        solution=SolutionQuality(
            proven_optimal=False,
            objective=Decimal("7.5"),
            lower_bound=Decimal("7.25"),
            solve_duration=timedelta(microseconds=1500),
            tie_broken=True,
        ),
    )


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_digit_for_digit(value: Decimal) -> None:
    message = decimal_pb2.Decimal()
    if abs(value.adjusted()) > 300:
        return
    numbers.set_decimal(message, value)
    assert Decimal(message.value) == value
    assert "E" not in message.value.upper()


@pytest.mark.parametrize(("value", "text"), [("1E+2", "100"), ("0.10", "0.10"), ("1E-8", "0.00000001")])
def test_how_numbers_are_written(value: str, text: str) -> None:
    message = decimal_pb2.Decimal()
    numbers.set_decimal(message, Decimal(value))
    assert message.value == text


def test_a_model() -> None:
    value = Model(MODEL_ID, content(portfolio_ids=(portfolio_id(1),)), 3, NOW, NOW + timedelta(1), None)
    message = encoding.model(value)
    assert (message.model_id, message.name, message.version) == (MODEL_ID, "Growth", 3)
    assert list(message.portfolio_ids) == [portfolio_id(1)]
    assert [(one.security_id, one.target.value, one.low_drift.value) for one in message.positions] == [
        (security_id(1), "0.1", "0.05"),
        (security_id(2), "0.2", "0.05"),
    ]
    assert message.create_time.ToDatetime(UTC) == NOW
    assert message.update_time.ToDatetime(UTC) == NOW + timedelta(1)
    assert not message.HasField("last_rebalance_time")
    traded = encoding.model(replace(value, last_rebalance_time=NOW))
    assert traded.last_rebalance_time.ToDatetime(UTC) == NOW


@pytest.mark.parametrize(
    ("portfolios", "kept"), [(encoding.KEPT_PORTFOLIOS, True), (1 + encoding.KEPT_PORTFOLIOS, False)]
)
def test_the_message_of_a_model_is_kept_unless_it_is_very_large(portfolios: int, kept: bool) -> None:
    value = model(position(1), portfolios=portfolios)
    first, second = encoding.model(value), encoding.model(replace(value))
    assert first == second
    assert (first is second) == kept


def test_a_run_as_it_starts() -> None:
    message = encoding.rebalance(rebalance(portfolio_count=4))
    expected = rebalance_pb2.Rebalance(
        rebalance_id=RUN_ID,
        model_id=MODEL_ID,
        model_name="Growth",
        model_version=3,
        state=rebalance_pb2.REBALANCE_STATE_RUNNING,
        rebalance_date=DATE,
        portfolio_count=4,
        version=1,
    )
    expected.create_time.FromDatetime(NOW)
    expected.options.strategy = rebalance_pb2.STRATEGY_TO_TARGET
    expected.options.solver_timeout.FromSeconds(30)
    assert message == expected


def test_a_run_that_ended() -> None:
    counts = dict(zip(PortfolioState, range(1, 6), strict=True))
    options = RebalanceOptions(Decimal("1.50"), Decimal("0.010"), solver_timeout_seconds=0.25)
    ended = replace(
        rebalance(),
        state=RebalanceState.FAILED,
        finish_time=NOW,
        counts=counts,
        error=Infeasible("why"),
        options=options,
    )
    message = encoding.rebalance(ended)
    assert message.state == rebalance_pb2.REBALANCE_STATE_FAILED
    assert message.finish_time.ToDatetime(UTC) == NOW
    assert (
        message.rebalanced_count,
        message.no_action_count,
        message.infeasible_count,
        message.failed_count,
        message.skipped_count,
    ) == (1, 2, 3, 4, 5)
    assert message.error.message == "why"
    assert message.options.minimum_cash.amount.value == "1.50"
    assert message.options.minimum_cash.weight.value == "0.010"
    assert message.options.solver_timeout.ToMilliseconds() == 250
    overdraft = replace(ended, options=RebalanceOptions(allow_overdraft=True))
    assert encoding.rebalance(overdraft).options.allow_overdraft


def test_a_portfolio() -> None:
    message = encoding.portfolio_rebalance(solved())
    assert message.state == rebalance_pb2.PORTFOLIO_REBALANCE_STATE_REBALANCED
    assert (message.rebalance_id, message.portfolio_id, message.portfolio_name) == (
        RUN_ID,
        portfolio_id(0),
        "Portfolio 0",
    )
    numbers = [
        message.market_value.value,
        message.cash_before.value,
        message.cash_after.value,
        message.drift_before.value,
        message.drift_after.value,
    ]
    assert numbers == ["100", "-0.10", "0.00000000000000000001", "0.5", "0.000000000000"]
    assert [(trade.transaction_type, trade.quantity, trade.trade_date) for trade in message.transactions] == [
        (rebalance_pb2.TRANSACTION_TYPE_BUY, 3, DATE),
        (rebalance_pb2.TRANSACTION_TYPE_SELL, 4, DATE),
    ]
    assert message.solution.status == rebalance_pb2.SOLUTION_STATUS_FEASIBLE
    assert (message.solution.objective.value, message.solution.lower_bound.value) == ("7.5", "7.25")
    assert message.solution.solve_duration.ToMicroseconds() == 1500
    assert message.solution.tie_broken
    assert message.snapshot_time.ToDatetime(UTC) == NOW
    assert not message.HasField("error")


def test_the_lines_of_a_portfolio() -> None:
    bought, kept, sold = encoding.portfolio_rebalance(solved()).positions
    assert bought.price.value == "12.50000000"
    assert (bought.original_quantity.value, bought.adjusted_quantity.value) == ("-1.5", "1.5")
    assert (bought.original_market_value.value, bought.adjusted_market_value.value) == (
        "-18.750000000",
        "18.750000000",
    )
    assert (bought.target.value, bought.low_drift.value, bought.high_drift.value) == ("0.1", "0.01", "0.02")
    assert (bought.actual.value, bought.actual_drift.value) == ("0.1875", "-0.8750")
    assert (bought.transaction_type, bought.trade_quantity, bought.trade_date) == (
        rebalance_pb2.TRANSACTION_TYPE_BUY,
        3,
        DATE,
    )
    assert bought.reason == rebalance_pb2.POSITION_REASON_ROUNDED_TO_NEAREST_SHARE
    assert (kept.transaction_type, kept.trade_quantity) == (rebalance_pb2.TRANSACTION_TYPE_UNSPECIFIED, 0)
    assert not kept.HasField("trade_date")
    assert not kept.HasField("actual_drift")
    assert (sold.transaction_type, sold.trade_quantity) == (rebalance_pb2.TRANSACTION_TYPE_SELL, 4)


def test_what_could_not_be_computed_is_absent() -> None:
    failed = replace(result(), state=PortfolioState.FAILED, snapshot_time=None, error=Infeasible("why"))
    message = encoding.portfolio_rebalance(failed)
    for name in ("market_value", "cash_before", "cash_after", "drift_before", "snapshot_time", "solution"):
        assert not message.HasField(name)
    assert message.error.message == "why"


def test_the_largest_result_fits_into_a_message_that_any_client_takes() -> None:
    """However long its numbers are: prices of 38 digits, quantities of 24, weights of 26, orders of 19."""
    security = RunSecurity(
        security_id="f" * 24,
        ticker="T" * 16,
        price=Decimal("9" * 20 + "." + "9" * 18),
        target=Decimal("0." + "9" * 26),
        low_drift=Decimal("0." + "9" * 26),
        high_drift=Decimal("0." + "9" * 26),
    )
    longest = RebalancePosition(
        security, Decimal("-" + "9" * 18 + ".999999"), -(2**63) + 1, "ROUNDED_TO_NEAREST_SHARE"
    )
    orders = [(security.security_id, longest.trade_quantity)] * MAXIMUM_POSITIONS
    largest = replace(
        solved(),
        market_value=Decimal("9" * 40),
        positions=(longest,) * MAXIMUM_POSITIONS,
        transactions=transactions_of(orders, TODAY),
    )
    assert encoding.with_ranges(largest, RebalanceOptions()).ByteSize() < 4 * 1024 * 1024


def test_a_proven_answer() -> None:
    quality = SolutionQuality(
        proven_optimal=True, objective=Decimal(1), lower_bound=Decimal(1), solve_duration=timedelta(0)
    )
    message = encoding.portfolio_rebalance(replace(result(), solution=quality))
    assert message.solution.status == rebalance_pb2.SOLUTION_STATUS_PROVEN_OPTIMAL


def test_events() -> None:
    events = [
        RunEvent(1, RunStarted(rebalance())),
        RunEvent(2, solved()),
        RunEvent(3, RunFinished(rebalance())),
    ]
    read = rebalance_service_pb2.RebalanceModelResponse.FromString
    started, portfolio, finished = (read(encoding.run_event(one)) for one in events)
    assert [one.sequence for one in (started, portfolio, finished)] == [1, 2, 3]
    assert (started.WhichOneof("event"), started.started) == ("started", encoding.rebalance(rebalance()))
    assert (portfolio.WhichOneof("event"), portfolio.portfolio) == (
        "portfolio",
        encoding.portfolio_rebalance(solved()),
    )
    assert (finished.WhichOneof("event"), finished.finished) == ("finished", encoding.rebalance(rebalance()))


@pytest.mark.parametrize(
    ("values", "prefix", "names"),
    [
        (RebalanceState, "REBALANCE_STATE_", rebalance_pb2.RebalanceState.keys()),
        (PortfolioState, "PORTFOLIO_REBALANCE_STATE_", rebalance_pb2.PortfolioRebalanceState.keys()),
        (optimizer.Reason, "POSITION_REASON_", rebalance_pb2.PositionReason.keys()),
    ],
)
def test_every_value_has_its_name_in_the_contract(values: type[Enum], prefix: str, names: list[str]) -> None:
    assert {prefix + value.name for value in values} <= set(names)


def test_times_keep_their_milliseconds() -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert encoding.rebalance(rebalance(created=time)).create_time.ToDatetime(UTC) == time


def test_a_summary_says_what_is_known_of_it() -> None:
    nothing = encoding.rebalance(replace(rebalance(), summary=RebalanceSummary())).summary
    names = {one.name for one in nothing.DESCRIPTOR.fields if one.message_type is not None}
    absent = {name for name in names if not nothing.HasField(name)}  # type: ignore[arg-type] # a field's
    assert absent == {"turnover_weight", "drift_before", "drift_after", "worst_unproven_gap"}
    assert nothing.market_value.value == "0"
    whole = summary_of([solved()])
    message = encoding.rebalance(replace(rebalance(), summary=whole)).summary
    assert (message.market_value.value, message.cash_before.value) == ("100", "-0.10")
    assert (message.buy_value.value, message.sell_value.value) == ("37.50000000", "50.00000000")
    assert (message.turnover_weight.value, message.drift_before.value) == ("0.875000000000", "0.500000000000")
    assert (message.trade_count, message.proven_count, message.unproven_count) == (2, 0, 1)
    assert message.worst_unproven_gap.value == "0.25"


def test_orders_are_good_until_an_end_that_is_there() -> None:
    """A line that nothing can end has a range without ends; where options are not known there is none."""
    first, second, third = encoding.with_ranges(solved(), RebalanceOptions()).positions
    assert first.HasField("good_until")
    told = [one.good_until for one in (first, second, third)]
    expected = good_until(solved(), RebalanceOptions())
    for one, found in zip(told, expected, strict=True):
        assert (one.low.value or None) == (None if found.low is None else format(found.low, "f"))
        assert (one.high.value or None) == (None if found.high is None else format(found.high, "f"))
    imported = encoding.with_ranges(solved(), None)
    assert imported == encoding.portfolio_rebalance(solved())
    assert not any(one.HasField("good_until") for one in imported.positions)


def test_a_price_has_its_day_where_that_is_known() -> None:
    known = solved()
    first = known.positions[0]
    dated = first._replace(security=replace(first.security, price_date=TODAY))
    message = encoding.portfolio_rebalance(replace(known, positions=(dated, *known.positions[1:])))
    assert message.positions[0].price_date == DATE
    assert not message.positions[1].HasField("price_date")


def test_the_age_of_prices_is_told_where_it_is_limited() -> None:
    limited = replace(rebalance(), options=RebalanceOptions(maximum_price_age_days=0))
    assert encoding.rebalance(limited).options.HasField("maximum_price_age_days")
    assert not encoding.rebalance(rebalance()).options.HasField("maximum_price_age_days")
