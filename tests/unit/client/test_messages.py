"""Records and messages: nothing is lost between them."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from globeco.ordergen.v1 import (
    diagnostics_service_pb2,
    model_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
)

from ordergen_client import (
    Caller,
    CredentialType,
    Dependency,
    DependencyState,
    Diagnosis,
    GroupLimit,
    LimitBreach,
    Position,
    PriceRange,
    RebalanceOptions,
    RebalanceSummary,
    SecurityLimit,
    Side,
)
from ordergen_client.records import messages
from ordergen_client.records.desk import drift_messages
from ordergen_client.records.matches import Portfolio, PortfolioMatches, Security, SecurityMatches
from ordergen_client.records.options import option_messages
from ordergen_client.records.values import Transaction
from ordergen_server.api.messages import diagnoses, encoding
from ordergen_server.api.messages.desk.drifts import portfolio_drift
from ordergen_server.domain import diagnostics as domain
from ordergen_server.domain import subjects as domain_subjects
from ordergen_server.domain.desk import drifts
from ordergen_server.domain.errors import BadData
from ordergen_server.domain.rebalances import summaries
from ordergen_server.domain.subjects import MODELS, READ, Subject
from tests.builders import rebalance

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_model_keeps_every_digit() -> None:
    positions = (Position("A" * 24, Decimal("0.0050"), Decimal("1E-7"), Decimal("0.10")),)
    message = messages.model_message("Name", positions, ["P" * 24])
    message.model_id, message.version = "a" * 24, 7
    message.create_time.FromDatetime(TIME)
    message.update_time.FromDatetime(TIME)
    model = messages.model(message)
    line = model.positions[0]
    assert [format(value, "f") for value in (line.target, line.low_drift, line.high_drift)] == [
        "0.0050",
        "0.0000001",
        "0.10",
    ]
    assert (
        model.name,
        model.portfolio_ids,
        model.version,
        model.create_time,
        model.last_rebalance_time,
    ) == ("Name", ("P" * 24,), 7, TIME, None)


def test_absent_numbers_of_a_position_are_zero() -> None:
    message = model_pb2.Model(positions=[model_pb2.Position(security_id="A" * 24)])
    assert (Position("A" * 24, Decimal(0)),) == messages.model(message).positions


def test_options_come_back_as_they_were_sent() -> None:
    options = RebalanceOptions(
        Decimal("1.50"),
        Decimal("0.050"),
        solver_timeout_seconds=0.5,
        strategy="TO_BAND",
        minimum_trade_value=Decimal("9.90"),
        restrictions={"A" * 24: "HOLD", "B" * 24: "DO_NOT_BUY"},
        lot_sizes={"C" * 24: 100},
        maximum_turnover_weight=Decimal("0.2"),
        maximum_trade_count=0,
        sides="SELL_ONLY",
        open_orders="COUNT",
        buy_lot_sizes={"D" * 24: 10},
        cost_rate_weight="0.0010",
        cost_per_trade_amount="9.90",
        maximum_price_age_days=0,
        security_limits={"A" * 24: SecurityLimit("0.010", Decimal("0.10")), "B" * 24: SecurityLimit(0)},
        group_limits={"Technology": GroupLimit(["A" * 24, "B" * 24], maximum_weight="0.30")},
        unpriced="FREEZE",
    )
    found = option_messages.options(option_messages.options_message(options))
    assert (found, str(found.minimum_cash_weight)) == (options, "0.050")
    assert option_messages.options(rebalance_pb2.RebalanceOptions()) == RebalanceOptions()
    assert option_messages.options(rebalance_pb2.RebalanceOptions(allow_overdraft=True)).allow_overdraft


def test_limits_that_stay_broken_are_read() -> None:
    message = rebalance_pb2.PortfolioRebalance(state=rebalance_pb2.PORTFOLIO_REBALANCE_STATE_REBALANCED)
    message.limit_breaches.add(security_id="A" * 24).value.value = "10.50"
    message.limit_breaches.add(group="Technology").value.value = "7"
    assert messages.portfolio_rebalance(message).limit_breaches == (
        LimitBreach("A" * 24, "", Decimal("10.50")),
        LimitBreach("", "Technology", Decimal(7)),
    )


@pytest.mark.parametrize("kind", [SecurityLimit, lambda: GroupLimit(["A" * 24])])
def test_a_limit_has_a_side(kind: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="minimum_weight or maximum_weight must be given"):
        kind()


def test_options_that_are_not_set_are_not_sent() -> None:
    assert rebalance_pb2.RebalanceOptions() == option_messages.options_message(RebalanceOptions())


def test_options_are_sent() -> None:
    cash = option_messages.options_message(
        RebalanceOptions(Decimal("1.50"), Decimal("0.05"), solver_timeout_seconds=0.5)
    )
    assert (
        cash.minimum_cash.amount.value,
        cash.minimum_cash.weight.value,
        cash.solver_timeout.nanos,
    ) == ("1.50", "0.05", 500_000_000)
    assert (
        option_messages.options_message(RebalanceOptions(allow_overdraft=True)).WhichOneof("cash_floor")
        == "allow_overdraft"
    )


def test_a_sold_line_has_a_negative_trade_quantity() -> None:
    sold = rebalance_pb2.RebalancePosition(
        transaction_type=rebalance_pb2.TRANSACTION_TYPE_SELL,
        trade_quantity=5,
        reason=rebalance_pb2.POSITION_REASON_NOT_IN_MODEL,
    )
    message = rebalance_pb2.PortfolioRebalance(
        state=rebalance_pb2.PORTFOLIO_REBALANCE_STATE_REBALANCED, positions=[sold]
    )
    trade = message.transactions.add(transaction_type=rebalance_pb2.TRANSACTION_TYPE_SELL, quantity=5)
    trade.trade_date.year, trade.trade_date.month, trade.trade_date.day = 2026, 1, 2
    result = messages.portfolio_rebalance(message)
    assert (
        result.positions[0].trade_quantity,
        result.positions[0].reason,
        result.positions[0].actual_drift,
    ) == (-5, "NOT_IN_MODEL", None)
    assert (Transaction(Side.SELL, "", 5, date(2026, 1, 2)),) == result.transactions
    assert (result.market_value, result.solution) == (None, None)


def test_a_reason_this_client_does_not_know_is_its_number() -> None:
    future = rebalance_pb2.RebalancePosition()
    future.ParseFromString(b"\x80\x01\x63")  # field 16 (reason) = 99
    message = rebalance_pb2.PortfolioRebalance(positions=[future])
    assert messages.portfolio_rebalance(message).positions[0].reason == "99"


@pytest.mark.parametrize("name", ["started", "portfolio", "finished"])
def test_an_event_is_exactly_one_of_three(name: str) -> None:
    message = rebalance_service_pb2.RebalanceModelResponse(sequence=3)
    getattr(message, name).SetInParent()
    if name != "portfolio":
        day = getattr(message, name).rebalance_date
        day.year, day.month, day.day = 2026, 1, 2
    event = messages.event(message)
    assert [name] == [one for one in ("started", "portfolio", "finished") if getattr(event, one) is not None]
    assert event.sequence == 3


def test_a_whole_number_is_exact() -> None:
    sent = option_messages.options_message(RebalanceOptions(minimum_trade_value=10**20 + 1))
    assert sent.minimum_trade_value.value == "100000000000000000001"


def test_what_texts_stand_for() -> None:
    """A price that is not there is none, and no zero."""
    message = reference_service_pb2.ResolveSecuritiesResponse()
    found = message.matches.add(asked="AAA", more=True)
    found.securities.add(security_id="a" * 24, ticker="AAA").price.value = "1.50"
    found.securities.add(security_id="b" * 24, ticker="AAA")
    message.matches.add(asked="BBB")
    priced, unpriced = Security("a" * 24, "AAA", Decimal("1.5")), Security("b" * 24, "AAA", None)
    securities = messages.security_matches(message)
    assert securities == (
        SecurityMatches("AAA", (priced, unpriced), more=True),
        SecurityMatches("BBB", (), more=False),
    )
    assert str(securities[0].securities[0].price) == "1.50"
    portfolios = reference_service_pb2.ResolvePortfoliosResponse()
    portfolios.matches.add(asked="Growth").portfolios.add(portfolio_id="c" * 24, name="Growth")
    assert messages.portfolio_matches(portfolios) == (
        PortfolioMatches("Growth", (Portfolio("c" * 24, "Growth"),), more=False),
    )


def test_a_diagnosis_is_read_as_it_was_made() -> None:
    made = domain.Diagnosis(
        "1.2.3",
        TIME,
        Subject("ann", frozenset({READ, MODELS}), domain_subjects.CredentialType.TOKEN),
        (
            domain.DependencyReport("database", domain.WELL, 0.0015),
            domain.DependencyReport(
                "pricing", domain.Finding(domain.DependencyState.BREAKER_OPEN, "It is down.", "Wait."), 2
            ),
        ),
    )
    assert messages.diagnosis(diagnoses.diagnosis(made)) == Diagnosis(
        "1.2.3",
        TIME,
        Caller("ann", CredentialType.TOKEN, ("ordergen:models", "ordergen:read")),
        (
            Dependency("database", DependencyState.AVAILABLE, 0.0015),
            Dependency("pricing", DependencyState.BREAKER_OPEN, 2.0, "It is down.", "Wait."),
        ),
    )


def test_how_far_a_portfolio_is_keeps_every_digit_and_what_is_not_known() -> None:
    worst = drifts.WorstPosition("S" * 24, "AAA", *map(Decimal, ("0.70", "0.4", "0.60", "1E-12")))
    whole = drifts.PortfolioDrift(
        "P" * 24,
        "Growth",
        "a" * 24,
        "Half",
        drifts.DriftState.LOW_CASH,
        market_value=Decimal("1000.10"),
        cash_weight=Decimal("-0.3"),
        drift=Decimal("0.200000000000"),
        outside_count=0,
        worst_position=worst,
        snapshot_time=TIME,
    )
    read = drift_messages.portfolio_drift(portfolio_drift(whole))
    assert read.state == whole.state.value
    assert repr(read.worst_position) == repr(worst)
    for name in ("portfolio_id", "portfolio_name", "model_id", "model_name", "snapshot_time", "error"):
        assert getattr(read, name) == getattr(whole, name)
    for name in ("market_value", "cash_weight", "drift", "outside_count"):
        assert str(getattr(read, name)) == str(getattr(whole, name))
    failed = drifts.PortfolioDrift(
        "P" * 24, "", "a" * 24, "Half", drifts.DriftState.FAILED, BadData("bad: look at it")
    )
    read = drift_messages.portfolio_drift(portfolio_drift(failed))
    assert (read.state, type(read.error).__name__) == ("FAILED", "BadData")
    assert (read.market_value, read.cash_weight, read.drift, read.outside_count) == (None,) * 4
    assert (read.worst_position, read.snapshot_time) == (None, None)


def test_states_that_a_newer_server_has_are_their_numbers() -> None:
    told = diagnostics_service_pb2.DiagnoseResponse()
    told.dependencies.add(state=99)  # of a newer contract
    told.caller.credential = 98  # type: ignore[assignment] # likewise
    read = messages.diagnosis(told)
    assert (read.dependencies[0].state, read.caller.credential) == ("99", "98")


def test_a_summary_is_read_as_it_was_made_and_absent_where_there_is_none() -> None:
    made = summaries.RebalanceSummary(
        market_value=Decimal("0.000"),
        cash_flow=Decimal("-1.010"),
        cost=Decimal("2.020"),
        buy_value=Decimal("3.030"),
        drift_base=Decimal(4),
        drift_value_before=Decimal(1),
        trade_count=3,
        proven_count=2,
    )
    message = encoding.rebalance(replace(rebalance(), summary=made))
    read = messages.rebalance(message).summary
    assert read is not None
    for one in fields(RebalanceSummary):
        assert repr(getattr(read, one.name)) == repr(getattr(made, one.name)), one.name
    message.ClearField("summary")
    assert messages.rebalance(message).summary is None


def test_a_range_of_prices_may_have_no_end_and_may_not_be_known() -> None:
    message = rebalance_pb2.PortfolioRebalance()
    for digits in (("1.50000000", ""), ("", ""), None):
        line = message.positions.add()
        if digits:
            line.good_until.SetInParent()
            for name, end in zip(("low", "high"), digits, strict=True):
                if end:
                    getattr(line.good_until, name).value = end
    read = [one.good_until for one in messages.portfolio_rebalance(message).positions]
    assert read == [PriceRange(Decimal("1.50000000"), None), PriceRange(None, None), None]


def test_a_price_may_have_no_day() -> None:
    message = rebalance_pb2.PortfolioRebalance()
    day = message.positions.add().price_date
    day.year, day.month, day.day = 2026, 1, 2
    message.positions.add()
    read = messages.portfolio_rebalance(message).positions
    assert [one.price_date for one in read] == [date(2026, 1, 2), None]
