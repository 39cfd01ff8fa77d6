"""Requests become values of the domain, or violations with their paths."""

from decimal import Decimal

import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from google.type import decimal_pb2
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.api.messages import decoding
from ordergen_server.api.messages.numbers import NUMBER_RULE, decimal, decimal_or_none
from ordergen_server.domain.models import ModelContent
from ordergen_server.domain.stores import Request
from tests.builders import portfolio_id, position, security_id
from tests.unit.api.messages.decoded import decoded, number_of

Options = rebalance_pb2.RebalanceOptions


def number(text: str) -> tuple[Decimal | None, list[tuple[str, str]]]:
    message = decimal_pb2.Decimal(value=text)
    return decoded(lambda violations: decimal_or_none(message, "path", violations))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("0.1", "0.1"),
        ("0.10", "0.10"),
        ("+.5", "0.5"),
        ("1.", "1"),
        ("1e2", "1E+2"),
        ("-2.5E-3", "-0.0025"),
        ("1E+39", "1E+39"),
        ("1E-40", "1E-40"),
        ("0." + "0" * 6 + "1" * 34, "0." + "0" * 6 + "1" * 34),
        ("9" * 34, "9" * 34),
        ("0." + "1" * 34, "0." + "1" * 34),
    ],
)
def test_numbers_are_read_exactly(text: str, expected: str) -> None:
    """Digits and exponent as they stand there; -0 is 0."""
    value, broken = number(text)
    assert broken == []
    assert value is not None
    assert value.as_tuple() == Decimal(expected).as_tuple()


@pytest.mark.parametrize(
    "text",
    [
        "junk",
        " 1",
        "1 ",
        "1_000",
        "1,5",
        "NaN",
        "Infinity",
        "-inf",
        ".",
        "e5",
        "1e",
        "1e100",
        "1e99",
        "1e40",
        "1e-41",
        "12e39",
        "0." + "0" * 40 + "1",
        "--1",
        "0x10",
        "\u0661",
        "\uff11",
        "1\n",
        "9" * 35,
        "0" * 35,
        "9" * 20 + "." + "9" * 15,
        "1" * 100_000,
    ],
)
def test_what_is_no_number_of_ours(text: str) -> None:
    value, broken = number(text)
    assert value is None
    ((path, rule),) = broken
    assert path == "path"
    assert rule.startswith(f"{NUMBER_RULE}, not ")
    assert len(rule) < 180


def test_no_number() -> None:
    assert number("") == (None, [])
    message = decimal_pb2.Decimal()
    assert decoded(lambda violations: decimal(message, "path", violations)) == (Decimal(0), [])


@given(
    st.builds(
        lambda digits, places: Decimal(digits).scaleb(-places),
        st.integers(-(10**26), 10**26),
        st.integers(0, 30),
    )
)
def test_what_is_written_plainly_is_read_digit_for_digit(value: Decimal) -> None:
    found, broken = number(f"{value:f}")
    assert (found, broken) == (value, [])


def test_a_model() -> None:
    message = model_pb2.Model(name="Growth", portfolio_ids=[portfolio_id(1)], model_id="ignored", version=7)
    message.positions.add(security_id=security_id(1)).target.value = "0.1"
    line = message.positions.add(security_id=security_id(2))
    line.target.value, line.low_drift.value, line.high_drift.value = "0.2", "0.05", "0.06"
    expected = ModelContent(
        "Growth", (position(1, "0.1", "0", "0"), position(2, "0.2", "0.05", "0.06")), (portfolio_id(1),)
    )
    assert decoded(lambda violations: decoding.content(message, "model", violations)) == (expected, [])


def test_a_model_with_bad_numbers() -> None:
    """A target must be there; absent drifts are 0."""
    message = model_pb2.Model()
    message.positions.add()
    line = message.positions.add()
    line.target.value, line.low_drift.value, line.high_drift.value = "x", "y", "z"
    _, broken = decoded(lambda violations: decoding.content(message, "model", violations))
    rule = f"{NUMBER_RULE}, not "
    assert broken == [
        ("model.positions[0].target", "must be given"),
        ("model.positions[1].target", rule + "'x'"),
        ("model.positions[1].low_drift", rule + "'y'"),
        ("model.positions[1].high_drift", rule + "'z'"),
    ]


Call = rebalance_service_pb2.RebalancePortfolioRequest
REQUEST_ID = "16fd2706-8baf-433b-82eb-8c7fada847da"


def request(message: decoding.RebalanceRequest) -> tuple[Request | None, list[tuple[str, str]]]:
    return decoded(lambda violations: decoding.request(message, violations))


def test_a_call_without_a_request_id_is_not_repeatable() -> None:
    assert request(Call(portfolio_id=portfolio_id(1))) == (None, [])


def test_a_request_is_its_id_and_all_that_it_asks_for() -> None:
    """The message stays as it was."""

    def of(message: decoding.RebalanceRequest) -> str:
        found, broken = request(message)
        assert broken == []
        assert found
        assert (found.request_id, message.request_id) == (REQUEST_ID, REQUEST_ID)
        return found.fingerprint

    calls: list[decoding.RebalanceRequest] = [
        Call(request_id=REQUEST_ID),
        Call(request_id=REQUEST_ID, portfolio_id=portfolio_id(1)),
        Call(request_id=REQUEST_ID, options=Options(maximum_trade_count=0)),
        Call(request_id=REQUEST_ID, options=Options(maximum_trade_count=1)),
        rebalance_service_pb2.RebalanceModelRequest(request_id=REQUEST_ID),
        rebalance_service_pb2.StartRebalanceRequest(request_id=REQUEST_ID),
    ]
    assert len({of(one) for one in calls}) == len(calls)
    assert [of(one) for one in calls] == [of(one) for one in calls]


