"""Checks of drift, with fakes around them: in pages, the worst first, each portfolio read once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift, worst_first
from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, SettingsContent
from ordergen_server.domain.errors import (
    BadData,
    Cancelled,
    DeadlineExceeded,
    ModelWithoutPositions,
    NotFound,
    OrderGenerationError,
    ResourceExhausted,
    SiblingUnavailable,
)
from ordergen_server.domain.models import Model, ModelContent
from ordergen_server.services.desk.drift_checks import DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE
from ordergen_server.services.running.permits import UNLIMITED, Permits
from tests.builders import MODEL_ID, NOW, TODAY, holdings, portfolio_id, position
from tests.limits import PATIENCE
from tests.unit.services.desk.checking import checks
from tests.unit.services.runs import BUYS, House, each, house
from tests.waiting import eventually

#: Of a position of 10 a share with a target of 0.1: on it, over it, in cash alone, in nothing.
ON_TARGET, OVER, NEW, EMPTY = (
    holdings("90", {1: "1"}),
    holdings("50", {1: "5"}),
    holdings("100"),
    holdings("0"),
)
BAD = BadData("bad: look at it")


class Granted:
    """Permits that come after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.counts: list[int] = []

    def take(self, count: int) -> bool:
        self.counts.append(count)
        self.looks -= 1
        return self.looks < 0


def told(
    parts: House, model_id: str = MODEL_ID, page_size: int = 0, permits: Permits = UNLIMITED
) -> list[Sequence[PortfolioDrift]]:
    with checks(parts, permits) as checking:
        return list(checking.check(model_id, page_size, Deadline.after(PATIENCE)))


def linked(model_id: str, portfolios: Sequence[int], *, empty: bool = False) -> Model:
    ids = tuple(map(portfolio_id, portfolios))
    positions = () if empty else (position(1),)
    return Model(model_id, ModelContent(f"Model {model_id[0]}", positions, ids), 1, NOW, NOW)


def test_a_page_has_the_worst_first_and_each_portfolio_is_read_once() -> None:
    with house(EMPTY, ON_TARGET, NEW, BAD, OVER, ON_TARGET) as parts:
        [page] = told(parts)
    assert [(one.portfolio_id, one.state) for one in page] == [
        (portfolio_id(3), DriftState.FAILED),
        (portfolio_id(4), DriftState.LOW_CASH),
        (portfolio_id(2), DriftState.NEW),
        (portfolio_id(1), DriftState.IN_BAND),
        (portfolio_id(5), DriftState.IN_BAND),
        (portfolio_id(0), DriftState.NEW),
    ]
    assert list(page) == sorted(page, key=worst_first)
    assert page[0].error == BAD
    assert page[1].portfolio_name == f"Name of {portfolio_id(4)}"
    assert {(one.model_id, one.model_name, one.snapshot_time) for one in page} == {(MODEL_ID, "Growth", NOW)}
    assert sorted(parts.portfolios.asked) == [portfolio_id(number) for number in range(6)]
    assert parts.market.calls == 1
    assert (parts.runs.headers, parts.runs.results) == ({}, [])


def test_pages_have_as_many_as_asked_for() -> None:
    with house(*[ON_TARGET] * 5) as parts:
        assert list(map(len, told(parts, page_size=2))) == [2, 2, 1]
    with house(*[ON_TARGET] * (MAXIMUM_PAGE_SIZE + 1)) as parts:
        assert list(map(len, told(parts, page_size=5000))) == [MAXIMUM_PAGE_SIZE, 1]
        sizes = list(map(len, told(parts)))
    assert sizes == [DEFAULT_PAGE_SIZE, DEFAULT_PAGE_SIZE, 1]


@pytest.mark.parametrize(("page_size", "window", "ahead"), [(4, 3, 3), (4, 1, 1), (2, 8, 2)])
def test_while_a_page_is_taken_the_next_is_begun_and_no_more_of_it_than_is_read_at_once(
    page_size: int, window: int, ahead: int
) -> None:
    """One page at most, however many are read at once."""
    with house(*[ON_TARGET] * 12) as parts:
        with checks(parts, window=window) as checking:
            pages = checking.check(MODEL_ID, page_size, Deadline.after(PATIENCE))
            next(pages)
            eventually(lambda: len(parts.portfolios.asked) == page_size + ahead)
            pages.close()
        assert len(parts.portfolios.asked) == page_size + ahead  # whoever reads has ended


