"""Orders are sent once: what fails before it begins is an error, and all else is in doubt."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.siblings.calling.calls import ResilientCaller
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import AttemptFailed, Refused, Unreadable
from ordergen_server.siblings.ordering.outcomes import Outcome, all_in_doubt

#: Makes the one attempt within a deadline, and says when it begins to leave.
Sent = Callable[[Deadline, Callable[[], object]], tuple[Outcome, ...]]


def once(
    caller: ResilientCaller, send: Sent, count: int, leaving: Callable[[], object]
) -> tuple[Outcome, ...]:
    """The outcomes of `count` orders.

    Args:
        caller: of the service; its config allows one attempt, which has all of its time: waiting for a
            connection is not part of it.
        send: makes the attempt.
        count: how many orders it is about.
        leaving: called before anything leaves; an error of it ends the attempt.

    Raises:
        OrderGenerationError: nothing was sent.
    """
    begun = Event()

    def begin() -> None:
        leaving()
        begun.set()

    try:
        return send(Deadline(2 * caller.timeout_seconds), begin)
    except OrderGenerationError as error:
        if not begun.is_set():
            raise
        reason = error.__cause__.reason if isinstance(error.__cause__, AttemptFailed) else "failed"
    except (Refused, Unreadable) as failure:
        if not begun.is_set():
            raise caller.unavailable(failure) from failure
        reason = failure.reason
    return all_in_doubt(reason, count)


def sending_config(config: SiblingConfig, timeout_seconds: float) -> SiblingConfig:
    """How orders are sent to a service that is otherwise called so: once, and with more time."""
    return replace(config, attempts=1, timeout_seconds=timeout_seconds)
