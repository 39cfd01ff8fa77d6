"""Checks of drift beside other processes, which die or never answer: each portfolio is told once."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.drifts import PortfolioDrift
from ordergen_server.domain.errors import (
    BadData,
    Cancelled,
    DeadlineExceeded,
    Resource,
    SiblingUnavailable,
    Violation,
)
from ordergen_server.domain.market import Holdings, NoPrice, Quoted
from ordergen_server.domain.models import Model, ModelContent
from ordergen_server.domain.origin import Origin, working_for
from ordergen_server.services.desk import lending
from ordergen_server.services.desk.drift_checks import DriftChecks
from ordergen_server.services.desk.judging import Checked, DriftTask, Judge, Judged
from ordergen_server.services.desk.lending import LEAST, SECURITIES_A_PORTFOLIO
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.chunk_executor import WorkerLost
from tests.builders import MODEL_ID, NOW, holdings, portfolio_id, position, security_id, snapshot
from tests.limits import PATIENCE
from tests.unit.services.desk.checking import checks
from tests.unit.services.runs import House, house
from tests.waiting import eventually

PIECE = 32
ON_TARGET = holdings("90", {1: "1"})
BAD = BadData("bad", metadata={"a": "b"}, violations=[Violation("a", "b")], resource=Resource("Price", "TWO"))


@dataclass
class Others:
    """Idle processes, of which each judges at once, in this thread; all it is given and answers is sent.

    Attributes:
        work: reads for them.
        idle: how many there are.
        answers: whether one that is given a task answers it.
        lost: whether it dies of it.
    """

    work: PortfolioWork
    piece: int = PIECE
    idle: int = 2
    answers: Callable[[DriftTask], bool] = lambda _: True
    lost: Callable[[DriftTask], bool] = lambda _: False
    given: list[DriftTask] = field(default_factory=list)
    given_up: list[DriftTask] = field(default_factory=list)
    unanswered: dict[DriftTask, Future[Judged]] = field(default_factory=dict)

    def judge(self, task: DriftTask, checked: Checked) -> Future[Judged] | None:
        if len(self.unanswered) >= self.idle:
            return None
        self.given.append(task)
        answer = Future[Judged]()
        if self.lost(task):
            answer.set_exception(WorkerLost("it died"))
        elif self.answers(task):
            sent, market = pickle.loads(pickle.dumps((task, checked)))  # noqa: S301 - our own
            answer.set_result(pickle.loads(pickle.dumps(Judge(market).read(self.work, sent))))  # noqa: S301 - our own
        else:
            self.unanswered[task] = answer
        return answer

    def give_up(self, task: DriftTask) -> None:
        self.given_up.append(task)
        self.unanswered.pop(task).set_exception(WorkerLost("it was ended"))

    @property
    def sizes(self) -> list[int]:
        return [len(task.portfolio_ids) for task in self.given]


@dataclass
class World:
    parts: House
    others: Others
    checks: DriftChecks

    def pages(
        self, page_size: int = 0, deadline: Deadline | None = None
    ) -> Iterator[Sequence[PortfolioDrift]]:
        return self.checks.check(MODEL_ID, page_size, deadline or Deadline.after(PATIENCE))

    def told(self, page_size: int = 0) -> list[str]:
        return [one.portfolio_id for page in self.pages(page_size) for one in page]

    @property
    def asked(self) -> list[str]:
        """What was read, by whomever."""
        return sorted(self.parts.portfolios.asked)


@contextmanager
def world(*answers: Holdings | Exception) -> Iterator[World]:
    others: list[Others] = []

    def made(work: PortfolioWork) -> Others:
        others.append(Others(work))
        return others[0]

    with house(*answers) as parts, checks(parts, idle=made) as checking:
        yield World(parts, others[0], checking)


def ids(count: int) -> list[str]:
    return [portfolio_id(number) for number in range(count)]


def test_idle_processes_get_all_in_pieces_of_one_size() -> None:
    with world(*[ON_TARGET] * 100) as one:
        assert sorted(one.told()) == one.asked == ids(100)
    assert one.others.sizes == [25] * 4
    assert one.parts.market.calls == 1


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (LEAST - 1, []),
        (LEAST, [LEAST]),
        (PIECE, [PIECE]),
        (PIECE + 1, [17, 16]),
        (3 * PIECE, [PIECE] * 3),
    ],
)
def test_pieces_are_worth_sending_and_keep_a_run_for_no_longer_than_need_be(
    count: int, sizes: list[int]
) -> None:
    with world(*[ON_TARGET] * count) as one:
        assert sorted(one.told()) == one.asked == ids(count)
    assert one.others.sizes == sizes


def test_what_they_answer_is_what_would_be_read_here() -> None:
    """Empty, drifted, failed and unpriced ones among them; with the time of the one reading of prices."""
    kinds = (
        ON_TARGET,
        holdings("50", {1: "5"}),
        holdings("100"),
        holdings("0"),
        holdings("-1"),
        holdings("1", {2: "5"}),
        holdings("1", {3: "5"}),
    )
    with world(*kinds * 8) as lent, world(*kinds * 8) as here:
        for one in (lent, here):
            priced = snapshot({1: "10"})
            unpriced: dict[str, Quoted] = {security_id(2): NoPrice("TWO", BAD), security_id(3): BAD}
            one.parts.market.answer = replace(priced, quotes=MappingProxyType({**priced.quotes, **unpriced}))
        here.others.idle = 0
        assert list(lent.pages()) == list(here.pages())
    assert (len(lent.others.given), len(here.others.given)) == (2, 0)


def test_what_nobody_takes_any_more_is_read_here() -> None:
    """A run has begun: of two, one is at work for it after its first piece, and the other soon, too."""
    with world(*[ON_TARGET] * 200) as one:

        def work_for_a_run(_: DriftTask) -> bool:
            one.others.idle = 0
            return True

        one.others.answers = work_for_a_run
        assert sorted(one.told()) == one.asked == ids(200)
    assert one.others.sizes == [29]


def test_portfolios_of_a_process_that_dies_are_read_here() -> None:
    with world(*[ON_TARGET] * 100) as one:
        one.others.lost = lambda task: portfolio_id(30) in task.portfolio_ids
        assert sorted(one.told()) == one.asked == ids(100)
    assert len(one.others.given) == 4


def test_a_process_that_does_not_answer_is_ended_and_its_portfolios_are_read_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lending, "SILENT_SECONDS", 0.3)
    with world(*[ON_TARGET] * 100) as one:
        one.others.answers = lambda task: portfolio_id(30) not in task.portfolio_ids
        assert sorted(one.told()) == one.asked == ids(100)
    assert [task.portfolio_ids[0] for task in one.others.given_up] == [portfolio_id(25)]


def test_who_leaves_has_nothing_more_lent() -> None:
    with world(*[ON_TARGET] * 200) as one:
        one.others.answers = lambda task: portfolio_id(0) in task.portfolio_ids
        gone = iter([False] * 8)
        stopping = Deadline.after(PATIENCE).unless(lambda: next(gone, True))
        with pytest.raises(Cancelled):
            list(one.pages(deadline=stopping))
    assert one.others.given_up == []
    assert sum(one.others.sizes) < 200


def test_while_a_page_is_taken_each_process_has_one_piece_of_the_next() -> None:
    with world(*[ON_TARGET] * 400) as one:
        pages = one.pages(page_size=100)
        one.others.answers = lambda task: task.portfolio_ids[0] < portfolio_id(100)
        assert len(next(pages)) == 100
        assert one.others.sizes == [25] * 6
        assert one.asked == ids(100)  # nothing of the next page is read here


def test_what_stops_the_check_is_raised_after_what_was_read() -> None:
    answers: list[Holdings | Exception] = [ON_TARGET] * 100
    answers[40] = SiblingUnavailable("down")
    with world(*answers) as one:
        pages = one.pages()
        known = [drift.portfolio_id for drift in next(pages)]
        with pytest.raises(SiblingUnavailable):
            next(pages)
    assert {*ids(25), *ids(100)[50:]} <= set(known)
    assert portfolio_id(40) not in known


def test_what_others_have_under_way_is_told_before_what_stops_the_check_and_nothing_more_is_lent() -> None:
    answers: list[Holdings | Exception] = [ON_TARGET] * 200
    answers[0] = SiblingUnavailable("down")
    with world(*answers) as one:
        one.others.answers = lambda _: False
        with ThreadPoolExecutor(1) as thread:
            pages = one.pages()
            page = thread.submit(next, pages)
            eventually(lambda: len(one.others.given) == 2)
            for task, answer in list(one.others.unanswered.items()):
                del one.others.unanswered[task]
                answer.set_result(Judge(checked_of(one, task)).read(one.others.work, task))
            known = [drift.portfolio_id for drift in page.result(PATIENCE)]
            with pytest.raises(SiblingUnavailable):
                next(pages)
    assert set(ids(200)[29:58]) <= set(known)
    assert (portfolio_id(0) in known, len(one.others.given)) == (False, 2)


def test_a_bug_in_a_process_is_no_lost_process() -> None:
    with world(*[ON_TARGET] * 40) as one:

        def stumble(_: DriftTask) -> bool:
            raise ZeroDivisionError

        one.others.answers = stumble
        with pytest.raises(ZeroDivisionError):
            one.told()


def test_they_work_for_the_call_that_asks() -> None:
    with world(*[ON_TARGET] * 40) as one, working_for(Origin({"a": "b"}, {"x": "y"}, object())):
        one.told()
    assert {(str(task.origin.fields), str(task.origin.headers)) for task in one.others.given} == {
        ("{'a': 'b'}", "{'x': 'y'}")
    }


def test_pieces_are_of_one_model_and_each_process_can_tell_which() -> None:
    with world(*[ON_TARGET] * 60) as one:
        halves = [("a" * 24, range(30)), ("b" * 24, range(30, 60))]
        one.parts.models.models = {
            model_id: Model(
                model_id,
                ModelContent(f"Model {model_id[0]}", (position(1),), tuple(map(portfolio_id, numbers))),
                1,
                NOW,
                NOW,
            )
            for model_id, numbers in halves
        }
        [page] = one.checks.check("", 0, Deadline.after(PATIENCE))
    names = {drift.portfolio_id: drift.model_name for drift in page}
    assert [names[portfolio_id(number)] for number in (0, 29, 30, 59)] == ["Model a"] * 2 + ["Model b"] * 2
    assert one.others.sizes == [30, 30]
    assert len({task.look_id for task in one.others.given}) == 2


def test_the_rest_of_a_page_waits_for_what_is_lent() -> None:
    """Nothing is read here while a process works on the page: it takes the next piece when it is done."""
    with world(*[ON_TARGET] * 100) as one:
        one.others.idle = 1
        one.others.answers = lambda _: False
        with ThreadPoolExecutor(1) as thread:
            told = thread.submit(one.told)
            for number in range(4):
                eventually(lambda: len(one.others.given) == number + 1)  # noqa: B023 - called at once
                assert one.asked == ids(25 * number)
                task, answer = one.others.unanswered.popitem()
                task_read = Judge(checked_of(one, task)).read(one.others.work, task)
                answer.set_result(task_read)
            assert sorted(told.result(PATIENCE)) == one.asked == ids(100)


def checked_of(one: World, task: DriftTask) -> Checked:
    return Checked(task.look_id, one.parts.model, 1, one.parts.market.snapshot(PATIENCE))


@pytest.mark.parametrize(("securities", "lent"), [(0, 1), (1, 0)])
def test_a_market_that_costs_more_to_send_than_it_saves_is_read_here(securities: int, lent: int) -> None:
    with world(*[ON_TARGET] * LEAST) as one:
        most = SECURITIES_A_PORTFOLIO * LEAST
        one.parts.market.answer = snapshot({1: "10", **dict.fromkeys(range(2, most + securities + 1), "1")})
        assert sorted(one.told()) == one.asked == ids(LEAST)
    assert len(one.others.given) == lent


def test_a_market_that_does_not_have_all_quotes_is_not_sent() -> None:
    with world(*[ON_TARGET] * 100) as one:
        one.parts.market.answer = replace(snapshot({1: "10"}), prices={})
        assert sorted(one.told()) == ids(100)
    assert one.others.given == []


def test_what_processes_have_not_answered_by_the_deadline_is_told_to_be_late() -> None:
    with world(*[ON_TARGET] * 100) as one:
        one.others.answers = lambda task: portfolio_id(30) not in task.portfolio_ids
        pages = one.pages(deadline=Deadline.after(1))
        known = [drift.portfolio_id for drift in next(pages)]
        with pytest.raises(DeadlineExceeded):
            next(pages)
    assert sorted(known) == one.asked == ids(25) + ids(100)[50:]
    assert one.others.given_up == []


def test_all_models_of_a_check_share_the_market_that_they_were_given() -> None:
    """One of many securities is kept once, not once for each model of a page."""
    with world(*[ON_TARGET] * 60) as one:
        quotes = MappingProxyType(snapshot({1: "10"}).quotes)
        one.parts.market.answer = replace(snapshot({1: "10"}), quotes=quotes)
        sent: list[object] = []
        judge = one.others.judge

        def noting(task: DriftTask, checked: Checked) -> Future[Judged] | None:
            sent.append(checked.market and checked.market.quotes)
            return judge(task, replace(checked, market=snapshot({1: "10"})))

        one.others.judge = noting  # type: ignore[method-assign] # for this test
        one.told()
    assert all(market is quotes for market in sent)
    assert len(sent) == 2