def test_who_leaves_with_a_page_in_hand_has_no_more_read_than_is_being_read() -> None:
    with house(*[ON_TARGET] * 12) as parts:
        gate = held_from(parts, 4)
        with checks(parts) as checking:
            pages = checking.check(MODEL_ID, 4, Deadline.after(PATIENCE))
            next(pages)
            eventually(lambda: len(parts.portfolios.asked) == 6)  # by its two workers
            pages.close()
            gate.set()
        assert len(parts.portfolios.asked) == 6


def test_a_check_that_is_cancelled_with_a_page_in_hand_tells_no_more() -> None:
    gone = Event()
    with house(*[ON_TARGET] * 12) as parts:
        gate = held_from(parts, 4)
        with checks(parts) as checking:
            pages = checking.check(MODEL_ID, 4, Deadline.after(PATIENCE).unless(gone.is_set))
            next(pages)
            eventually(lambda: len(parts.portfolios.asked) == 6)
            gone.set()
            gate.set()
            with pytest.raises(Cancelled):
                next(pages)
        assert len(parts.portfolios.asked) == 6


def held_from(parts: House, number: int) -> Event:
    """Readings from this portfolio on wait until it is set."""
    gate, held = Event(), {portfolio_id(one) for one in range(number, len(parts.portfolios.answers))}
    parts.portfolios.before = lambda one: one not in held or gate.wait(PATIENCE)
    return gate


def test_of_all_models_pages_may_have_portfolios_of_several() -> None:
    models = (linked("a" * 24, (0, 1)), linked("b" * 24, ()), linked("c" * 24, (2,)))
    with house(ON_TARGET, OVER, NEW) as parts:
        parts.models.models = {one.model_id: one for one in models}
        [page] = told(parts, "")
    assert [(one.portfolio_id, one.model_name) for one in page] == [
        (portfolio_id(1), "Model a"),
        (portfolio_id(2), "Model c"),
        (portfolio_id(0), "Model a"),
    ]
    assert parts.market.calls == 2  # once for each that somebody follows


def test_portfolios_of_a_model_without_positions_fail_unread() -> None:
    models = (linked("a" * 24, (0,), empty=True), linked("b" * 24, (1,)))
    with house(ON_TARGET, ON_TARGET) as parts:
        parts.models.models = {one.model_id: one for one in models}
        [page] = told(parts, "")
    assert [(one.state, type(one.error)) for one in page] == [
        (DriftState.FAILED, ModelWithoutPositions),
        (DriftState.IN_BAND, type(None)),
    ]
    assert page[0].snapshot_time is None
    assert parts.portfolios.asked == [portfolio_id(1)]


def test_a_model_without_portfolios_has_no_page() -> None:
    with house() as parts:
        assert told(parts) == []
        assert parts.market.calls == 0


def test_a_model_that_is_not_there() -> None:
    with house() as parts, pytest.raises(NotFound):
        told(parts, "f" * 24)


@pytest.mark.parametrize("problem", [SiblingUnavailable("down"), DeadlineExceeded("late")])
def test_what_stops_the_check_is_raised_after_what_was_read(problem: OrderGenerationError) -> None:
    with house(ON_TARGET, OVER, OVER, problem, ON_TARGET) as parts, checks(parts, window=1) as checking:
        pages = checking.check(MODEL_ID, 2, Deadline.after(PATIENCE))
        assert until_raised(pages, type(problem)) == [2, 1]
        assert parts.portfolios.asked == [portfolio_id(number) for number in range(4)]
    with house(ON_TARGET, market=problem) as parts, pytest.raises(type(problem)):
        told(parts)


@pytest.mark.parametrize("problem", [SiblingUnavailable("down"), DeadlineExceeded("late")])
def test_what_stops_the_page_ahead_is_raised_in_its_place(problem: OrderGenerationError) -> None:
    with house(ON_TARGET, OVER, problem) as parts, checks(parts) as checking:
        pages = checking.check(MODEL_ID, 2, Deadline.after(PATIENCE))
        assert len(next(pages)) == 2
        eventually(lambda: len(parts.portfolios.asked) == 3)
        with pytest.raises(type(problem)):
            next(pages)


def test_prices_of_the_page_ahead_that_cannot_be_read_are_told_in_its_place() -> None:
    models = (linked("a" * 24, (0, 1)), linked("b" * 24, (2,)))
    with house(ON_TARGET, OVER, NEW) as parts, checks(parts) as checking:
        parts.models.models = {one.model_id: one for one in models}
        parts.portfolios.before = lambda _: setattr(parts.market, "answer", SiblingUnavailable("down"))
        assert until_raised(checking.check("", 2, Deadline.after(PATIENCE)), SiblingUnavailable) == [2]


