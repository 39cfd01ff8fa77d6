"""Where somebody who follows a run or a submission is, and whether they go on once they are cut off."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from globeco.ordergen.v1.order_pb2 import WatchOrderSubmissionRequest, WatchOrderSubmissionResponse
from globeco.ordergen.v1.rebalance_service_pb2 import RebalanceModelResponse, WatchRebalanceRequest

from ordergen_client.errors import OrderGenerationError

Request = WatchRebalanceRequest | WatchOrderSubmissionRequest
Message = RebalanceModelResponse | WatchOrderSubmissionResponse

#: Until something was heard, there may be no such server: it is tried as often as other reads are.
FIRST_TRIES = 4
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.1, 2.0
#: A server that stops or starts, has no room, or gives a stream less time than we do.
_CUT_OFF = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
_NO_ROOM = "RESOURCE_EXHAUSTED"
#: On the way, as long as there is no reason: the service says one with each error of its own.
_CUT_OFF_ON_THE_WAY = {"INTERNAL", "UNKNOWN", "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run is followed.

    Attributes:
        total_seconds: all in all.
        silence_seconds: how long it is tried to take up again what was cut off, with nothing heard meanwhile.
    """

    total_seconds: float
    silence_seconds: float


class Place:
    """The place of a follower in the messages of a run or a submission.

    Args:
        request: what is watched, and from where.
        patience: how long.
        known: somebody has been heard of the run already.
        gapless: each message has the number after that of the one before.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        request: Request,
        patience: Patience,
        *,
        known: bool = False,
        gapless: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ended = False
        self._request = request
        self._patience = patience
        self._heard = known
        self._gapless = gapless
        self._clock = clock
        self._until = clock() + patience.total_seconds
        self._last_heard = clock()
        self._tries = 0

    def request(self) -> Request:
        """What to ask for: all after the last message."""
        return self._request

    def seconds_left(self) -> float:
        """How long the run is followed yet; not below 0."""
        return max(self._until - self._clock(), 0.0)

    def take(self, message: Message) -> bool:
        """Whether a message is news. Raises OrderGenerationError where one before it is missing."""
        self._heard, self._tries, self._last_heard = True, 0, self._clock()
        last = self._request.after_sequence
        if message.sequence <= last:
            return False
        # From the beginning the first is 1, and after any place the next; the end comes right after it, too.
        if self._gapless and message.sequence != last + 1:
            raise OrderGenerationError(
                "DATA_LOSS", f"message {message.sequence} of the run came after message {last}"
            )
        self._request.after_sequence = message.sequence
        self.ended = message.HasField("finished")
        return True

    def pause_seconds(self, error: OrderGenerationError) -> float:
        """How long to wait before asking again. Raises the error where that is of no use."""
        self._tries += 1
        if not (_is_cut_off(error) and self._is_patient()):
            raise error
        most = min(FIRST_PAUSE_SECONDS * 2 ** (self._tries - 1), LAST_PAUSE_SECONDS)
        pause = random.uniform(0, most)  # noqa: S311 - so that those who are cut off together do not come together
        return min(max(pause, error.retry_after_seconds or 0.0), self.seconds_left())

    def _is_patient(self) -> bool:
        if not self.seconds_left():
            return False
        if not self._heard:
            return self._tries < FIRST_TRIES
        return self._clock() - self._last_heard < self._patience.silence_seconds


def _is_cut_off(error: OrderGenerationError) -> bool:
    if error.reason:
        return error.code in _CUT_OFF or error.code == _NO_ROOM
    return error.code in _CUT_OFF or error.code in _CUT_OFF_ON_THE_WAY
