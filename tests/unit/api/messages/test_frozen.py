"""Positions without a usable price, and what asks for them, in messages."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from globeco.ordergen.v1 import rebalance_pb2
from google.type import date_pb2

from ordergen_server.api.messages import encoding
from ordergen_server.api.messages.numbers import plain
from ordergen_server.api.messages.options import rebalance_options
from ordergen_server.domain.desk.price_ranges import good_until
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.options import RebalanceOptions, Unpriced
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.requests.violations import Violations
from tests.builders import holdings, no_price, position, rebalance, rebalanced, result, security_id, snapshot

pb = rebalance_pb2
FREEZE = RebalanceOptions(unpriced=Unpriced.FREEZE)
ANSWER = rebalanced(
    result(),
    holdings("1000", {2: "7.50"}),
    [position(1), position(2, "0.20"), position(3)],
    snapshot({1: "10", 2: no_price(2), 3: "20"}),
    FREEZE,
)


def test_it_stands_among_the_others_without_what_a_price_would_say() -> None:
    message = encoding.portfolio_rebalance(ANSWER)
    first, frozen, third = message.positions
    assert [one.security_id for one in message.positions] == [security_id(number) for number in (1, 2, 3)]
    assert message.frozen_count == 1
    assert {name.name for name, _ in frozen.ListFields()} == {
        *("security_id", "ticker", "original_quantity", "adjusted_quantity"),
        *("target", "low_drift", "high_drift", "reason", "price_problem"),
    }
    assert (frozen.reason, frozen.price_problem) == (pb.POSITION_REASON_FROZEN, pb.PRICE_PROBLEM_MISSING_DATA)
    assert (frozen.original_quantity.value, frozen.adjusted_quantity.value) == ("7.50", "7.50")
    assert (frozen.ticker, frozen.target.value) == ("T2", "0.20")
    for one in (first, third):
        assert (one.price_problem, one.HasField("price")) == (pb.PRICE_PROBLEM_UNSPECIFIED, True)


def test_every_problem_has_its_name_and_a_price_that_is_too_old_its_day() -> None:
    day = date(2026, 1, 2)
    for problem in PriceProblem:
        known = day if problem is PriceProblem.STALE_PRICE else None
        zero = Decimal(0)
        security = FrozenSecurity(security_id(1), "T1", zero, zero, zero, problem, known)
        one = replace(ANSWER, frozen=(FrozenPosition(security, Decimal(1)),), positions=())
        [line] = encoding.portfolio_rebalance(one).positions
        assert pb.PriceProblem.Name(line.price_problem) == f"PRICE_PROBLEM_{problem.name}"
        assert line.HasField("price_date") == (known is not None)
    assert line.price_date == date_pb2.Date(year=2026, month=1, day=2)


def test_ranges_of_prices_are_those_of_the_others() -> None:
    first, frozen, third = encoding.with_ranges(ANSWER, FREEZE).positions
    assert not frozen.HasField("good_until")
    found = [one.good_until.high.value for one in (first, third)]
    assert found == [plain(one.high) for one in good_until(ANSWER, FREEZE) if one.high]


def test_the_option_is_told_where_it_is_given_and_the_sum_always() -> None:
    given = replace(rebalance(), options=FREEZE, summary=RebalanceSummary(frozen_count=7))
    message = encoding.rebalance(given)
    assert (message.options.unpriced, message.summary.frozen_count) == (pb.UNPRICED_FREEZE, 7)
    assert encoding.rebalance(rebalance()).options.unpriced == pb.UNPRICED_UNSPECIFIED
    assert rebalance_options(message.options, Violations()).unpriced is Unpriced.FREEZE