def until_raised(pages: Iterator[Sequence[PortfolioDrift]], kind: type[Exception]) -> list[int]:
    """The sizes of the pages before an error."""
    sizes: list[int] = []
    with pytest.raises(kind):
        sizes.extend(map(len, pages))
    return sizes


def test_portfolios_wait_for_the_permits_that_runs_take_too() -> None:
    permits = Granted(3)
    with house(*[ON_TARGET] * 3) as parts, checks(parts, permits) as checking:
        pages = checking.check(MODEL_ID, 2, Deadline.after(PATIENCE))
        waited = [next(pages) for _ in range(3)]
        assert waited == [[], [], []]
        assert parts.portfolios.asked == []
        assert [len(page) for page in pages] == [2, 1]
    assert permits.counts == [2, 2, 2, 2, 1]


class Rationed:
    """Permits for one page, and for more once there are some."""

    def __init__(self) -> None:
        self.left = 1

    def take(self, count: int) -> bool:
        del count
        self.left -= 1
        return self.left >= 0


def test_nothing_is_read_ahead_without_permits() -> None:
    permits = Rationed()
    with house(*[ON_TARGET] * 3) as parts, checks(parts, permits) as checking:
        pages = checking.check(MODEL_ID, 2, Deadline.after(PATIENCE))
        told = [len(next(pages)) for _ in range(3)]
        assert (told, len(parts.portfolios.asked)) == ([2, 0, 0], 2)
        permits.left = 1
        assert [len(page) for page in pages] == [1]


def test_permits_that_do_not_come_before_the_deadline() -> None:
    with house(ON_TARGET) as parts, checks(parts, Granted(10**9)) as checking:
        with pytest.raises(DeadlineExceeded):
            list(each(checking.check(MODEL_ID, 0, Deadline.after(0.05))))
        assert parts.portfolios.asked == []


def test_a_caller_that_leaves_ends_the_check() -> None:
    gate, gone = Event(), Event()

    def leave(_: str) -> None:
        gone.set()
        gate.wait(PATIENCE)

    with house(*[ON_TARGET] * 20, before=leave) as parts, checks(parts) as checking:
        try:
            with pytest.raises(Cancelled):
                list(checking.check(MODEL_ID, 0, Deadline.after(PATIENCE).unless(gone.is_set)))
        finally:
            gate.set()
    assert len(parts.portfolios.asked) < 20


def test_checks_have_room_of_their_own_and_give_it_back() -> None:
    """Callers who do not read what they are told keep others from checking, and nobody from rebalancing."""
    with house(*[ON_TARGET] * 3) as parts, checks(parts) as checking:
        first, second, third, fourth = (
            checking.check(MODEL_ID, 1, Deadline.after(PATIENCE)) for _ in range(4)
        )
        next(first)
        next(second)
        with pytest.raises(ResourceExhausted):
            next(third)
        with parts.holder.previewing(), parts.holder.previewing():
            pass
        first.close()
        assert len(list(fourth)) == 3
        second.close()


def test_a_check_of_drift_tells_who_is_not_to_be_traded_with_every_number() -> None:
    with house(BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(DoNotTrade("Closed.", TODAY)))
        parts.settings.put(portfolio_id(1), SettingsContent(DoNotTrade("Closed.", TODAY - timedelta(days=1))))
        with checks(parts) as checking:
            (page,) = checking.check(MODEL_ID, 0, Deadline.after(PATIENCE))
        reads = parts.settings.reads
    first, second = sorted(page, key=lambda one: one.portfolio_id)
    assert (first.state, second.state) == (DriftState.DO_NOT_TRADE, DriftState.NEW)
    assert replace(first, portfolio_id="", portfolio_name="", state=second.state) == replace(
        second, portfolio_id="", portfolio_name=""
    )
    assert [len(one) for one in reads] == [2]


def test_who_is_not_to_be_traded_is_known_before_anything_is_read() -> None:
    """Nothing need be asked of the database once the time is over: what was read by then is told."""
    asked: list[int] = []
    with house(*[ON_TARGET] * 4) as parts:
        parts.portfolios.before = lambda _: asked.append(sum(map(len, parts.settings.reads)))
        pages = told(parts, page_size=2)
        reads = [len(one) for one in parts.settings.reads]
    assert list(map(len, pages)) == reads == [2, 2]
    assert sorted(asked) == [2, 2, 4, 4]
