"""Tells a submission to anyone, from any point: what is stored, and what comes."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from threading import Event

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.orders.order_store import OrderStore
from ordergen_server.domain.orders.orders import Order
from ordergen_server.domain.orders.submissions import OrderSubmission, SubmissionState, SubmittedPortfolio
from ordergen_server.domain.requests.violations import broken

#: How many changes are read from the store at once.
BATCH = 256
FIRST = 1


@dataclass(frozen=True, slots=True)
class SubmissionStarted:
    """A submission has begun."""

    submission: OrderSubmission


@dataclass(frozen=True, slots=True)
class SubmissionFinished:
    """A submission has ended."""

    submission: OrderSubmission


@dataclass(frozen=True, slots=True)
class SubmissionEvent:
    """One message of a submission; sequences rise."""

    sequence: int
    event: SubmissionStarted | Order | SubmittedPortfolio | SubmissionFinished


#: Events as they come; an empty batch says that there is nothing yet: ask again after a change.
SubmissionEvents = Generator[Sequence[SubmissionEvent], None, None]


def watch_submission(
    store: OrderStore, submission_id: str, after_sequence: int, deadline: Deadline, gone: Event
) -> SubmissionEvents:
    """What becomes of a submission after a point, until it ends, or the caller is `gone`.

    The submission is read first, and then what changed until then: what changes meanwhile has a later
    sequence, and comes with the next reading.

    Raises:
        NotFound: there is no such submission.
        InvalidArgument: it has not come so far.
        DeadlineExceeded: it is not over in time.
    """
    sequence = after_sequence
    while not gone.is_set():
        deadline.remaining_seconds("the submission ended")
        found = store.get(submission_id)
        _check_place(after_sequence, found)
        over = found.state is not SubmissionState.RUNNING
        last = found.sequence - over
        events = []
        if sequence < FIRST:
            events.append(SubmissionEvent(FIRST, SubmissionStarted(_as_it_began(found))))
            sequence = FIRST
        changed = store.changed_after(submission_id, sequence, last, BATCH) if sequence < last else ()
        events += [SubmissionEvent(one.sequence, one) for one in changed]
        sequence = changed[-1].sequence if len(changed) == BATCH else max(sequence, last)
        if over and sequence >= last:
            if sequence == last:
                events.append(SubmissionEvent(found.sequence, SubmissionFinished(found)))
            yield events
            return
        yield events


def _check_place(after_sequence: int, found: OrderSubmission) -> None:
    if not 0 <= after_sequence <= found.sequence:
        rule = f"must be from 0 to {found.sequence}, the last message of the submission so far"
        raise broken("after_sequence", rule, after_sequence)


def _as_it_began(found: OrderSubmission) -> OrderSubmission:
    return replace(
        found,
        state=SubmissionState.RUNNING,
        counts={},
        stale_portfolio_count=0,
        finish_time=None,
        error=None,
        version=1,
    )
