"""What this server holds by leases: begun here, or taken over from a server that has died.

Each piece of work is carried out in a thread of its own. Leases are renewed while it is, what nobody holds is
taken over, and at the end everything is let go, so that another server can take it at once.
"""

import logging
import time
from collections.abc import Collection
from contextlib import ExitStack
from threading import Event, Lock, Thread
from typing import Generic, Protocol, TypeVar

from ordergen_server.domain import origin
from ordergen_server.domain.errors import OrderGenerationError, Unavailable
from ordergen_server.domain.origin import Origin, carried
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.services.running.room import Room

_log = logging.getLogger(__name__)

#: Work ends within a second of its cancel, whichever server was asked: this long until it is heard of.
HEAR_SECONDS = 0.5


class Held(Protocol):
    """A piece of work with the token of its lease."""

    @property
    def key(self) -> str:
        """The id of the work."""

    @property
    def cancelled(self) -> Event:
        """Set where a caller wants no more of it."""

    @property
    def abandoned(self) -> Event:
        """Set where it is not ours any more, or we let it go for another server."""

    @property
    def origin(self) -> Origin:
        """The call that began it."""


Work = TypeVar("Work", bound=Held)


class Craft(Protocol[Work]):
    """How work of one kind is held and carried out."""

    @property
    def what(self) -> str:
        """What a piece of it is called."""

    def renew(self, work: Work) -> None:
        """Hold it for longer, and hear whether it is cancelled. Raises LeaseLost."""

    def take_over(self) -> Work | None:
        """Take some whose lease has run out, if there is any."""

    def release(self, work: Work) -> None:
        """Let another server take it at once. Raises LeaseLost."""

    def to_be_cancelled(self) -> Collection[str]:
        """The ids of what goes on, whoever holds it, and is to be cancelled."""

    def carry_out(self, work: Work, *, taken_over: bool) -> None:
        """Do it to its end, or until it is abandoned.

        Raises:
            LeaseLost: another server has it, or it has ended.
            OrderGenerationError: it cannot go on here now; it is taken over once its lease has run out.
        """

    def lost(self) -> None:
        """A lease of ours is another's."""


class Holder(Generic[Work]):
    """Carries work out, in as much room as there is.

    From `start` on it also renews leases, and takes over what nobody holds any more.

    Args:
        craft: how.
        room: for so many pieces at once.
        tend_seconds: between renewals.
        close_seconds: how long `close` waits for work to let go; None: as long as it takes.
    """

    def __init__(
        self, craft: Craft[Work], room: Room, tend_seconds: float, close_seconds: float | None = None
    ) -> None:
        self._craft = craft
        self._room = room
        self._tend_seconds = tend_seconds
        self._close_seconds = close_seconds
        self._lock = Lock()
        self._held: dict[str, tuple[Work, Thread]] = {}
        self._draining = Event()
        self._closing = Event()
        self._tender = Thread(target=self._keep_tending, name=f"{craft.what}s")

    def start(self) -> None:
        """Tend work from now on."""
        self._tender.start()

    @property
    def draining(self) -> bool:
        """Whether nothing more is begun here, because the server is about to stop."""
        return self._draining.is_set()

    def take_room(self) -> ExitStack:
        """Room for one more piece, given back by the block unless it is begun.

        Raises:
            ResourceExhausted: there is none, or the server is about to stop.
        """
        if self.draining:
            raise self._room.exhausted()
        self._room.take()
        unless_begun = ExitStack()
        unless_begun.callback(self._room.release)
        return unless_begun

    def carry_on(self, work: Work, unless_begun: ExitStack, *, taken_over: bool = False) -> None:
        """Carry work out that we hold, in room that was taken for it."""
        unless_begun.pop_all()
        with origin.working_for(work.origin):
            carry_out = carried(self._carry_out)
        thread = Thread(
            target=carry_out,
            args=(work, taken_over),
            name=f"{self._craft.what}-{work.key}",
            daemon=self._close_seconds is not None,
        )
        with self._lock:
            self._held[work.key] = (work, thread)
        thread.start()

    def stop(self, key: str) -> None:
        """Cancel work at once, without a word to the database, where it is carried out here."""
        with self._lock:
            held = self._held.get(key)
        if held:
            held[0].cancelled.set()

    def hear_cancels(self) -> None:
        """Cancel what another server was asked to cancel."""
        with self._lock:
            holds = bool(self._held)
        for key in self._craft.to_be_cancelled() if holds else ():
            self.stop(key)

    def tend(self) -> None:
        """Renew the leases of what is held, and take over what nobody holds."""
        with self._lock:
            mine = [held for held, _ in self._held.values()]
        for held in mine:
            try:
                self._craft.renew(held)
            except LeaseLost:
                held.abandoned.set()  # or it has just ended
        while not self.draining and self._room.is_taken():
            with ExitStack() as unless_taken:
                unless_taken.callback(self._room.release)
                work = self._craft.take_over()
                if work is None:
                    return
                with origin.working_for(work.origin):
                    _log.warning("taking over %s %s", self._craft.what, work.key)
                self.carry_on(work, unless_taken, taken_over=True)

    def drain(self) -> None:
        """Begin and take over no more."""
        self._draining.set()

    def close(self) -> None:
        """Let go of what is held, so that another server can take it at once."""
        self.drain()
        self._closing.set()
        self._tender.join()
        with self._lock:
            mine = list(self._held.values())
        for held, _ in mine:
            held.abandoned.set()
        until = time.monotonic() + (self._close_seconds or 0.0)
        for _, thread in mine:
            thread.join(None if self._close_seconds is None else max(0.0, until - time.monotonic()))

    def _keep_tending(self) -> None:
        due = time.monotonic()
        while not self._closing.is_set():
            try:
                if time.monotonic() >= due:
                    self.tend()
                    due = time.monotonic() + self._tend_seconds
                else:
                    self.hear_cancels()
            except Unavailable as error:
                _log.warning("%ss cannot be tended: %s", self._craft.what, error)
            except Exception:  # noqa: BLE001 - logged; without this loop every lease of ours would run out
                _log.exception("tending %ss met an internal error", self._craft.what)
            self._closing.wait(min(self._tend_seconds, HEAR_SECONDS))

    def _carry_out(self, work: Work, taken_over: bool) -> None:
        what, key = self._craft.what, work.key
        try:
            self._craft.carry_out(work, taken_over=taken_over)
            if work.abandoned.is_set():
                self._craft.release(work)
        except LeaseLost:
            self._craft.lost()
            _log.info("%s %s has ended or is carried out by another server", what, key)
        except OrderGenerationError as error:
            _log.warning("%s %s waits to be taken over: %s", what, key, error)
        except Exception:  # noqa: BLE001 - the end of the thread: the work has its end, the log the cause
            _log.exception("%s %s was ended by an internal error", what, key)
        finally:
            with self._lock:
                current = self._held.get(key)
                if current and current[0] is work:  # not where we lost it, and took it over again
                    del self._held[key]
            self._room.release()
