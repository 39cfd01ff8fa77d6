"""The answers of one call, step by step: any thread does a step, and none is held between them."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from google.protobuf.message import Message

from ordergen_server.api.admission.kinds import Kind
from ordergen_server.api.call import Call
from ordergen_server.api.messages.requests import Decoder
from ordergen_server.domain.errors import OrderGenerationError

#: Bounds the database operations of a thread; given the seconds left.
TimeLimit = Callable[[float], AbstractContextManager[None]]
#: Answers as they come; some are encoded already.
Batches = Iterator[Sequence[Message | bytes]]
#: A method of a servicer: its answer, or batches of answers; an empty one says that there is nothing yet.
Behaviour = Callable[[Any, Call], "Message | Batches"]


@dataclass(frozen=True, slots=True)
class Route:
    """How one method is served."""

    decode: Decoder
    behaviour: Behaviour
    kind: Kind


class Steps:
    """Decodes the request with the first step, and encodes the answers of each.

    Args:
        route: the method.
        raw: its request.
        call: the call.
        limit: a block around each step.

    Attributes:
        over: whether there are no more.
        computes: whether a step holds its thread for long.
    """

    def __init__(
        self, route: Route, raw: bytes, call: Call, limit: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._route = route
        self._raw = raw
        self._call = call
        self._limit = limit
        self._lock = Lock()
        self._batches: Batches | None = None
        self.over = self.computes = False

    def begin(self) -> None:
        """Decode the request and call the servicer. Raises OrderGenerationError."""
        with self._step():
            self._batches = self._begin()

    def next(self) -> list[bytes] | None:
        """The next answers, encoded: none where there is nothing yet, None once it is over.

        Raises:
            OrderGenerationError: whatever the request or the servicer meets.
        """
        with self._step():
            if self._batches is None:
                self._batches = self._begin()
            batch = next(self._batches, None)
            self.over = batch is None or not isinstance(self._batches, Generator)
            return None if batch is None else [_encoded(answer) for answer in batch]

    def close(self) -> None:
        """End it before its end, once a step that is under way is done."""
        with self._lock:
            if isinstance(self._batches, Generator):
                self._batches.close()

    @contextmanager
    def _step(self) -> Iterator[None]:
        """A block for one step: where it fails there are no more."""
        with self._lock, self._limit(), ExitStack() as unless_it_ends_well:
            unless_it_ends_well.callback(self._end)
            yield
            unless_it_ends_well.pop_all()

    def _end(self) -> None:
        self.over = True

    def _begin(self) -> Batches:
        request = self._route.decode(self._raw)
        self._raw = b""
        if isinstance(request, OrderGenerationError):
            raise request
        self.computes = getattr(request, "validate_only", False)
        answer = self._route.behaviour(request, self._call)
        if isinstance(answer, Message):
            return iter([[answer]])
        return answer


def _encoded(answer: Message | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
