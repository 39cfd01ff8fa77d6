"""What variants of a comparison may have of their own, and what holds in each of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import NoneType

import pytest

from ordergen_server.domain.desk.comparisons import Comparison, Variant, check_variants
from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, SettingsContent
from ordergen_server.domain.errors import HasOpenOrders, NotToBeTraded, PreconditionFailed, StalePrice
from ordergen_server.domain.open_orders import OpenOrders
from ordergen_server.domain.rebalances.options import RebalanceOptions, TradingCosts
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.services.configured import Configured
from tests.builders import NOW, portfolio_id, position, snapshot
from tests.unit.services.desk.comparing import BOTH, ON_TARGET, OVER, TARGET, told
from tests.unit.services.open_orders import FakeOrders, order
from tests.unit.services.runs import BUYS, house

OPEN = {portfolio_id(0): [order(7, "BUY", "5")]}
LOOKS = Configured(has_order_service=True)


def test_variants_may_do_with_open_orders_what_they_like_and_these_are_read_once() -> None:
    """Of 1,000 in cash a tenth is for the position: 10 shares, of which 5 are ordered already."""
    orders = FakeOrders(OPEN)
    ways = {how.name: replace(TARGET, open_orders=how) for how in OpenOrders}
    variants = [Variant(name, options) for name, options in {"as it is": TARGET, **ways}.items()]
    with house(BUYS) as parts:
        rows, _ = told(parts, *variants, configured=LOOKS, orders=orders)
    assert [(one.variant, type(one.error), one.bought) for one in rows] == [
        ("as it is", HasOpenOrders, None),
        ("REFUSE", HasOpenOrders, None),
        ("COUNT", NoneType, Decimal(50)),
        ("IGNORE", NoneType, Decimal(100)),
    ]
    assert orders.asked == 1


def test_where_every_variant_ignores_open_orders_nobody_reads_them() -> None:
    orders = FakeOrders(OPEN)
    ignore = replace(TARGET, open_orders=OpenOrders.IGNORE)
    with house(BUYS) as parts:
        rows, _ = told(
            parts, Variant("one", ignore), Variant("other", ignore), configured=LOOKS, orders=orders
        )
    assert [one.bought for one in rows] == [Decimal(100)] * 2
    assert orders.asked == 0


def test_a_variant_that_is_to_look_at_open_orders_needs_an_order_service() -> None:
    counts = Variant("counts", replace(TARGET, open_orders=OpenOrders.COUNT))
    with house(BUYS) as parts, pytest.raises(PreconditionFailed) as raised:
        told(parts, Variant("one", TARGET), counts)
    assert [one.subject for one in raised.value.violations] == ["variants[1].options.open_orders"]


def test_positions_of_a_variant_are_tried_in_place_of_the_models() -> None:
    """Of a security that the model does not list, whose price is in the one snapshot."""
    other = Variant("other", TARGET, (position(2, "0.5"),))
    with house(ON_TARGET, market=snapshot({1: "10", 2: "5"})) as parts:
        rows, _ = told(parts, Variant("own", TARGET), other)
    assert [(one.variant, one.drift_before, one.trade_count) for one in rows] == [
        ("own", Decimal(0), 0),
        ("other", Decimal("0.6"), 2),
    ]
    assert parts.market.calls == 1


def test_each_variant_has_its_costs_and_its_age_of_prices() -> None:
    costs = RebalanceOptions(costs=TradingCosts(Decimal("0.01"), Decimal(2)))
    fresh = replace(TARGET, maximum_price_age_days=1)
    variants = Variant("free", TARGET), Variant("costs", costs), Variant("fresh", fresh)
    old = snapshot({1: "10"}, NOW.date() - timedelta(days=2))
    with house(OVER, ON_TARGET, market=old) as parts:
        rows, sums = told(parts, *variants)
        strict, _ = told(parts, *variants, configured=Configured(maximum_price_age_days=1))
    assert [(one.variant, one.state.name, one.cost, one.cash_after) for one in rows[:3]] == [
        ("free", "REBALANCED", None, Decimal(900)),
        ("costs", "REBALANCED", Decimal(6), Decimal(894)),
        ("fresh", "FAILED", None, None),
    ]
    assert isinstance(rows[2].error, StalePrice)
    assert [one.cost for one in sums] == [Decimal(0), Decimal(6), Decimal(0)]
    assert {one.state for one in strict} == {PortfolioState.FAILED}
    assert parts.market.calls == 2


def test_settings_hold_in_every_variant_and_whoever_is_not_to_be_traded_is_in_none() -> None:
    with house(OVER, OVER, ON_TARGET) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(maximum_turnover_weight=Decimal("0.36")))
        parts.settings.put(portfolio_id(1), SettingsContent(DoNotTrade("The owner has died.")))
        rows, sums = told(parts, points=2)
        single, _ = told(parts, asked=Comparison(portfolio_id(1), "", BOTH))
        assert sorted(parts.portfolios.asked) == [portfolio_id(0), portfolio_id(2)]
        assert [len(one) for one in parts.settings.reads] == [3, 1]
    names = ["band", "target", "frontier-1", "frontier-2"]
    assert [(one.variant, one.turnover) for one in rows[:4]] == list(
        zip(names, map(Decimal, (350, 360, 350, 360)), strict=True)
    )
    closed = rows[4:8]
    assert [(one.portfolio_id, one.variant, one.state) for one in closed] == [
        (portfolio_id(1), name, PortfolioState.SKIPPED) for name in names
    ]
    assert {type(one.error) for one in closed} == {NotToBeTraded}
    assert {one.counts[PortfolioState.SKIPPED] for one in sums} == {1}
    assert {one.market_value for one in sums} == {Decimal(1100)}
    assert [one.state for one in single] == [PortfolioState.SKIPPED] * 2


def broken(variants: Sequence[Variant], points: int = 0) -> list[str]:
    violations = Violations()
    check_variants(variants, points, violations)
    return [one.subject for one in violations.found]


def test_rules_of_variants() -> None:
    one, other = BOTH
    assert broken(BOTH) == broken([one], 2) == broken(BOTH, 20) == []
    assert broken([one]) == broken([], 2) == ["variants"]
    assert broken([replace(one, name=f"{number}") for number in range(11)]) == ["variants"]
    assert broken(BOTH, 1) == broken(BOTH, 21) == broken(BOTH, -1) == ["frontier_points"]
    assert broken([one, one]) == ["variants[1].name"]
    assert broken([one, replace(other, name=" ")]) == ["variants[1].name"]
    assert broken([one, replace(other, name="x" * 65)]) == ["variants[1].name"]
    named = [one, replace(other, name="frontier-1")]
    assert (broken(named), broken(named, 2)) == ([], ["variants[1].name"])
