"""A run is written down as it goes, without gaps."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ordergen_server.domain.errors import Infeasible, SiblingUnavailable
from ordergen_server.domain.rebalances import PortfolioState, Rebalance, RebalanceState
from ordergen_server.services.recorder import Recorder
from tests.builders import NOW, model, rebalance, result
from tests.fakes import MemoryModels, MemoryRuns

LATER = NOW + timedelta(seconds=3)
State = PortfolioState


class Recording:
    """A run being recorded, and what it told."""

    def __init__(self, *states: PortfolioState) -> None:
        self.runs = MemoryRuns()
        self.models = MemoryModels(model())
        self.changes = 0
        self.recorder = Recorder(rebalance(), self.runs, self.models, lambda: LATER, self.changed)
        self.recorder.start()
        self.recorder.add(replace(result(number), state=state) for number, state in enumerate(states))

    def changed(self) -> None:
        self.changes += 1

    @property
    def stored(self) -> Rebalance:
        return self.runs.get(rebalance().rebalance_id)


def test_a_run_begins_as_it_was_given() -> None:
    assert Recording().stored == rebalance()


def test_sequences_have_no_gaps_over_all_batches() -> None:
    """The start of the run is the first, so that results begin with 2."""
    recording = Recording(State.REBALANCED, State.FAILED)
    recording.recorder.add([])
    recording.recorder.add([result(2)])
    assert [one.sequence for one in recording.runs.results] == [2, 3, 4]


def test_those_who_watch_are_told_of_every_write() -> None:
    recording = Recording(State.REBALANCED)
    before = recording.changes
    recording.recorder.finish()
    assert (before, recording.changes) == (1, 2)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), RebalanceState.COMPLETED),
        ((State.REBALANCED, State.NO_ACTION), RebalanceState.COMPLETED),
        ((State.REBALANCED, State.INFEASIBLE), RebalanceState.COMPLETED_WITH_ERRORS),
        ((State.FAILED,), RebalanceState.COMPLETED_WITH_ERRORS),
        ((State.SKIPPED,), RebalanceState.COMPLETED_WITH_ERRORS),
    ],
)
def test_how_a_run_ends_of_itself(states: tuple[PortfolioState, ...], expected: RebalanceState) -> None:
    recording = Recording(*states)
    ended = recording.recorder.finish()
    assert ended == recording.stored
    assert ended == replace(
        rebalance(), state=expected, finish_time=LATER, counts=dict.fromkeys(states, 1), version=2
    )


def test_a_run_that_stopped_keeps_why() -> None:
    error = SiblingUnavailable("down")
    ended = Recording(State.SKIPPED).recorder.finish(error)
    assert (ended.state, ended.error) == (RebalanceState.FAILED, error)


def test_a_cancelled_run() -> None:
    assert Recording().recorder.finish(cancelled=True).state is RebalanceState.CANCELLED


@pytest.mark.parametrize(
    ("state", "expected"),
    [(State.REBALANCED, LATER), (State.NO_ACTION, None), (State.INFEASIBLE, None), (State.FAILED, None)],
)
def test_a_model_was_rebalanced_only_if_something_trades(state: PortfolioState, expected: object) -> None:
    """A run does not change the model's version."""
    recording = Recording(state)
    recording.recorder.finish(Infeasible("no answer"))
    stored = recording.models.get(model().model_id)
    assert (stored.last_rebalance_time, stored.version) == (expected, model().version)
