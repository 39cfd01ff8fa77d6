"""What streams tell, encoded once: all that watch a run get the same bytes."""

from collections import OrderedDict
from threading import Lock

from ordergen_server.api.messages.encoding import run_event
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.rebalances.results import PortfolioRebalance, View
from ordergen_server.domain.rebalances.runs import RunEvent

#: Of encoded results that are kept: those of a hundred positions take 18 kB each.
ROOM_BYTES = 16 * 1024 * 1024

_Key = tuple[str, int, View]


class EncodedEvents:
    """Messages of results, those that were told last: what is stored never changes. Safe in threads."""

    def __init__(self, room_bytes: int = ROOM_BYTES, rule: ApprovalRule | None = None) -> None:
        self._rule = rule
        self._room = room_bytes
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()
        self._lock = Lock()

    def encoded(self, event: RunEvent, view: View) -> bytes:
        """The message of an event, whose result is of this view."""
        result = event.event
        if not isinstance(result, PortfolioRebalance) or not result.rebalance_id:  # a preview has no id
            return run_event(event, self._rule)
        key = (result.rebalance_id, event.sequence, view)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        made = run_event(event)
        self._keep(key, made)
        return made

    def _keep(self, key: _Key, made: bytes) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._room -= len(made)
            while self._room < 0:
                self._room += len(self._kept.popitem(last=False)[1])