def test_a_request_id_that_is_none() -> None:
    _, broken = request(Call(request_id="again"))
    assert [subject for subject, _ in broken] == ["request_id"]


def test_a_request_id_is_the_same_in_either_case() -> None:
    """A caller that repeats a call in the other case must not get its orders twice."""
    small, _ = request(Call(request_id=REQUEST_ID))
    assert request(Call(request_id=REQUEST_ID.upper())) == (small, [])


def drafted(draft: list[model_pb2.Position], *, validate_only: bool = True) -> list[tuple[str, str]]:
    """What is wrong with a request of a draft."""
    message = rebalance_service_pb2.RebalanceModelRequest(draft_positions=draft, validate_only=validate_only)
    return decoded(lambda violations: decoding.draft(message, violations))[1]


def test_a_draft_keeps_the_rules_of_a_models_positions() -> None:
    good = model_pb2.Position(security_id=security_id(1), target=decimal_pb2.Decimal(value="0.5"))
    other = model_pb2.Position(security_id=security_id(2), target=decimal_pb2.Decimal(value="0.001"))
    assert drafted([good]) == []
    assert drafted([]) == drafted([], validate_only=False) == []
    assert drafted([other, good, good]) == [
        ("draft_positions[0].target", "must be a multiple of 0.005, not 0.001"),
        ("draft_positions[2].security_id", f"must be in the model only once, not '{security_id(1)}'"),
        ("draft_positions", "must have targets that add up to at most 0.95, not 1.001"),
    ]
    assert drafted([model_pb2.Position(security_id="x")]) == [
        ("draft_positions[0].target", "must be given"),
        ("draft_positions[0].security_id", "must be exactly 24 alphanumeric characters, not 'x'"),
    ]


def test_a_draft_is_tried_and_never_stored() -> None:
    good = model_pb2.Position(security_id=security_id(1), target=decimal_pb2.Decimal(value="0.5"))
    assert drafted([good], validate_only=False) == [
        ("draft_positions", "must come with validate_only, for a draft is never stored")
    ]


def test_other_portfolios_are_another_request() -> None:
    calls = rebalance_service_pb2
    for kind in (calls.RebalanceModelRequest, calls.StartRebalanceRequest):
        prints = set()
        for portfolio_ids in ([], [portfolio_id(1)], [portfolio_id(1), portfolio_id(2)], [portfolio_id(2)]):
            message = kind(model_id="f" * 24, request_id=REQUEST_ID, portfolio_ids=portfolio_ids)
            request, wrong = decoded(lambda violations, sent=message: decoding.request(sent, violations))  # type: ignore[misc]
            assert request
            assert wrong == []
            prints.add(request.fingerprint)
        assert len(prints) == 4


Flow = rebalance_service_pb2.CashFlow


def flows(*given: tuple[str, str]) -> tuple[dict[str, Decimal], list[tuple[str, str]]]:
    messages = [Flow(portfolio_id=one, amount=number_of(amount)) for one, amount in given]
    return decoded(lambda violations: decoding.cash_flows(messages, violations))


def test_cash_flows_are_read_exactly_and_in_their_order() -> None:
    """One of 0 among them, for its portfolio must be one of the run's, too."""
    given = [(portfolio_id(3), "-10000.50"), (portfolio_id(1), "0"), (portfolio_id(2), "1e3")]
    found, broken = flows(*given)
    assert broken == []
    assert [(key, str(amount)) for key, amount in found.items()] == [
        (portfolio_id(3), "-10000.50"),
        (portfolio_id(1), "0"),
        (portfolio_id(2), "1E+3"),
    ]


def test_cash_flows_that_are_none_are_named_by_their_paths() -> None:
    _, broken = flows((portfolio_id(1), "5"), ("x", "much"), (portfolio_id(1), ""))
    assert broken == [
        ("cash_flows[1].portfolio_id", "must be exactly 24 alphanumeric characters, not 'x'"),
        ("cash_flows[1].amount", f"{NUMBER_RULE}, not 'much'"),
        ("cash_flows[2].portfolio_id", f"must be in the list only once, not '{portfolio_id(1)}'"),
        ("cash_flows[2].amount", "must be given"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("", None), ("0", None), ("-0.00", None), ("-5", "-5"), ("7.5", "7.5")]
)
def test_a_cash_flow_of_a_single_portfolio(text: str, expected: str | None) -> None:
    message = Call(cash_flow=number_of(text))
    found, broken = decoded(lambda violations: decoding.cash_flow(message, violations))
    assert (found, broken) == (None if expected is None else Decimal(expected), [])


@pytest.mark.parametrize("kind", [Call, rebalance_service_pb2.RebalanceModelRequest])
def test_other_cash_flows_are_another_request(kind: type[decoding.RebalanceRequest]) -> None:
    def asked(amount: str) -> decoding.RebalanceRequest:
        flow = number_of(amount)
        if kind is Call:
            return Call(request_id=REQUEST_ID, cash_flow=flow)
        given = [Flow(portfolio_id=portfolio_id(1), amount=flow)]
        return rebalance_service_pb2.RebalanceModelRequest(request_id=REQUEST_ID, cash_flows=given)

    (first, _), (same, _), (other, _) = request(asked("5")), request(asked("5")), request(asked("6"))
    assert first == same != other
