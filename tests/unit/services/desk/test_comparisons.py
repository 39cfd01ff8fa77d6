"""Comparisons, with fakes around them: one snapshot, one reading, and a frontier against all there is."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from threading import Event
from types import NoneType

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.comparisons import (
    ComparedPortfolio,
    ComparedVariant,
    Comparison,
    Variant,
    check_variants,
)
from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, SettingsContent
from ordergen_server.domain.errors import (
    BadData,
    Cancelled,
    DeadlineExceeded,
    HasOpenOrders,
    ModelWithoutPositions,
    NotFound,
    NotToBeTraded,
    OrderGenerationError,
    PreconditionFailed,
    ResourceExhausted,
    SiblingUnavailable,
    StalePrice,
)
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.open_orders import OpenOrders, OpenOrderSource
from ordergen_server.domain.rebalances.options import (
    RebalanceOptions,
    Strategy,
    TradingCosts,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, SolutionQuality
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.services.configured import NOT_CONFIGURED, Configured
from ordergen_server.services.desk.comparisons import Comparisons
from ordergen_server.services.desk.frontier import frontier
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.permits import UNLIMITED, Permits
from tests.builders import (
    MODEL_ID,
    NOW,
    holdings,
    model,
    portfolio_id,
    position,
    rebalanced,
    result,
    snapshot,
)
from tests.limits import PATIENCE
from tests.unit.services.portfolios.test_open_orders import FakeOrders, order
from tests.unit.services.runs import BUYS, House, each, house

BAND, TARGET = RebalanceOptions(strategy=Strategy.TO_BAND), RebalanceOptions()
BOTH = (Variant("band", BAND), Variant("target", TARGET))
#: Of a position of 10 a share with a target of 0.1, from 0.05 to 0.15: far over it, on it, nothing.
OVER, ON_TARGET, EMPTY = holdings("500", {1: "50"}), holdings("90", {1: "1"}), holdings("0")
BAD = BadData("bad: look at it")


@contextmanager
def comparing(
    parts: House,
    permits: Permits = UNLIMITED,
    window: int = 4,
    configured: Configured = NOT_CONFIGURED,
    orders: OpenOrderSource | None = None,
) -> Iterator[Comparisons]:
    with ThreadPoolExecutor(2) as pool:
        work = PortfolioWork(
            market=parts.market, portfolios=parts.portfolios, workers=pool, window=window, orders=orders
        )
        yield Comparisons(
            models=parts.models,
            settings=parts.settings,
            work=work,
            permits=permits,
            maximum_comparisons=2,
            clock=lambda: NOW,
            configured=configured,
        )


def told(
    parts: House,
    *variants: Variant,
    points: int = 0,
    asked: Comparison | None = None,
    configured: Configured = NOT_CONFIGURED,
    orders: OpenOrderSource | None = None,
) -> tuple[list[ComparedPortfolio], list[ComparedVariant]]:
    wanted = asked or Comparison("", MODEL_ID, variants or BOTH, points)
    with comparing(parts, configured=configured, orders=orders) as comparisons:
        found = list(each(comparisons.compare(wanted, Deadline.after(PATIENCE))))
    rows = [one for one in found if isinstance(one, ComparedPortfolio)]
    sums = [one for one in found if isinstance(one, ComparedVariant)]
    assert [*rows, *sums] == found
    return sorted(rows, key=lambda one: one.portfolio_id), sums


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


def test_each_portfolio_is_read_once_and_each_variant_is_as_a_rebalance() -> None:
    with house(OVER, ON_TARGET, BAD, EMPTY) as parts:
        rows, sums = told(parts)
    assert sorted(parts.portfolios.asked) == [portfolio_id(number) for number in range(4)]
    assert parts.market.calls == 1
    assert (parts.runs.headers, parts.runs.results) == ({}, [])
    assert [(one.portfolio_id, one.variant, one.state.name) for one in rows] == [
        (portfolio_id(0), "band", "REBALANCED"),
        (portfolio_id(0), "target", "REBALANCED"),
        (portfolio_id(1), "band", "NO_ACTION"),
        (portfolio_id(1), "target", "NO_ACTION"),
        (portfolio_id(2), "band", "FAILED"),
        (portfolio_id(2), "target", "FAILED"),
        (portfolio_id(3), "band", "NO_ACTION"),
        (portfolio_id(3), "target", "NO_ACTION"),
    ]
    assert rows[0] == ComparedPortfolio(
        portfolio_id(0),
        f"Name of {portfolio_id(0)}",
        "band",
        PortfolioState.REBALANCED,
        market_value=Decimal(1000),
        drift_before=Decimal("0.4"),
        drift_after=Decimal("0.05"),
        bought=Decimal(0),
        sold=Decimal(350),
        turnover_weight=Decimal("0.35"),
        trade_count=1,
        cash_after=Decimal(850),
        proven_optimal=True,
    )
    assert (rows[4].error, rows[4].turnover, rows[4].trade_count) == (BAD, None, None)
    assert (rows[6].turnover, rows[6].turnover_weight, rows[6].drift_after) == (Decimal(0), None, None)
    states = {PortfolioState.REBALANCED: 1, PortfolioState.NO_ACTION: 2, PortfolioState.FAILED: 1}
    assert [one.counts for one in sums] == [states, states]
    worth, nothing = Decimal(1100), Decimal(0)
    assert [(one.market_value, one.turnover, one.bought, one.sold, one.trade_count) for one in sums] == [
        (worth, Decimal(350), nothing, Decimal(350), 1),
        (worth, Decimal(400), nothing, Decimal(400), 1),
    ]
    assert [(one.drift_before, one.drift_after) for one in sums] == [
        (Decimal("0.363636363636"), Decimal("0.045454545455")),
        (Decimal("0.363636363636"), Decimal(0)),
    ]


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


def test_one_portfolio_by_itself() -> None:
    with house(OVER, ON_TARGET) as parts:
        rows, sums = told(parts, asked=Comparison(portfolio_id(1), "", BOTH))
    assert [(one.portfolio_id, one.variant) for one in rows] == [
        (portfolio_id(1), "band"),
        (portfolio_id(1), "target"),
    ]
    assert [one.counts for one in sums] == [{PortfolioState.NO_ACTION: 1}] * 2
    assert parts.portfolios.asked == [portfolio_id(1)]


def test_what_is_not_there_and_what_has_no_positions() -> None:
    with house(OVER) as parts:
        with pytest.raises(NotFound):
            told(parts, asked=Comparison("", "f" * 24, BOTH))
        with pytest.raises(NotFound):
            told(parts, asked=Comparison(portfolio_id(7), "", BOTH))
        with pytest.raises(ModelWithoutPositions, match="draft"):
            told(parts, BOTH[0], Variant("none", TARGET, (position(1, "0"),)))
    with house(OVER, wanted=model(portfolios=1)) as parts:
        with pytest.raises(ModelWithoutPositions):
            told(parts)
        assert parts.portfolios.asked == []


def test_a_model_without_portfolios_has_sums_of_nothing() -> None:
    with house() as parts:
        rows, sums = told(parts, points=2)
        assert (rows, [one.variant for one in sums]) == ([], ["band", "target", "frontier-1", "frontier-2"])
        assert (sums[0], parts.market.calls) == (ComparedVariant("band"), 0)


@pytest.mark.parametrize("problem", [SiblingUnavailable("down"), DeadlineExceeded("late")])
def test_what_stops_it_is_raised_after_what_was_computed(problem: OrderGenerationError) -> None:
    with house(OVER, OVER, problem, OVER) as parts, comparing(parts, window=1) as comparisons:
        found: list[object] = []
        with pytest.raises(type(problem)):
            found.extend(each(comparisons.compare(Comparison("", MODEL_ID, BOTH), Deadline.after(PATIENCE))))
    assert len(found) == 4


def test_time_that_ends_while_it_solves_stops_it() -> None:
    with house(OVER) as parts, comparing(parts) as comparisons:
        ends = iter([False] * 3)
        deadline = Deadline.after(PATIENCE).unless(lambda: next(ends, True))
        with pytest.raises(Cancelled):
            list(each(comparisons.compare(Comparison("", MODEL_ID, BOTH, 5), deadline)))


def test_comparisons_have_room_of_their_own_and_give_it_back() -> None:
    asked = Comparison("", MODEL_ID, BOTH)
    with house(*[OVER] * 3) as parts, comparing(parts, window=1) as comparisons:
        first, second, third = (comparisons.compare(asked, Deadline.after(PATIENCE)) for _ in range(3))
        next(first)
        next(second)
        with pytest.raises(ResourceExhausted) as refused:
            next(third)
        assert refused.value.metadata == {"kind": "comparisons"}
        first.close()
        assert next(comparisons.compare(asked, Deadline.after(PATIENCE)))
        second.close()


def test_a_caller_that_leaves_ends_it() -> None:
    gate, gone = Event(), Event()

    def leave(_: str) -> None:
        gone.set()
        gate.wait(PATIENCE)

    with house(*[OVER] * 20, before=leave) as parts, comparing(parts) as comparisons:
        deadline = Deadline.after(PATIENCE).unless(gone.is_set)
        try:
            with pytest.raises(Cancelled):
                list(comparisons.compare(Comparison("", MODEL_ID, BOTH), deadline))
        finally:
            gate.set()
    assert len(parts.portfolios.asked) < 20


def test_the_frontier_is_exact_at_its_ends_and_between() -> None:
    """By its definition: at each turnover no orders have less drift, of all that there are."""
    held = holdings("400", {1: "30", 2: "10", 3: "0"})
    wanted = model(position(1), position(2, "0.2"), position(3, "0.3"), portfolios=1)
    prices = snapshot({1: "10", 2: "30", 3: "7"})
    with house(held, wanted=wanted, market=prices) as parts:
        rows, sums = told(parts, *BOTH, points=6)
    band, target, *points = rows
    assert [one.variant for one in points] == [f"frontier-{place}" for place in range(1, 7)]
    assert [replace(one, variant="") for one in (points[0], points[-1])] == [
        replace(one, variant="") for one in (band, target)
    ]
    assert all(one.proven_optimal for one in points)
    turnovers = [Fraction(one.turnover or 0) for one in points]
    assert turnovers[0] < turnovers[-1]
    for place, one in enumerate(points):
        allowed = turnovers[0] + (turnovers[-1] - turnovers[0]) * place / 5
        assert Fraction(one.turnover or 0) <= allowed
        assert one.drift_after == least_drift(held, allowed)
    assert all((one.drift_after or 0) >= (two.drift_after or 0) for one, two in pairwise(points))
    assert [one.counts for one in sums] == [{PortfolioState.REBALANCED: 1}] * 8


def least_drift(held: Holdings, allowed: Fraction) -> Decimal:
    """By trying all whole shares inside the bands, which are 0.05 on each side of the targets."""
    worth = Decimal(400 + 300 + 300)
    had = [int(quantity) for quantity in held.quantities.values()]
    lines = [(10, Decimal("0.1")), (30, Decimal("0.2")), (7, Decimal("0.3"))]
    inside = [
        [
            shares
            for shares in range(100)
            if (target - Decimal("0.05")) * worth <= shares * price <= (target + Decimal("0.05")) * worth
        ]
        for price, target in lines
    ]
    drifts = [
        sum(
            (abs(worth * target - n * price) for n, (price, target) in zip((a, b, c), lines, strict=True)),
            Decimal(0),
        )
        for a in inside[0]
        for b in inside[1]
        for c in inside[2]
        if sum(abs(n - h) * price for n, h, (price, _) in zip((a, b, c), had, lines, strict=True)) <= allowed
    ]
    return (min(drifts) / worth).quantize(Decimal("1e-12"))


def test_a_portfolio_without_an_answer_is_every_point_of_the_frontier() -> None:
    narrow = model(position(1, "0.1", "0.001", "0.001"), portfolios=2)
    with house(holdings("95"), BAD, wanted=narrow) as parts:
        rows, sums = told(parts, Variant("only", TARGET), points=3)
    assert [(one.variant, one.state.name, bool(one.error)) for one in rows] == [
        *[(name, "INFEASIBLE", True) for name in ("only", "frontier-1", "frontier-2", "frontier-3")],
        *[(name, "FAILED", True) for name in ("only", "frontier-1", "frontier-2", "frontier-3")],
    ]
    assert {one.proven for one in sums} == {0}


def answer(shares: int, *, proven: bool = True, tie_broken: bool = True) -> PortfolioRebalance:
    """Sells so many of 50 shares of 10 each, of which 10 are the target."""
    found = rebalanced(
        result(),
        holdings("500", {1: "50"}),
        [position(1)],
        snapshot({1: "10"}),
        RebalanceOptions(maximum_turnover_weight=Decimal(shares) / 100),
    )
    quality = SolutionQuality(proven, Decimal(0), Decimal(0), found.solution.solve_duration, tie_broken)  # type: ignore[union-attr] # it has one
    return replace(found, solution=quality)


def test_what_is_not_proven_gives_way_to_what_is_better() -> None:
    """An end that trades more than the other, and a point that is worse than the one before it."""
    reversed_ends = frontier(answer(38, proven=False, tie_broken=False), answer(37), 3, lambda _: answer(36))
    assert [len(one.result.transactions) for one in reversed_ends] == [1, 1, 1]
    assert [one.proven for one in reversed_ends[1:]] == [False, False]
    unlucky = frontier(answer(36), answer(40), 3, lambda _: answer(35, proven=False))
    assert [one.result.transactions[0].quantity for one in unlucky] == [36, 36, 40]
    assert [one.proven for one in unlucky] == [True, False, True]


def test_an_end_whose_tie_is_open_is_proven_by_another_answer() -> None:
    limits: list[Decimal] = []

    def limited(weight: Decimal) -> PortfolioRebalance:
        limits.append(weight)
        return answer(int(weight * 100))

    points = frontier(answer(36, tie_broken=False), answer(40), 2, limited)
    assert [(one.result.transactions[0].quantity, one.proven) for one in points] == [(36, True), (40, True)]
    assert limits == [Decimal("0.36")]


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
