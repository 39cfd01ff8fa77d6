"""Notices a database whose storage engine has given up, and has it started again.

After a write that the disk did not take, WiredTiger refuses everything until its process is started anew;
SecantusDB goes on answering pings meanwhile, and every other command with an internal error.
"""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PanicWatch"]

_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
#: An internal error of a read, so often and none that succeeds between; one that is only late is left alone.
_LOOKS = 2
_INTERNAL_ERROR = 1

_log = logging.getLogger(__name__)


class PanicWatch:
    """Looks once a second from ``start`` to ``stop``; calls ``restart`` where the database has given up."""

    def __init__(self, uri: str, restart: Callable[[], None]) -> None:
        self._uri = uri
        self._restart = restart
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name="database panics", daemon=True)

    def start(self) -> None:
        """Look from now on; once."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        looks = 0
        with pymongo.MongoClient[dict[str, object]](
            self._uri, timeoutMS=round(1000 * _ANSWER_SECONDS), retryReads=False
        ) as client:
            while not self._stopped.wait(_LOOK_SECONDS):
                given_up = _has_given_up(client)
                if given_up is not None:
                    looks = looks + 1 if given_up else 0
                if looks == _LOOKS:
                    _log.error(
                        "the embedded database gave up, as on a full disk, and is started again: "
                        "its last write, if it had more than 64 kB, may be lost"
                    )
                    self._restart()
                    looks = 0


def _has_given_up(client: pymongo.MongoClient[dict[str, object]]) -> bool | None:
    """Whether it has; None where nothing is known, because it is down or late."""
    try:
        client.admin.looks.find_one()  # there is none: it costs nothing, and asks the storage engine
    except OperationFailure as error:
        return error.code == _INTERNAL_ERROR
    except PyMongoError:
        return None  # its supervisor sees to the first, and the second passes
    return False
