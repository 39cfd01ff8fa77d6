"""The last look: what moved is told with its numbers, what holds at the prices of now is sent."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.open_orders import OpenOrder, OpenOrders
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.options import RebalanceOptions, TradingCosts
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit
from ordergen_server.services.ordering.looks.last_look import Proposal, is_booked, look
from tests.builders import holdings, position, rebalanced, result, security_id, snapshot

#: A third in each of two securities, bands of a tenth on both sides.
MODEL = (position(1, "0.3", "0.1", "0.1"), position(2, "0.3", "0.1", "0.1"))
PRICES = {1: "10", 2: "20"}
BEFORE = holdings("4000", {1: "600", 2: "0"})


def proposed(
    options: RebalanceOptions | None = None,
    *,
    held: Holdings = BEFORE,
    cash_flow: str | None = None,
    model: tuple[Position, ...] = MODEL,
) -> PortfolioRebalance:
    start = replace(result(), cash_flow=None if cash_flow is None else Decimal(cash_flow))
    one = rebalanced(start, held, model, snapshot(PRICES), options)
    assert one.state is PortfolioState.REBALANCED
    return one


def kinds(
    one: PortfolioRebalance,
    now: Holdings = BEFORE,
    prices: Mapping[int, str] = PRICES,
    *,
    options: RebalanceOptions | None = None,
    traded: Mapping[int, int] | None = None,
    open_orders: tuple[OpenOrder, ...] = (),
) -> list[str]:
    """The kinds of what does not hold."""
    proposal = Proposal(
        one,
        options or RebalanceOptions(),
        {security_id(number): shares for number, shares in (traded or {}).items()},
        frozenset({99}),
    )
    known = {security_id(number): Decimal(price) for number, price in prices.items()}
    error = look(proposal, now, known, open_orders)
    return [] if error is None else [violation.kind for violation in error.violations]


def open_order(number: int, side: str, quantity: str, *, status: str = "NEW", external: int = 1) -> OpenOrder:
    return OpenOrder(external, security_id(number), f"T{number}", side, Decimal(quantity), status)


def test_what_has_not_moved_holds() -> None:
    assert kinds(proposed()) == []


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        (holdings("4000.01", {1: "600"}), ["CASH_MOVED"]),
        (holdings("4000", {1: "599"}), ["QUANTITY_MOVED"]),
        (holdings("4000", {1: "600", 2: "0.5"}), ["QUANTITY_MOVED"]),
        (holdings("4000", {1: "600", 7: "1"}), ["QUANTITY_MOVED"]),
        (holdings("1", {1: "1"}), ["CASH_MOVED", "QUANTITY_MOVED"]),
        (holdings("4000.000", {1: "600.0", 2: "0", 9: "0"}), []),
    ],
)
def test_whatever_is_not_held_as_the_run_saw_it_is_told(now: Holdings, moved: list[str]) -> None:
    assert kinds(proposed(), now) == moved


def test_the_numbers_stand_in_the_error() -> None:
    error = look(Proposal(proposed(), RebalanceOptions(), {}), holdings("5", {1: "600"}), {})
    assert error
    assert error.violations[0].rule == "cash is 5, and was 4000"
    assert "cash is 5, and was 4000" in error.message


def test_a_band_that_new_prices_break_is_told_and_one_that_they_keep_is_not() -> None:
    """After the orders there are about 3000 of each, and 4000 of cash: 30 % of 10,000 each."""
    one = proposed()
    assert kinds(one, prices={1: "12", 2: "20"}) == []
    assert kinds(one, prices={1: "20", 2: "20"}) == ["BAND"]
    assert set(kinds(one, prices={1: "5", 2: "20"})) == {"BAND"}


def test_a_band_that_was_not_kept_at_the_prices_of_the_run_is_not_looked_at() -> None:
    one = proposed()
    outside = replace(
        one,
        positions=tuple(
            line._replace(trade_quantity=0) if line.security.security_id == security_id(1) else line
            for line in one.positions
        ),
    )
    assert "BAND" not in kinds(outside)


def test_the_cash_floor_counts_costs() -> None:
    options = RebalanceOptions(minimum_cash_amount=Decimal(3900), costs=TradingCosts(Decimal(0), Decimal(10)))
    one = proposed(options)
    assert one.cash_after is not None
    assert kinds(one, options=options) == []
    spent = {1: "10", 2: "20.9"}
    kept = kinds(one, prices=spent, options=RebalanceOptions(minimum_cash_amount=Decimal(3000)))
    assert kept == []
    assert kinds(one, prices=spent, options=options) == ["CASH_FLOOR"]
    free = replace(options, allow_overdraft=True, minimum_cash_amount=None)
    assert kinds(one, prices=spent, options=free) == []


def test_a_limit_that_new_prices_break_is_told_with_its_numbers() -> None:
    """After the orders there are 300 and 150 shares, and 4000 of cash; of the second none were held."""
    options = RebalanceOptions(
        security_limits=(
            SecurityLimit(security_id(1), Decimal("0.25"), Decimal("0.35")),
            SecurityLimit(security_id(9), Decimal("0.1"), None),
        ),
        group_limits=(
            GroupLimit("both", (security_id(1), security_id(2)), Decimal("0.55"), Decimal("0.65")),
            GroupLimit("none", (security_id(8),), Decimal("0.5"), None),
        ),
    )
    one = proposed(options)
    assert [line.trade_quantity for line in one.positions] == [-300, 150]
    assert kinds(one, options=options) == []
    assert kinds(one, prices={1: "15", 2: "20"}, options=options) == []
    assert kinds(one, prices={1: "16", 2: "20"}, options=options) == ["SECURITY_LIMIT"]
    assert kinds(one, prices={1: "10", 2: "16"}, options=options) == ["GROUP_LIMIT"]
    known = {security_id(1): Decimal(10), security_id(2): Decimal(16)}
    error = look(Proposal(one, options, {}), BEFORE, known)
    assert error
    assert [(one.subject, one.rule) for one in error.violations] == [
        ("both", "the group both would be worth 5400 after the orders, and must be at least 0.55 of 10000")
    ]


def test_a_limit_that_was_not_kept_at_the_prices_of_the_run_is_not_looked_at() -> None:
    broken = RebalanceOptions(security_limits=(SecurityLimit(security_id(1), None, Decimal("0.29")),))
    assert kinds(proposed(), options=broken) == []


def test_what_is_frozen_must_be_held_as_it_was_and_counts_nothing_else() -> None:
    """Its price may have come since: the proposal did not reckon with it."""
    frozen = FrozenSecurity(
        security_id(3), "T3", Decimal(0), Decimal(0), Decimal(0), PriceProblem.MISSING_DATA
    )
    one = replace(proposed(), frozen=(FrozenPosition(frozen, Decimal(7)),), frozen_count=1)
    held = holdings("4000", {1: "600", 3: "7"})
    assert kinds(one, held) == kinds(one, held, {**PRICES, 3: "1000"}) == []
    assert kinds(one, holdings("4000", {1: "600", 3: "6"})) == ["QUANTITY_MOVED"]


@pytest.mark.parametrize("flow", ["1000", "-1000"])
def test_a_cash_flow_that_has_come_is_what_the_run_reckoned_with(flow: str) -> None:
    one = proposed(cash_flow=flow)
    come = holdings(str(4000 + int(flow)), {1: "600"})
    assert kinds(one) == kinds(one, come) == []
    assert kinds(one, holdings("4001", {1: "600"})) == ["CASH_MOVED"]


def test_a_flow_that_is_to_be_paid_out_is_not_spent() -> None:
    options = RebalanceOptions(minimum_cash_amount=Decimal(0))
    one = proposed(options, cash_flow="-3500")
    assert kinds(one, options=options) == []
    assert one.cash_after is not None
    assert one.cash_after >= 0


def test_more_than_is_held_is_not_sold() -> None:
    one = proposed()
    sells = next(line for line in one.positions if line.trade_quantity < 0)
    few = replace(
        one,
        positions=(
            sells._replace(original_quantity=Decimal(1)),
            *(line for line in one.positions if line is not sells),
        ),
    )
    assert "MORE_THAN_HELD" in kinds(few, holdings("4000", {1: "1"}))


class TestOpenOrders:
    def test_a_run_that_refuses_them_finds_its_proposal_out_of_date(self) -> None:
        options = RebalanceOptions(open_orders=OpenOrders.REFUSE)
        others = (open_order(2, "BUY", "1"),)
        assert kinds(proposed(), options=options, open_orders=others) == ["OPEN_ORDER"]
        assert kinds(proposed(), options=options, open_orders=(open_order(2, "BUY", "1", external=99),)) == []

    def test_a_run_that_counts_them_counts_them_again_at_its_own_prices(self) -> None:
        """It saw 4000 and 600 once they were filled: now there are 4200 and 590, and a buy of 10 at 20."""
        options = RebalanceOptions(open_orders=OpenOrders.COUNT)
        held = holdings("4000", {1: "600", 2: "10"})
        one = proposed(held=held)
        now, others = holdings("4200", {1: "600"}), (open_order(2, "BUY", "10"),)
        assert kinds(one, now, options=options, open_orders=others) == []
        assert kinds(one, now, {1: "10", 2: "20.5"}, options=options, open_orders=others) == []
        assert kinds(one, now, options=options) != []

    def test_nobody_knows_what_is_left_of_one_that_is_filled_in_part(self) -> None:
        options = RebalanceOptions(open_orders=OpenOrders.COUNT)
        part = (open_order(2, "BUY", "10", status="PART"),)
        assert kinds(proposed(), options=options, open_orders=part) == ["OPEN_ORDER"]


class TestAfterSells:
    """Buys that waited: 300 shares or so of the first security were sold."""

    @staticmethod
    def sold(one: PortfolioRebalance) -> int:
        return next(line.trade_quantity for line in one.positions if line.trade_quantity < 0)

    def test_cash_is_what_the_sells_brought(self) -> None:
        one = proposed()
        sold = self.sold(one)
        now = holdings("6987.65", {1: str(600 + sold)})
        assert kinds(one, now, traded={1: sold}) == []
        assert kinds(one, holdings("10", {1: str(600 + sold)}), traded={1: sold}) != []

    def test_what_else_moved_is_told(self) -> None:
        one = proposed()
        sold = self.sold(one)
        assert kinds(one, holdings("7000", {1: str(600 + sold), 2: "1"}), traded={1: sold}) == [
            "QUANTITY_MOVED"
        ]

    def test_sells_are_booked_once_their_shares_are_gone(self) -> None:
        one = proposed()
        sold = self.sold(one)
        proposal = Proposal(one, RebalanceOptions(), {security_id(1): sold})
        assert not is_booked(proposal, BEFORE)
        assert is_booked(proposal, holdings("7000", {1: str(600 + sold)}))
