"""Who follows a run and is cut off goes on after the last message, for as long as that is of use."""

import pytest
from globeco.ordergen.v1 import order_pb2
from globeco.ordergen.v1 import rebalance_service_pb2 as pb

from ordergen_client.errors import OrderGenerationError
from ordergen_client.following_up import FIRST_TRIES, Patience, Place

DOWN = OrderGenerationError("UNAVAILABLE", "down")
PATIENCE = Patience(total_seconds=1000, silence_seconds=60)


class Clock:
    """Stands still until it is set on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def message(sequence: int, kind: str = "portfolio") -> pb.RebalanceModelResponse:
    told = pb.RebalanceModelResponse(sequence=sequence)
    getattr(told, kind).SetInParent()
    return told


def place(clock: Clock | None = None, *, after: int = 0, known: bool = False) -> Place:
    request = pb.WatchRebalanceRequest(rebalance_id="a" * 24, after_sequence=after)
    return Place(request, PATIENCE, known=known, clock=clock or Clock())


def test_what_was_heard_is_not_asked_for_again() -> None:
    at = place()
    told = [message(1, "started"), message(2), message(2), message(1)]
    assert [at.take(one) for one in told] == [True, True, False, False]
    assert at.request().after_sequence == 2
    assert not at.ended
    assert at.take(message(3, "finished"))
    assert at.ended


def test_a_gap_is_no_run() -> None:
    at = place(after=5)
    assert at.take(message(6))
    with pytest.raises(OrderGenerationError, match="message 8 of the run came after message 6"):
        at.take(message(8))


def test_a_submission_has_gaps_where_orders_changed_more_than_once() -> None:
    request = order_pb2.WatchOrderSubmissionRequest(submission_id="a" * 24)
    at = Place(request, PATIENCE, gapless=False, clock=Clock())
    told = [order_pb2.WatchOrderSubmissionResponse(sequence=one) for one in (1, 4, 4, 3, 9)]
    assert [at.take(one) for one in told] == [True, True, False, False, True]
    assert request.after_sequence == 9
    assert not at.ended
    end = order_pb2.WatchOrderSubmissionResponse(sequence=12)
    end.finished.SetInParent()
    assert at.take(end)
    assert at.ended


@pytest.mark.parametrize(
    ("code", "reason", "goes_on"),
    [
        ("UNAVAILABLE", "", True),
        ("UNAVAILABLE", "DATABASE_UNAVAILABLE", True),
        ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", True),
        ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS", True),
        ("RESOURCE_EXHAUSTED", "", False),  # a message that is too large will be again
        ("INTERNAL", "", True),  # a stream that was reset on the way
        ("INTERNAL", "INTERNAL", False),
        ("CANCELLED", "", True),
        ("NOT_FOUND", "NOT_FOUND", False),
        ("UNAUTHENTICATED", "UNAUTHENTICATED", False),
        ("DATA_LOSS", "", False),
    ],
)
def test_only_what_is_cut_off_goes_on(code: str, reason: str, *, goes_on: bool) -> None:
    at, error = place(known=True), OrderGenerationError(code, "told", reason=reason)
    if goes_on:
        assert 0 <= at.pause_seconds(error) <= 0.1
    else:
        with pytest.raises(OrderGenerationError) as told:
            at.pause_seconds(error)
        assert told.value is error


def test_a_server_of_which_nothing_was_heard_is_tried_a_few_times() -> None:
    at = place()
    for _ in range(FIRST_TRIES - 1):
        at.pause_seconds(DOWN)
    with pytest.raises(OrderGenerationError) as told:
        at.pause_seconds(DOWN)
    assert told.value is DOWN


def test_one_that_was_heard_is_waited_for_as_long_as_was_agreed() -> None:
    clock = Clock()
    at = place(clock)
    at.take(message(1, "started"))
    for _ in range(100):
        assert at.pause_seconds(DOWN) <= 2
    clock.seconds = 59
    at.pause_seconds(DOWN)
    at.take(message(2))
    clock.seconds = 118
    at.pause_seconds(DOWN)
    clock.seconds = 119
    with pytest.raises(OrderGenerationError):
        at.pause_seconds(DOWN)


def test_no_run_is_followed_longer_than_was_agreed() -> None:
    clock = Clock()
    at = place(clock, known=True)
    clock.seconds = 999.99
    at.take(message(1, "started"))
    assert at.pause_seconds(OrderGenerationError("UNAVAILABLE", "", retry_after_seconds=5)) <= 0.02
    clock.seconds = 1000
    with pytest.raises(OrderGenerationError):
        at.pause_seconds(DOWN)


def test_the_server_says_when_to_come_again() -> None:
    full = OrderGenerationError("RESOURCE_EXHAUSTED", "", reason="TOO_MANY_CALLS", retry_after_seconds=3)
    assert place().pause_seconds(full) == 3
