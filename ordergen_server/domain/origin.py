"""Where work comes from: the ids of the call that began it, wherever and in whichever thread it is done.

One context variable holds them all. It is carried into other threads by itself: with a copy of the whole
context the time limits of the call would come along, and cut off a run that outlives it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

CORRELATION_ID = "x-correlation-id"
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of the call that began the work.

    Attributes:
        fields: what stands in each log line of it, by name: its ids, its method, who called.
        headers: what goes along with calls to other services, by lower-case name.
        trace: the span that the work is a part of, or None; only those who trace look into it.
    """

    fields: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    trace: object = None

    def noting(self, **fields: str) -> "Origin":
        """The same with more fields."""
        return Origin({**self.fields, **fields}, self.headers, self.trace)


#: Of work that no call has begun.
UNKNOWN = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=UNKNOWN)


def current() -> Origin:
    """The origin of what this thread, or task, is doing."""
    return _current.get()


def enter(origin: Origin) -> None:
    """From here on this thread, or task, works for `origin`; see `working_for` for a block."""
    _current.set(origin)


@contextmanager
def working_for(origin: Origin) -> Iterator[None]:
    """A block that works for `origin`."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)


def carried(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """The function, to be called in another thread for what this one works for."""
    origin = _current.get()

    def carry(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        token = _current.set(origin)
        try:
            return function(*args, **kwargs)
        finally:
            _current.reset(token)

    return carry
