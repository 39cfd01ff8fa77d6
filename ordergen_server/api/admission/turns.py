"""Turns, fair among peers: one that has very many calls waiting lets each other peer's next call go first."""

import asyncio
from collections import OrderedDict, deque


class FairTurns:
    """So many turns at once; those who wait get theirs by peer, in rounds. On one event loop alone.

    Attributes:
        waiting: how many wait.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self.waiting = 0

    def ahead_of(self, peer: str) -> int:
        """How many turns must end before the next call of a peer gets its own; 0 where it need not wait."""
        if self._free:
            return 0
        own = len(self._queues.get(peer, ()))
        rounds = sum(min(len(queue), own + 1) for other, queue in self._queues.items() if other != peer)
        return own + rounds + 1

    async def take(self, peer: str) -> None:
        """Wait for a turn. Cancelled while it waits, it has none."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(peer, deque()).append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(peer, turn)
            else:
                self.give()  # it was handed over in the same moment
            raise

    def give(self) -> None:
        """End a turn: the next peer has it, or it is free."""
        while self._queues:
            peer, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            self.waiting -= 1
            if queue:
                self._queues[peer] = queue
            if not turn.done():  # else its call was cancelled, and has not heard of it yet
                turn.set_result(None)
                return
        self._free += 1

    def _forget(self, peer: str, turn: "asyncio.Future[None]") -> None:
        queue = self._queues.get(peer, deque())
        if turn in queue:
            queue.remove(turn)
            self.waiting -= 1
            if not queue:
                del self._queues[peer]
