"""Faults that a simulated sibling plays on demand: what they are, and which call meets which."""

from __future__ import annotations

import threading
from collections import Counter
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations when it runs
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ORDER_KINDS",
    "SERVICES",
    "Endpoint",
    "Fault",
    "FaultBook",
    "FaultKind",
    "Held",
    "Overrides",
    "ServiceName",
]

ServiceName = Literal["accounting", "pricing", "security", "portfolio", "order"]
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)

Endpoint = Literal[
    "summary",
    "balances",
    "prices",
    "price",
    "securities",
    "security",
    "portfolios",
    "portfolio",
    "orders",
    "order_list",
    "*",
]
OrderKind = Literal["refuse", "unplaced", "duplicate", "reorder"]
#: What becomes of single orders, or of their answers; the call goes on.
ORDER_KINDS: tuple[OrderKind, ...] = get_args(OrderKind)
FaultKind = Literal[
    "status", "delay", "hang", "reset", "garbage", "body", "truncate", "stall", "lose", "overload", OrderKind
]
_GOING_ON = ("delay", *ORDER_KINDS)


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault of one service.

    Kinds: ``status`` answers that status; ``delay`` waits, then goes on as if nothing was; ``hang`` never
    answers; ``reset`` resets the connection; ``garbage`` answers 200 with what is no JSON; ``body`` answers
    the body given; ``truncate`` sends half of the true answer and closes the connection, ``stall`` sends half
    and then nothing; ``lose`` does what was asked, and resets the connection instead of answering.

    The order service has more, where orders are posted (endpoint ``orders``; where they are listed it is
    ``order_list``): ``overload`` answers 500 as that service does, and takes nothing; ``refuse`` refuses the
    orders at ``positions`` with ``body``; ``unplaced`` answers for them with requestIndex -1, and they are
    taken ``commit_seconds`` later, or never; ``duplicate`` takes them twice, and tells the first; ``reorder``
    answers in the opposite order. Those four go on: several, and one of the others, may meet a call.

    Raises:
        ValueError: a value makes no sense for the kind.
    """

    kind: FaultKind
    endpoint: Endpoint = "*"
    status: int | None = None  # of "status" (503 if not given) and "body" (200)
    retry_after_seconds: int | None = None  # sent as Retry-After with "status" and "body"
    delay_seconds: float = 0.0  # of "delay"
    body: str = ""  # of "status" and "body", sent as it is; of "refuse" the message
    positions: tuple[int, ...] = ()  # of orders in a list of them, from 0; none: all
    commit_seconds: float | None = None  # of "unplaced"; None: never
    match: str = ""  # only calls whose path, with the query, contains this
    times: int | None = None  # only the first so many calls; None: always

    def __post_init__(self) -> None:
        if self.status is not None and not 200 <= self.status <= 599:  # noqa: PLR2004 - what HTTP knows
            raise ValueError(f"status must be from 200 to 599, got {self.status}")
        if min(self.delay_seconds, self.retry_after_seconds or 0, self.commit_seconds or 0) < 0:
            raise ValueError("delay_seconds, retry_after_seconds and commit_seconds must not be negative")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be at least 1 or null, got {self.times}")

    def meets(self, position: int) -> bool:
        """Whether it is about the order at this position of a list."""
        return not self.positions or position in self.positions


class FaultBook:
    """The faults of one service, each with the calls it still applies to, and the calls it met.

    Both transports of a service play from one book, each in threads of its own: hence the lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._left: list[int | None] = []
        self._calls: Counter[str] = Counter()

    def replace(self, faults: Sequence[Fault]) -> None:
        """Forget all faults and take these; earlier ones come first."""
        with self._lock:
            self._faults = list(faults)
            self._left = [fault.times for fault in faults]

    @property
    def faults(self) -> list[Fault]:
        """The faults as they were given, whether used up or not."""
        return list(self._faults)

    @property
    def calls(self) -> dict[str, int]:
        """How often each endpoint was called; absent: never."""
        with self._lock:
            return dict(self._calls)

    def forget_calls(self) -> None:
        """Count from zero."""
        with self._lock:
            self._calls.clear()

    def due(self, endpoint: str, path: str) -> list[Fault]:
        """Count a call and return what it meets, in order: what goes on, then at most one that ends it."""
        with self._lock:
            self._calls[endpoint] += 1
            return self._due(endpoint, path)

    def _due(self, endpoint: str, path: str) -> list[Fault]:
        due: list[Fault] = []
        for number, fault in enumerate(self._faults):
            left = self._left[number]
            if fault.endpoint not in ("*", endpoint) or fault.match not in path or left == 0:
                continue
            if left is not None:
                self._left[number] = left - 1
            due.append(fault)
            if fault.kind not in _GOING_ON:
                break
        return due


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash in money, and shares by security id; both may be negative."""

    cash: Decimal
    quantities: dict[str, Decimal]


class Overrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data that differs from the market's: raw JSON text by id, or None for what is not there.

    ``prices`` hold the text of the number ("12.5", "-1", even "NaN") by security id, ``price_dates`` that of
    its day, None where it has none; ``summaries`` whole bodies by portfolio id, None where it has no balance
    rows; ``holdings`` are what summaries and balances are made of; ``unknown_securities`` are ids that the
    security service does not know, and ``orphaned_securities`` those whose type is gone. ``is_documented``:
    the services answer as their documents say, and not as they do.
    """

    prices: dict[str, str | None] = {}
    price_dates: dict[str, str | None] = {}
    summaries: dict[str, str | None] = {}
    holdings: dict[str, Held] = {}
    unknown_securities: frozenset[str] = frozenset()
    orphaned_securities: frozenset[str] = frozenset()
    is_documented: bool = False

    def merged(self, other: Overrides) -> Overrides:
        """Return these with the others on top."""
        return Overrides(
            prices={**self.prices, **other.prices},
            price_dates={**self.price_dates, **other.price_dates},
            summaries={**self.summaries, **other.summaries},
            holdings={**self.holdings, **other.holdings},
            unknown_securities=self.unknown_securities | other.unknown_securities,
            orphaned_securities=self.orphaned_securities | other.orphaned_securities,
            is_documented=self.is_documented or other.is_documented,
        )
