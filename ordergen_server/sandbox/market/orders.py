"""The orders of the simulated order service: what is taken, what is refused, and what is found again.

As the service that it stands for: each order by itself; blotters, statuses and order types are looked up,
portfolios and securities are taken as they are sent; nothing notices an order that is sent twice; timestamps
are kept to the microsecond; a ``trade_order_id`` is there once.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = ["BLOTTERS", "ORDER_TYPES", "ROLLED_BACK", "STATUSES", "Order", "OrderBook", "OrderRefused"]

#: What there is, by id: the rows that the real schema begins with.
BLOTTERS = {1: "Default", 2: "Equity", 3: "Fixed Income", 4: "Hold", 5: "Crypto"}
STATUSES = {
    1: "NEW",
    2: "SENT",
    3: "WORK",
    4: "FULL",
    5: "PART",
    6: "HOLD",
    7: "CNCL",
    8: "CNCLD",
    9: "CPART",
    10: "DEL",
}
ORDER_TYPES = {1: "BUY", 2: "SELL", 3: "SHORT", 4: "COVER", 5: "EXRC"}
#: What is said of an order that its database does not take.
ROLLED_BACK = "Unexpected error: Transaction silently rolled back because it has been marked as rollback-only"
_ID_LENGTH = 24
_LARGEST = Decimal(10) ** 10  # of decimal(18,8)


class OrderRefused(Exception):
    """An order is not taken; its text is what the service says of it."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order as it was sent, or as it is kept; None: it was not said.

    Attributes:
        order_id: 0 before it is taken.
        quantity: shares, above 0.
    """

    blotter_id: int | None = None
    status_id: int | None = None
    portfolio_id: str | None = None
    order_type_id: int | None = None
    security_id: str | None = None
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    trade_order_id: int | None = None
    order_timestamp: datetime | None = None
    version: int | None = None
    order_id: int = 0

    def refuse(self) -> None:
        """Look at it as the service does, before its database does.

        Raises:
            OrderRefused: it breaks a rule.
        """
        for name, value in self._required():
            if value is None or not str(value).strip():
                raise OrderRefused(f"{name} is required")
        if not self.quantity or self.quantity <= 0:
            raise OrderRefused("Quantity must be positive")
        if self.limit_price is not None and self.limit_price <= 0:
            raise OrderRefused("Limit price must be positive when provided")
        for name, key, known in (
            ("Blotter", self.blotter_id, BLOTTERS),
            ("Status", self.status_id, STATUSES),
            ("Order Type", self.order_type_id, ORDER_TYPES),
        ):
            if key not in known:
                raise OrderRefused(f"{name} with ID {key} not found")

    def fits(self) -> bool:
        """Whether its columns have room for it."""
        numbers = (self.quantity, self.limit_price)
        texts = (self.portfolio_id, self.security_id)
        return (
            self.order_timestamp is not None
            and self.version is not None
            and all(number is None or number < _LARGEST for number in numbers)
            and all(text is not None and len(text) <= _ID_LENGTH for text in texts)
        )

    def _required(self) -> Iterable[tuple[str, object]]:
        return (
            ("Blotter ID", self.blotter_id),
            ("Status ID", self.status_id),
            ("Portfolio ID", self.portfolio_id),
            ("Order Type ID", self.order_type_id),
            ("Security ID", self.security_id),
            ("Quantity", self.quantity),
        )


@dataclass
class OrderBook:
    """All orders, numbered from 1 as they are taken; for threads.

    Args:
        clock: seconds that only move forward.
    """

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _orders: dict[int, Order] = field(default_factory=dict, repr=False)
    _late: list[tuple[float, Order]] = field(default_factory=list, repr=False)
    _trade_ids: set[int] = field(default_factory=set, repr=False)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def take(self, order: Order) -> Order:
        """Take an order, and return it as it is kept.

        Raises:
            OrderRefused: it breaks a rule, or its database does not take it.
        """
        order.refuse()
        with self._lock:
            self._settle()
            return self._insert(order)

    def take_late(self, order: Order, seconds: float) -> None:
        """Take an order in so many seconds, if then it can be taken; nobody hears of it."""
        with self._lock:
            self._late.append((self.clock() + seconds, order))

    def change(self, statuses: Mapping[int, int]) -> None:
        """Give orders other statuses, both by their ids.

        Raises:
            KeyError: there is no such order, or no such status; then nothing is changed.
        """
        with self._lock:
            self._settle()
            changed = {key: self._changed(self._orders[key], status) for key, status in statuses.items()}
            self._orders.update(changed)

    def forget(self) -> None:
        """Forget all orders, and those that would come late; numbers go on from where they are."""
        with self._lock:
            self._orders.clear()
            self._late.clear()
            self._trade_ids.clear()

    @property
    def orders(self) -> Sequence[Order]:
        """All orders, by their ids."""
        with self._lock:
            self._settle()
            return [self._orders[key] for key in sorted(self._orders)]

    def _settle(self) -> None:
        """Take what has come due since, in the order of its times: as if it had been taken then."""
        now = self.clock()
        due = sorted((late for late in self._late if late[0] <= now), key=lambda late: late[0])
        self._late = [late for late in self._late if late[0] > now]
        for _, order in due:
            try:
                order.refuse()
                self._insert(order)
            except OrderRefused:
                continue  # nobody waits for what became of it

    def _insert(self, order: Order) -> Order:
        number = next(self._numbers)  # used up whether the order is taken or not
        if not order.fits() or order.trade_order_id in self._trade_ids:
            raise OrderRefused(ROLLED_BACK)
        if order.trade_order_id is not None:
            self._trade_ids.add(order.trade_order_id)
        self._orders[number] = replace(order, order_id=number)
        return self._orders[number]

    @staticmethod
    def _changed(order: Order, status: int) -> Order:
        if status not in STATUSES:
            raise KeyError(status)
        return replace(order, status_id=status, version=(order.version or 0) + 1)
