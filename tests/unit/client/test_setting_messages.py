"""Settings between records, messages and the domain: nothing is lost, and nothing is sent unasked."""

from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from globeco.ordergen.v1 import portfolio_settings_pb2 as pb
from globeco.ordergen.v1 import rebalance_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from ordergen_client import UNCHANGED, DoNotTrade
from ordergen_client.calls import portfolio_settings as calls
from ordergen_client.records.desk import setting_messages
from ordergen_server.api.messages.desk import portfolio_settings as server
from ordergen_server.domain.desk import portfolio_settings as domain
from ordergen_server.domain.errors import InvalidArgument
from ordergen_server.domain.rebalances.options import Restriction, RestrictionType
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.domain.requests.violations import Violations
from tests.builders import NOW, portfolio_id, security_id

ONE = portfolio_id(1)
amounts = st.none() | st.decimals(0, 10**20, places=4)
weights = st.none() | st.decimals(0, 1, places=6)
contents = st.builds(
    domain.SettingsContent,
    st.none() | st.builds(domain.DoNotTrade, st.just("Closed."), st.none() | st.dates()),
    amounts,
    weights,
    amounts,
    st.dictionaries(st.integers(1, 9), st.sampled_from(RestrictionType), max_size=4).map(
        lambda kinds: tuple(Restriction(security_id(key), kind) for key, kind in kinds.items())
    ),
    amounts,
    st.text(max_size=20),
    st.dictionaries(
        st.integers(1, 9), st.lists(st.decimals(0, 1, places=6), min_size=2, max_size=2), max_size=4
    ).map(lambda sides: tuple(limit(key, *sorted(pair)) for key, pair in sides.items())),
)


def limit(number: int, least: Decimal, most: Decimal) -> SecurityLimit:
    """One of three has no least, and one no greatest weight."""
    sides = (least if number % 3 else None, most if number % 3 != 1 else None)
    return SecurityLimit(security_id(number), *sides)


@given(contents)
def test_what_is_stored_comes_to_callers_and_back(content: domain.SettingsContent) -> None:
    """The server's message, the client's record, the client's change, and the server's reading of that."""
    stored = domain.PortfolioSettings(ONE, content, 7, NOW, NOW, "ann")
    record = setting_messages.portfolio_settings(server.message(stored))
    assert (record.portfolio_id, record.version, record.create_time, record.actor) == (ONE, 7, NOW, "ann")
    changes: dict[str, Any] = {one.name: getattr(record, one.name) for one in fields(content)}
    request = calls.update(ONE, 7, **changes).request
    sent = getattr(request, "portfolio_settings")  # noqa: B009 - a message of whichever kind
    with Violations() as violations:
        assert server.content(sent, violations) == content


def test_what_is_not_given_is_not_named() -> None:
    request: Any = calls.update(ONE, 3, note="new", minimum_cash_weight=None).request
    assert request.update_mask == FieldMask(paths=["minimum_cash", "note"])
    assert request.portfolio_settings == pb.PortfolioSettings(portfolio_id=ONE, version=3, note="new")
    taken: Any = calls.update(ONE, 3, do_not_trade=None, restrictions=None, security_limits=None).request
    assert taken.update_mask == FieldMask(paths=["do_not_trade", "restrictions", "security_limits"])
    assert taken.portfolio_settings == pb.PortfolioSettings(portfolio_id=ONE, version=3)
    assert repr(UNCHANGED) == "UNCHANGED"


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({}, ValueError, "one of do_not_trade, minimum_cash"),
        ({"do_not_trade": "Closed."}, TypeError, "do_not_trade must be a DoNotTrade"),
        ({"minimum_cash_amount": 0.5}, TypeError, "minimum_cash_amount must be a Decimal"),
        ({"restrictions": {security_id(1): "SELL"}}, ValueError, "must be one of DO_NOT_BUY"),
        ({"security_limits": {security_id(1): "0.1"}}, TypeError, "must be a SecurityLimit"),
        ({"note": None}, TypeError, "note must be a string"),
        ({"note": "x", "version": "1"}, TypeError, "version must be a whole number"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(given: Any, error: type[Exception], text: str) -> None:  # noqa: ANN401 - arguments
    with pytest.raises(error, match=text):
        calls.update(ONE, **given)


@pytest.mark.parametrize("until", ["2026-01-01", datetime(2026, 1, 1, tzinfo=UTC), 20260101])
def test_a_last_day_is_a_date(until: Any) -> None:  # noqa: ANN401 - anything
    with pytest.raises(TypeError, match="until must be a date"):
        DoNotTrade("Closed.", until)


def test_a_day_that_is_none_is_named_with_all_else_that_is_wrong() -> None:
    message = pb.PortfolioSettings()
    message.do_not_trade.reason = " "
    day = message.do_not_trade.until
    day.year, day.month, day.day = 2026, 2, 30
    message.minimum_cash.weight.value = "x"
    message.restrictions.add(security_id=security_id(1))
    message.restrictions.add(security_id="x", type=rebalance_pb2.RESTRICTION_TYPE_HOLD)
    message.security_limits.add(security_id=security_id(1))
    for text in ("0.2", "x"):
        limit = message.security_limits.add(security_id=security_id(2))
        limit.minimum_weight.value, limit.maximum_weight.value = text, "0.1"
    with pytest.raises(InvalidArgument) as raised, Violations() as violations:
        server.content(message, violations)
    assert [one.subject for one in raised.value.violations] == [
        "portfolio_settings.do_not_trade.until",
        "portfolio_settings.minimum_cash.weight",
        "portfolio_settings.restrictions[0].type",
        "portfolio_settings.security_limits[0]",
        "portfolio_settings.security_limits[2].minimum_weight",
        "portfolio_settings.do_not_trade.reason",
        "portfolio_settings.restrictions[0].security_id",
        "portfolio_settings.security_limits[1].minimum_weight",
        "portfolio_settings.security_limits[2].security_id",
    ]
    with Violations() as violations:
        assert server.content(message, violations, ["note"]) == domain.SettingsContent()


def test_a_record_has_the_digits_of_the_message() -> None:
    message = pb.PortfolioSettings(portfolio_id=ONE)
    message.minimum_trade_value.value = "10.500"
    found = setting_messages.portfolio_settings(message)
    assert (str(found.minimum_trade_value), found.do_not_trade, found.restrictions) == ("10.500", None, {})
    order = pb.DoNotTrade(reason="Closed.")
    order.until.year, order.until.month, order.until.day = 9999, 12, 31
    message.do_not_trade.CopyFrom(order)
    assert setting_messages.portfolio_settings(message).do_not_trade == DoNotTrade("Closed.", date.max)
    assert found.minimum_trade_value == Decimal("10.5")
