"""A call, as what makes it needs it."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from globeco.ordergen.v1.order_pb2 import WatchOrderSubmissionRequest
from globeco.ordergen.v1.rebalance_service_pb2 import WatchRebalanceRequest
from google.protobuf.message import Message

from ordergen_client.records import checks

Answer = TypeVar("Answer")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """A call with one answer.

    Attributes:
        method: the RPC's name in the contract.
        request: its message.
        read: makes a record of the message that is answered.
    """

    method: str
    request: Message
    read: Callable[[Any], Answer]


@dataclass(frozen=True, slots=True)
class Pages(Generic[Item]):
    """A list that comes page by page; `read` makes records of a page."""

    method: str
    request: Any
    read: Callable[[Any], Iterable[Item]]


@dataclass(frozen=True, slots=True)
class Stream(Generic[Item]):
    """A call with a stream of answers; `read` makes a record of each."""

    method: str
    request: Message
    read: Callable[[Any], Item]


@dataclass(frozen=True, slots=True)
class Watch(Generic[Item]):
    """A stream that can be asked for from any of its places.

    Attributes:
        gapless: each message has the number after that of the one before.
    """

    request: WatchRebalanceRequest | WatchOrderSubmissionRequest
    read: Callable[[Any], Item]
    method: str = "WatchRebalance"
    gapless: bool = True


def repeatable(request_id: str) -> str:
    """The id that makes a write safe to repeat: the caller's, or a new one, so that it can be tried again."""
    return checks.text(request_id, "request_id") or str(uuid.uuid4())


def nothing(answer: object) -> None:
    """The reading of an answer that says nothing."""
    del answer
