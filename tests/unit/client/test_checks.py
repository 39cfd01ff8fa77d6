"""What cannot be meant is refused at once, by the name that it has in the call."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ordergen_client import Client, Position, RebalanceOptions, Restriction, Strategy
from ordergen_client.calls import models, portfolios, run_orders, runs, submissions

ID = "a" * 24
LINE = Position("A" * 24, "0.5")
ANY: Any = None  # what a caller without a type checker gives


@pytest.mark.parametrize("given", ["0.30000049", Decimal("0.30000049"), ".30000049", "+3.0000049e-1"])
def test_decimals_and_texts_are_exact(given: str | Decimal) -> None:
    assert Position("A" * 24, given).target == Decimal("0.30000049")
    assert RebalanceOptions(given).minimum_cash_amount == Decimal("0.30000049")


def test_whole_numbers_are_exact_and_digits_are_kept() -> None:
    line = Position("A" * 24, "0.50", 0, 1)
    assert [str(one) for one in (line.target, line.low_drift, line.high_drift)] == ["0.50", "0", "1"]


@pytest.mark.parametrize("given", [0.3, float("nan"), True, None, b"0.3", [1]])
@pytest.mark.parametrize("name", ["target", "low_drift", "high_drift"])
def test_what_is_no_exact_number_is_refused_in_positions(name: str, given: object) -> None:
    arguments: dict[str, Any] = {"target": 0, name: given}
    with pytest.raises(TypeError, match=f"^{name} must be a Decimal, not"):
        Position("A" * 24, **arguments)


@pytest.mark.parametrize("given", [0.3, False, b"1"])
@pytest.mark.parametrize(
    "name", ["minimum_cash_amount", "minimum_cash_weight", "minimum_trade_value", "maximum_turnover_weight"]
)
def test_what_is_no_exact_number_is_refused_in_options(name: str, given: object) -> None:
    arguments: dict[str, Any] = {name: given}
    with pytest.raises(TypeError, match=f"^{name} must be a Decimal, not"):
        RebalanceOptions(**arguments)


@pytest.mark.parametrize(
    "given", ["", "half", "1,5", "NaN", "Infinity", "0x10", "1_000", " 1", "1e1000000000"]
)
def test_a_text_that_is_no_number_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"^target must be a number, not"):
        Position("A" * 24, given)


@pytest.mark.parametrize("given", [Decimal("NaN"), Decimal("-Infinity"), Decimal("1E+999999"), "1e-101"])
def test_a_number_that_could_not_be_written_is_refused(given: str | Decimal) -> None:
    with pytest.raises(ValueError, match=r"^target must be finite, with at most 100 places"):
        Position("A" * 24, given)


def test_choices_are_named_values_or_their_texts() -> None:
    by_text = RebalanceOptions(strategy="TO_BAND", restrictions={"A" * 24: "HOLD"})
    by_name = RebalanceOptions(strategy=Strategy.TO_BAND, restrictions={"A" * 24: Restriction.HOLD})
    assert by_text == by_name
    assert by_text.strategy is Strategy.TO_BAND


def test_options_do_not_change_with_what_they_were_made_of() -> None:
    lots = {"A" * 24: 100}
    options = RebalanceOptions(lot_sizes=lots)
    lots["B" * 24] = 10
    assert options.lot_sizes == {"A" * 24: 100}


def test_what_excludes_each_other_is_refused() -> None:
    with pytest.raises(ValueError, match="allow_overdraft and minimum_cash_weight exclude each other"):
        RebalanceOptions(minimum_cash_weight="0.1", allow_overdraft=True)


def test_a_security_has_lots_of_one_kind() -> None:
    with pytest.raises(ValueError, match=r"^lot_sizes and buy_lot_sizes both have A: leave it out"):
        RebalanceOptions(lot_sizes={"A": 5, "B": 5}, buy_lot_sizes={"A": 5, "C": 5})


def test_cash_flows_are_sent_digit_for_digit() -> None:
    given: dict[str, Decimal | str | int] = {"A" * 24: Decimal("-10000.50"), "B" * 24: "1e3", "C" * 24: 0}
    calls: list[Any] = [runs.start(ID, cash_flows=given), runs.stream(ID, cash_flows=given)]
    for call in calls:
        sent = [(one.portfolio_id, one.amount.value) for one in call.request.cash_flows]
        assert sent == [("A" * 24, "-10000.50"), ("B" * 24, "1000"), ("C" * 24, "0")]
    single: list[Any] = [portfolios.rebalance("A", cash_flow=flow) for flow in ("-5.0", None)]
    assert [one.request.cash_flow.value for one in single] == ["-5.0", ""]
    assert not single[1].request.HasField("cash_flow")


def _wrong(error: type[Exception], message: str, call: Callable[[], object]) -> Any:  # noqa: ANN401 - a parameter
    return pytest.param(error, message, call, id=message)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        _wrong(TypeError, "security_id must be a string", lambda: Position(ANY, 0)),
        _wrong(
            TypeError, "allow_overdraft must be True or False", lambda: RebalanceOptions(allow_overdraft=ANY)
        ),
        _wrong(
            TypeError,
            "solver_timeout_seconds must be a number of seconds",
            lambda: RebalanceOptions(solver_timeout_seconds=[ANY]),  # type: ignore[arg-type] # as is tried
        ),
        _wrong(
            ValueError,
            "solver_timeout_seconds must be finite",
            lambda: RebalanceOptions(solver_timeout_seconds=float("inf")),
        ),
        _wrong(
            ValueError,
            "strategy must be one of TO_TARGET, TO_BAND, not 'to_band'",
            lambda: RebalanceOptions(strategy="to_band"),  # type: ignore[arg-type] # as is tried
        ),
        _wrong(
            ValueError,
            r"restrictions\['A'\] must be one of DO_NOT_BUY, DO_NOT_SELL, HOLD",
            lambda: RebalanceOptions(restrictions={"A": "SELL"}),  # type: ignore[dict-item] # as is tried
        ),
        _wrong(TypeError, "lot_sizes must be a mapping", lambda: RebalanceOptions(lot_sizes=[])),  # type: ignore[arg-type] # as is tried
        _wrong(
            TypeError,
            r"lot_sizes\['A'\] must be a whole number",
            lambda: RebalanceOptions(lot_sizes={"A": 1.0}),  # type: ignore[dict-item] # as is tried
        ),
        _wrong(
            TypeError,
            "maximum_trade_count must be a whole number",
            lambda: RebalanceOptions(maximum_trade_count=True),
        ),
        _wrong(
            TypeError,
            "maximum_price_age_days must be a whole number",
            lambda: RebalanceOptions(maximum_price_age_days=1.0),  # type: ignore[arg-type] # as is tried
        ),
        _wrong(TypeError, "name must be a string", lambda: models.create(ANY)),
        _wrong(TypeError, "positions must be several Position", lambda: models.create("A", ANY)),
        _wrong(TypeError, "positions must be several Position", lambda: models.create("A", LINE)),  # type: ignore[arg-type] # as is tried
        _wrong(TypeError, r"positions\[1\] must be a Position", lambda: models.create("A", [LINE, ANY])),
        _wrong(TypeError, "portfolio_ids must be several strings", lambda: models.create("A", [], "ABC")),
        _wrong(TypeError, r"portfolio_ids\[0\] must be a string", lambda: models.create("A", [], [ANY])),
        _wrong(TypeError, "request_id must be a string", lambda: models.create("A", request_id=ANY)),
        _wrong(TypeError, "model_id must be a string", lambda: models.get(ANY)),
        _wrong(TypeError, "version must be a whole number", lambda: models.delete(ID, 1.0)),  # type: ignore[arg-type] # as is tried
        _wrong(TypeError, "version must be a whole number", lambda: models.update(ID, ANY, name="A")),
        _wrong(ValueError, "name, positions or portfolio_ids must be given", lambda: models.update(ID, 1)),
        _wrong(TypeError, "position must be a Position", lambda: models.add_position(ID, ANY)),
        _wrong(TypeError, "position must be a Position", lambda: models.remove_position(ID, ANY)),
        _wrong(TypeError, "portfolio_ids must be several", lambda: models.add_portfolios(ID, "ABC")),
        _wrong(TypeError, "page_size must be a whole number", lambda: models.list_all(page_size=ANY)),
        _wrong(TypeError, "portfolio_id must be a string", lambda: portfolios.rebalance(ANY)),
        _wrong(TypeError, "options must be a RebalanceOptions", lambda: portfolios.rebalance("A", ANY)),
        _wrong(
            TypeError, "validate_only must be True or", lambda: portfolios.rebalance("A", validate_only=ANY)
        ),
        _wrong(TypeError, "options must be a RebalanceOptions", lambda: runs.start(ID, {})),  # type: ignore[arg-type] # as is tried
        _wrong(ValueError, "open_orders must be one of REFUSE", lambda: RebalanceOptions(open_orders="WAIT")),  # type: ignore[arg-type] # as is tried
        _wrong(ValueError, "sides must be one of BUY_AND_SELL", lambda: RebalanceOptions(sides="BUY")),  # type: ignore[arg-type] # as is tried
        _wrong(TypeError, "cash_flow must be a Decimal", lambda: portfolios.rebalance("A", cash_flow=0.5)),  # type: ignore[arg-type] # as is tried
        _wrong(TypeError, "cash_flows must be a mapping by id", lambda: runs.start(ID, cash_flows=[])),  # type: ignore[arg-type] # as is tried
        _wrong(
            ValueError, r"cash_flows\['A'\] must be a number", lambda: runs.start(ID, cash_flows={"A": "x"})
        ),
        _wrong(TypeError, "a key of cash_flows must be a string", lambda: runs.start(ID, cash_flows={1: 1})),  # type: ignore[dict-item] # as is tried
        _wrong(TypeError, "rebalance_id must be a string", lambda: runs.watch(ANY)),
        _wrong(TypeError, "after_sequence must be a whole", lambda: runs.watch(ID, ANY)),
        _wrong(ValueError, "view must be one of BASIC, FULL", lambda: runs.watch(ID, view="basic")),  # type: ignore[arg-type] # as is tried
        _wrong(ValueError, "state must be one of REBALANCED", lambda: runs.portfolios(ID, state="DONE")),  # type: ignore[arg-type] # as is tried
        _wrong(ValueError, "decision must be one of APPROVED", lambda: run_orders.review(ID, "YES")),  # type: ignore[arg-type] # as is tried
        _wrong(TypeError, "comment must be a string", lambda: run_orders.approve(ID, comment=ANY)),
        _wrong(TypeError, "portfolio_ids must be several", lambda: run_orders.reject(ID, "ABC")),
        _wrong(ValueError, "portfolio_ids is empty: .*are pending", lambda: run_orders.approve(ID, [])),
        _wrong(ValueError, "portfolio_ids is empty: .*may be sent", lambda: run_orders.submit(ID, [])),
        _wrong(TypeError, "sells_first must be True or", lambda: run_orders.submit(ID, sells_first=ANY)),
        _wrong(ValueError, "state must be one of SENDING", lambda: run_orders.orders(ID, state="DONE")),  # type: ignore[arg-type] # as is tried
        _wrong(
            TypeError,
            "filled_quantity must be a Decimal",
            lambda: run_orders.allocate(ID, "A", "BUY", 1.0),  # type: ignore[arg-type] # as is tried
        ),
        _wrong(ValueError, "side must be one of BUY", lambda: run_orders.allocate(ID, "A", "SHORT", 1)),  # type: ignore[arg-type] # as is tried
        _wrong(TypeError, "submission_id must be a string", lambda: submissions.get(ANY)),
        _wrong(TypeError, "after_sequence must be a whole", lambda: submissions.watch(ID, ANY)),
        _wrong(TypeError, "actor must be a string", lambda: Client(actor=ANY)),
        _wrong(ValueError, "actor must be printable ASCII", lambda: Client(actor="Jos\u00e9")),
        _wrong(ValueError, "actor must be printable ASCII", lambda: Client(actor=" ann")),
        _wrong(ValueError, "actor must be printable ASCII", lambda: Client(actor="a\nb")),
        _wrong(TypeError, "target must be a string", lambda: Client(ANY)),
        _wrong(ValueError, "target must be host:port", lambda: Client("")),
        _wrong(ValueError, "target must be host:port", lambda: Client("localhost")),
        _wrong(ValueError, "target must be host:port", lambda: Client("http://localhost:8088")),
        _wrong(TypeError, "timeout_seconds must be a number of seconds", lambda: Client(timeout_seconds=ANY)),
        _wrong(TypeError, "grpc_causes must be True or False", lambda: Client(grpc_causes=ANY)),
    ],
)
def test_what_is_wrong_is_named(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    with pytest.raises(error, match=f"^{message}"):
        call()


def test_a_call_that_cannot_be_meant_is_refused_before_anything_is_sent() -> None:
    """Also where its answer is an iterator that nobody has asked yet."""
    with Client("localhost:1") as client:
        with pytest.raises(ValueError, match=r"^state must be one of"):
            client.runs.portfolios(ID, state="DONE")  # type: ignore[arg-type] # as is tried
        with pytest.raises(TypeError, match=r"^rebalance_id must be a string"):
            client.runs.attach(ANY)
        with pytest.raises(TypeError, match=r"^submission_id must be a string"):
            client.submissions.attach(ANY)
