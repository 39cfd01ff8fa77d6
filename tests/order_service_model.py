"""A model of the order service: what becomes of each call, and of each order of it, is told beforehand."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from ordergen_server.domain.errors import SiblingUnavailable
from ordergen_server.domain.orders.order_service import (
    FoundOrder,
    InDoubt,
    OrderStatus,
    OutgoingOrder,
    Refused,
    Taken,
    nothing,
)
from ordergen_server.domain.orders.orders import Order

DOWN = SiblingUnavailable("The order service does not answer.", metadata={"service": "order"})


class Crash(BaseException):
    """The server dies here: nobody catches it."""


@dataclass
class Placed:
    """An order that the service has, or will have once its time has come.

    Attributes:
        ours: we sent it; others did otherwise.
    """

    found: FoundOrder
    at: datetime
    ours: bool


@dataclass(frozen=True)
class Fate:
    """What becomes of one order of a list: is it there, at once or later; and what is answered.

    Attributes:
        commit: seconds until it is there; None: never.
        answer: TAKEN, REFUSED or DOUBT.
    """

    commit: float | None = 0.0
    answer: str = "TAKEN"


TAKEN, REFUSED = Fate(), Fate(None, "REFUSED")
LOST_BEFORE, LOST_AFTER = Fate(None, "DOUBT"), Fate(0.0, "DOUBT")


@dataclass(frozen=True)
class Attempt:
    """What becomes of a call: it fails before anything is sent, or each order has its fate, in turns.

    Attributes:
        raises: before anything is sent.
        fates: of the orders, from the first again where there are more of them.
        dies: the server dies once they are decided.
    """

    raises: BaseException | None = None
    fates: Sequence[Fate] = (TAKEN,)
    dies: bool = False


@dataclass
class OrderServiceModel:
    """The order service: it keeps what it takes, and nothing detects duplicates.

    Args:
        clock: its time.

    Attributes:
        attempts: what becomes of the calls that come next; then all goes well.
        reads: what is raised by the readings that come next, if anything.
        connecting: what happens before anything of a call leaves.
    """

    clock: Callable[[], datetime]
    placed: list[Placed] = field(default_factory=list)
    attempts: deque[Attempt] = field(default_factory=deque)
    reads: deque[BaseException | None] = field(default_factory=deque)
    sent: list[tuple[datetime, tuple[OutgoingOrder, ...]]] = field(default_factory=list)
    readings: int = 0
    connecting: Callable[[], object] = nothing

    def send(
        self,
        orders: Sequence[OutgoingOrder],
        order_timestamp: datetime,
        leaving: Callable[[], object] = nothing,
    ) -> tuple[Taken | Refused | InDoubt, ...]:
        assert 1 <= len(orders) <= 50
        attempt = self.attempts.popleft() if self.attempts else Attempt()
        if attempt.raises:
            raise attempt.raises
        self.connecting()
        leaving()
        self.sent.append((order_timestamp, tuple(orders)))
        outcomes = tuple(
            self._one(order, order_timestamp, attempt.fates[place % len(attempt.fates)])
            for place, order in enumerate(orders)
        )
        if attempt.dies:
            raise Crash
        return outcomes

    def with_timestamp(self, order_timestamp: datetime) -> tuple[FoundOrder, ...]:
        self.readings += 1
        fault = self.reads.popleft() if self.reads else None
        if fault:
            raise fault
        now = self.clock()
        found = [one.found for one in self.placed if one.at <= now]
        return tuple(one for one in reversed(found) if one.order_timestamp == order_timestamp)

    def place(self, order: OutgoingOrder, mark: datetime, commit: float, *, ours: bool) -> FoundOrder:
        """Have an order there in so many seconds."""
        found = FoundOrder(
            len(self.placed) + 1,
            order.portfolio_id,
            order.security_id,
            "T",
            order.side,
            Decimal(order.quantity),
            OrderStatus.NEW,
            mark,
        )
        self.placed.append(Placed(found, self.clock() + timedelta(seconds=commit), ours))
        return found

    def mark_all(self, status: OrderStatus, which: Callable[[Placed], bool] = lambda _: True) -> None:
        """Give orders another status."""
        for one in filter(which, self.placed):
            one.found = replace(one.found, status=status)

    def of(self, order: Order, *, ours: bool = True) -> list[FoundOrder]:
        """The orders that are there, or will be, of a portfolio and security."""
        return [
            one.found
            for one in self.placed
            if one.ours >= ours
            and (one.found.portfolio_id, one.found.security_id) == (order.portfolio_id, order.security_id)
        ]

    def _one(self, order: OutgoingOrder, mark: datetime, fate: Fate) -> Taken | Refused | InDoubt:
        found = None if fate.commit is None else self.place(order, mark, fate.commit, ours=True)
        if fate.answer == "TAKEN":
            assert found
            return Taken(found.external_order_id)
        return Refused("no") if fate.answer == "REFUSED" else InDoubt(DOWN)
