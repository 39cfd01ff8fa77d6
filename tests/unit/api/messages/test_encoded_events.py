"""Results are encoded once for all that watch, and kept as long as there is room."""

from dataclasses import replace

import pytest

from ordergen_server.api.messages import encoded_events, encoding
from ordergen_server.api.messages.encoded_events import EncodedEvents
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.rebalances.results import View
from ordergen_server.domain.rebalances.runs import RunEvent, RunFinished, RunStarted
from tests.builders import rebalance, result


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sequences of what was encoded."""
    sequences: list[int] = []

    def run_event(event: RunEvent, rule: ApprovalRule | None = None) -> bytes:
        sequences.append(event.sequence)
        return encoding.run_event(event, rule)

    monkeypatch.setattr(encoded_events, "run_event", run_event)
    return sequences


def event(sequence: int) -> RunEvent:
    return RunEvent(sequence, result(sequence, sequence=sequence))


def test_a_result_is_encoded_once(made: list[int]) -> None:
    events = EncodedEvents()
    told = [events.encoded(event(sequence), View.FULL) for sequence in (2, 3, 2, 3)]
    assert told == [encoding.run_event(event(sequence)) for sequence in (2, 3, 2, 3)]
    assert made == [2, 3]


def test_each_view_is_another_message(made: list[int]) -> None:
    events = EncodedEvents()
    for view in (View.FULL, View.BASIC, View.FULL):
        events.encoded(event(2), view)
    assert made == [2, 2]


def test_the_last_that_were_told_are_kept(made: list[int]) -> None:
    size = len(encoding.run_event(event(2)))
    events = EncodedEvents(2 * size)
    for sequence in (2, 3, 2, 4, 2, 3):
        events.encoded(event(sequence), View.FULL)
    assert made == [2, 3, 4, 3]


def test_a_result_above_the_room_is_told_all_the_same() -> None:
    events = EncodedEvents(1)
    expected = encoding.run_event(event(2))
    assert [events.encoded(event(2), View.FULL) for _ in range(2)] == [expected] * 2


def test_what_is_no_stored_result_is_made_each_time(made: list[int]) -> None:
    """A run changes, and previews have no id: two of them may have other results."""
    events = EncodedEvents()
    preview = RunEvent(2, replace(result(), rebalance_id=""))
    for one in (RunEvent(1, RunStarted(rebalance())), preview, RunEvent(3, RunFinished(rebalance()))) * 2:
        events.encoded(one, View.FULL)
    assert made == [1, 2, 3] * 2
