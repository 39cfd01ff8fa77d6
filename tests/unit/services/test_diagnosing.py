"""Everything that the server depends on is asked side by side, once for all who want to know."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.diagnostics import WELL, DependencyState, Finding
from ordergen_server.domain.errors import Cancelled, DatabaseUnavailable, DeadlineExceeded
from ordergen_server.domain.subjects import READ, CredentialType, Subject, acting_as
from ordergen_server.services.diagnosing import DatabaseDependency, Diagnostics
from tests.builders import NOW
from tests.limits import PATIENCE
from tests.unit.api.serving import FakeDatabase
from tests.waiting import eventually

DOWN = Finding(DependencyState.UNAVAILABLE, "It is down.", "Bring it up.")


class Part:
    """Answers what it is told, and counts how often it was asked."""

    def __init__(self, name: str, answer: Callable[[], Finding] = lambda: WELL) -> None:
        self.name = name
        self.answer = answer
        self.asked: list[float] = []

    def look(self, timeout_seconds: float) -> Finding:
        self.asked.append(timeout_seconds)
        return self.answer()


class Hanging(Part):
    """Answers once it is let go."""

    def __init__(self, name: str = "hanging") -> None:
        super().__init__(name, self._wait)
        self.let_go = Event()

    def _wait(self) -> Finding:
        assert self.let_go.wait(PATIENCE)
        return WELL


@contextmanager
def diagnosing(
    parts: Sequence[Part], *, look_seconds: float = PATIENCE, shared_seconds: float = PATIENCE
) -> Iterator[Diagnostics]:
    """What asks these parts; those that hang are let go at the end."""
    with ThreadPoolExecutor(len(parts)) as threads:
        try:
            yield Diagnostics(
                parts,
                threads,
                version="1.2.3",
                clock=lambda: NOW,
                look_seconds=look_seconds,
                shared_seconds=shared_seconds,
            )
        finally:
            for one in parts:
                if isinstance(one, Hanging):
                    one.let_go.set()


def patient() -> Deadline:
    return Deadline.after(PATIENCE)


def test_it_says_how_each_is_in_their_order_and_who_asks() -> None:
    parts = [Part("database"), Part("pricing", lambda: DOWN)]
    ann = Subject("ann", frozenset({READ}), CredentialType.TOKEN)
    with diagnosing(parts) as diagnostics, acting_as(ann):
        found = diagnostics.diagnose(patient())
    assert (found.version, found.time, found.caller) == ("1.2.3", NOW, ann)
    assert [(one.name, one.finding) for one in found.dependencies] == [("database", WELL), ("pricing", DOWN)]
    assert all(0 <= one.seconds < PATIENCE for one in found.dependencies)
    assert [one.asked for one in parts] == [[PATIENCE], [PATIENCE]]


def test_they_are_asked_side_by_side() -> None:
    """Each answers once all were asked."""
    all_asked = Barrier(3)

    def met() -> Finding:
        all_asked.wait(PATIENCE)
        return WELL

    with diagnosing([Part(name, met) for name in "abc"]) as diagnostics:
        found = diagnostics.diagnose(patient())
    assert [one.finding for one in found.dependencies] == [WELL] * 3


def test_one_that_hangs_keeps_nothing_of_the_others_back_and_is_not_asked_again() -> None:
    hanging, well = Hanging(), Part("well")
    with diagnosing([hanging, well], look_seconds=0.05, shared_seconds=0) as diagnostics:

        def found_well() -> bool:
            one, other = diagnostics.diagnose(patient()).dependencies
            assert one.finding.state is DependencyState.UNAVAILABLE
            assert one.finding.problem.startswith("Nothing has come from hanging for ")
            assert one.finding.advice.startswith("See whether it is overloaded")
            assert one.seconds >= 0.05
            return other.finding == WELL

        for _ in range(2):
            eventually(found_well)
        assert len(hanging.asked) == 1
        assert len(well.asked) >= 2
        hanging.let_go.set()
        eventually(lambda: diagnostics.diagnose(patient()).dependencies[0].finding == WELL)


def test_a_caller_with_little_time_has_what_is_known_by_then() -> None:
    hanging = Hanging()
    with diagnosing([hanging, Part("well")]) as diagnostics:
        (one, _) = diagnostics.diagnose(Deadline.after(1)).dependencies
    assert one.finding.state is DependencyState.UNAVAILABLE
    assert one.finding.advice.startswith("Give the call more time")
    assert len(hanging.asked) == 1


def test_many_who_ask_at_once_have_one_answer() -> None:
    hanging = Hanging()
    with diagnosing([hanging]) as diagnostics, ThreadPoolExecutor(20) as callers:
        asked = [callers.submit(diagnostics.diagnose, patient()) for _ in range(20)]
        eventually(lambda: hanging.asked)
        hanging.let_go.set()
        found = {one.result(PATIENCE).dependencies for one in asked}
    assert (len(found), len(hanging.asked)) == (1, 1)


def test_an_answer_is_everybodys_for_a_while_and_no_longer() -> None:
    kept, fresh = Part("kept"), Part("fresh")
    with diagnosing([kept]) as diagnostics:
        assert diagnostics.diagnose(patient()).dependencies == diagnostics.diagnose(patient()).dependencies
    with diagnosing([fresh], shared_seconds=0) as diagnostics:
        for _ in range(2):
            diagnostics.diagnose(patient())
    assert (len(kept.asked), len(fresh.asked)) == (1, 2)


def test_a_mistake_of_ours_is_none_of_the_dependencys_and_is_not_kept() -> None:
    def wrong() -> Finding:
        raise ZeroDivisionError

    part = Part("any", wrong)
    with diagnosing([part]) as diagnostics:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                diagnostics.diagnose(patient())
        part.answer = lambda: WELL
        assert diagnostics.diagnose(patient()).dependencies[0].finding == WELL


def test_nobody_waits_for_what_comes_too_late() -> None:
    with diagnosing([Part("any")]) as diagnostics:
        with pytest.raises(DeadlineExceeded):
            diagnostics.diagnose(Deadline.after(-1))
        with pytest.raises(Cancelled):
            diagnostics.diagnose(patient().unless(lambda: True))


@pytest.mark.parametrize(
    "failure",
    [DatabaseUnavailable("The database does not answer: try again."), DeadlineExceeded("Late: wait.")],
)
def test_a_database_that_does_not_answer_is_told_with_what_to_look_at(failure: Exception) -> None:
    database = FakeDatabase()
    dependency = DatabaseDependency(database)
    assert (dependency.name, dependency.look(PATIENCE)) == ("database", WELL)
    database.failure = failure
    found = dependency.look(PATIENCE)
    assert found.state is DependencyState.UNAVAILABLE
    assert found.problem in ("The database does not answer.", "Late.")
    assert "ORDERGEN_MONGODB_URI" in found.advice
    database.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        dependency.look(PATIENCE)
