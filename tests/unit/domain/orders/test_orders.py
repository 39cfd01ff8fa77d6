"""Orders change by their rules alone, and are matched, batched and compared as they are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.errors import Cancelled, InternalError, SiblingUnavailable
from ordergen_server.domain.orders import orders as rules
from ordergen_server.domain.orders.batching import BATCH_ORDERS, cut, fitting
from ordergen_server.domain.orders.matching import Ambiguous, Missing, There, matches, seen
from ordergen_server.domain.orders.order_service import FoundOrder, OrderStatus
from ordergen_server.domain.orders.orders import Order, mark_of, time_of
from ordergen_server.domain.orders.orders import OrderState as State
from ordergen_server.domain.orders.reconciling import DifferenceType, reconciled
from ordergen_server.domain.orders.submissions import Left, SubmittedPortfolio
from ordergen_server.domain.orders.submissions import PortfolioOrderState as Portfolio
from ordergen_server.domain.rebalances import Side
from tests.builders import RUN_ID, portfolio_id, security_id

MARK = 1_790_000_000_000_001
DOWN = SiblingUnavailable("down")
#: Each change, and the states that it may be made in.
CHANGES: dict[str, tuple[Callable[[Order], Order], set[State]]] = {
    "attempted": (rules.attempted, {State.SENDING}),
    "not attempted": (rules.not_attempted, {State.SENDING}),
    "taken": (lambda one: rules.taken(one, 7), {State.SENDING, State.IN_DOUBT}),
    "refused": (lambda one: rules.refused(one, "no"), {State.SENDING}),
    "doubted": (lambda one: rules.doubted(one, DOWN), {State.SENDING, State.IN_DOUBT}),
    "missed": (rules.missed, {State.IN_DOUBT}),
    "dropped": (lambda one: rules.dropped(one, Cancelled("cancelled")), {State.SENDING}),
}


def order(number: int = 0, state: State = State.SENT, **changed: object) -> Order:
    one = Order(
        order_id=f"{number:024x}",
        rebalance_id=RUN_ID,
        submission_id="b" * 24,
        portfolio_id=portfolio_id(0),
        security_id=security_id(number),
        ticker=f"T{number}",
        side=Side.BUY,
        quantity=10,
        state=state,
        mark=MARK,
        external_order_id=number + 1 if state is State.SENT else 0,
    )
    return replace(one, **changed)  # type: ignore[arg-type] # fields by their names


def found(number: int = 0, external: int = 1, **changed: object) -> FoundOrder:
    one = FoundOrder(
        external,
        portfolio_id(0),
        security_id(number),
        f"T{number}",
        Side.BUY,
        Decimal("10.00"),
        OrderStatus.NEW,
        time_of(MARK),
    )
    return replace(one, **changed)  # type: ignore[arg-type] # fields by their names


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("state", State)
def test_a_change_is_made_in_its_states_alone(name: str, state: State) -> None:
    change, allowed = CHANGES[name]
    if state in allowed:
        assert change(order(state=state)).order_id == order().order_id
    else:
        with pytest.raises(InternalError):
            change(order(state=state))


def test_what_is_final_never_changes_again() -> None:
    assert {state for state in State if order(state=state).is_final} == {
        state for state in State if not any(state in allowed for _, allowed in CHANGES.values())
    }


@given(st.datetimes(datetime(1970, 1, 1), datetime(2400, 1, 1)))  # noqa: DTZ001 - given its zone below
def test_marks_are_times_to_the_microsecond(naive: datetime) -> None:
    time = naive.replace(tzinfo=UTC)
    assert time_of(mark_of(time)) == time


@given(st.lists(st.integers(1, 120), min_size=1, max_size=60))
def test_batches_have_whole_portfolios_where_they_fit(counts: list[int]) -> None:
    number = fitting(counts)
    assert 1 <= number <= len(counts)
    assert number == 1 or sum(counts[:number]) <= BATCH_ORDERS
    assert number == len(counts) or sum(counts[: number + 1]) > BATCH_ORDERS
    pieces = cut(range(sum(counts)))
    assert [one for piece in pieces for one in piece] == list(range(sum(counts)))
    assert all(len(piece) == BATCH_ORDERS for piece in pieces[:-1])


class TestMatching:
    def test_what_is_alike_is_there_and_what_is_not_there_is_missing(self) -> None:
        known = matches([order(0), order(1)], [found(0, 12)])
        assert list(known.values()) == [There(12), Missing()]

    @pytest.mark.parametrize(
        "there",
        [
            [found(0, 1), found(0, 2)],
            [found(0, 1, side=Side.SELL)],
            [found(0, 1, side=None)],
            [found(0, 1, quantity=Decimal(9))],
            [found(0, 1), found(0, 2, quantity=Decimal(9))],
        ],
    )
    def test_what_could_be_another_is_told_and_neither(self, there: list[FoundOrder]) -> None:
        (known,) = matches([order()], there).values()
        assert isinstance(known, Ambiguous)
        assert known.problem.metadata["external_order_ids"] == ", ".join(
            str(one.external_order_id) for one in there
        )

    def test_what_was_cancelled_there_beside_a_live_one_is_out_of_the_way(self) -> None:
        there = [found(0, 1, status=OrderStatus.CNCLD), found(0, 2)]
        assert list(matches([order()], there).values()) == [There(2)]

    def test_one_that_was_cancelled_there_is_there(self) -> None:
        there = [found(0, 2, status=OrderStatus.DEL), found(0, 1, status=OrderStatus.DEL)]
        assert list(matches([order()], there).values()) == [There(1)]

    def test_readings_agree_whatever_their_order_statuses_and_zeros(self) -> None:
        one, other = found(0, 1), found(1, 2)
        later = [replace(other, status=OrderStatus.FULL), replace(one, quantity=Decimal(10))]
        assert seen([one, other]) == seen(later)
        assert seen([one]) != seen([one, other])


class TestReconciling:
    @staticmethod
    def kinds(orders: list[Order], there: list[FoundOrder]) -> list[DifferenceType]:
        return [one.type for one in reconciled(orders, {MARK: there}).differences]

    def test_what_agrees_is_no_difference(self) -> None:
        orders = [order(0), order(1, State.REFUSED), order(2, State.NOT_SENT), order(3, State.SENDING)]
        result = reconciled(orders, {MARK: [found(0, 1), found(3, 4)]})
        assert (result.compared_count, result.differences) == (3, ())

    @pytest.mark.parametrize(
        ("state", "there", "kinds"),
        [
            (State.SENT, [], [DifferenceType.MISSING]),
            (State.SENT, [found(0, 1), found(0, 2)], [DifferenceType.DUPLICATE]),
            (State.SENT, [found(0, 1), found(0, 2, status=OrderStatus.DEL)], []),
            (State.REFUSED, [found(0, 1)], [DifferenceType.UNEXPECTED]),
            (State.NOT_SENT, [found(0, 1)], [DifferenceType.UNEXPECTED]),
            (State.IN_DOUBT, [found(0, 1)], [DifferenceType.UNEXPECTED]),
            (State.IN_DOUBT, [], []),
            (State.SENT, [found(0, 1), found(5, 2)], [DifferenceType.UNKNOWN]),
            (
                State.SENT,
                [found(0, 1, quantity=Decimal(9))],
                [DifferenceType.MISSING, DifferenceType.UNKNOWN],
            ),
        ],
    )
    def test_what_differs_is_told(
        self, state: State, there: list[FoundOrder], kinds: list[DifferenceType]
    ) -> None:
        assert self.kinds([order(state=state)], there) == kinds

    def test_what_was_never_written_down_to_be_sent_is_not_looked_for(self) -> None:
        assert reconciled([order(state=State.NOT_SENT, mark=0)], {}).compared_count == 0


@given(st.sets(st.sampled_from(State)), st.sampled_from(Left), st.booleans())
def test_a_portfolio_says_the_first_that_is_true_of_any_of_its_orders(
    states: set[State], left: Left, stale: bool
) -> None:
    one = SubmittedPortfolio("b" * 24, RUN_ID, portfolio_id(0), 0, 3, left, stale=DOWN if stale else None)
    true = {Portfolio[state.name] for state in states}
    true |= {Portfolio.WAITING} if left is not Left.NOTHING else set()
    true |= {Portfolio.STALE} if stale else set()
    order_of_words = ["IN_DOUBT", "SENDING", "WAITING", "STALE", "REFUSED", "NOT_SENT", "SENT"]
    first = next((word for word in order_of_words if Portfolio[word] in true), "NOT_SENT")
    assert one.standing(states).state is Portfolio[first]
