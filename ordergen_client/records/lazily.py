"""Sequences of records that are made once somebody looks: a run has a million lines, and few are read."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

Record = TypeVar("Record")


class Lazily(Sequence[Record], Generic[Record]):
    """Records of messages, all made with the first one that is asked for; equal to any sequence of the same.

    Args:
        messages: of the contract; nobody changes them.
        read: makes a record of one.
    """

    __slots__ = ("_messages", "_read", "_records")

    def __init__(self, messages: Sequence[Any], read: Callable[[Any], Record]) -> None:
        self._messages = messages
        self._read = read
        self._records: tuple[Record, ...] | None = None

    def _made(self) -> tuple[Record, ...]:
        if self._records is None:
            self._records = tuple(map(self._read, self._messages))
        return self._records

    def __len__(self) -> int:
        return len(self._messages)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, place: int | slice) -> Record | tuple[Record, ...]:
        return self._made()[place]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        return self._made() == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._made())

    def __repr__(self) -> str:
        return repr(self._made())

    def __reduce__(self) -> tuple[type[tuple[Record, ...]], tuple[tuple[Record, ...]]]:
        return tuple, (self._made(),)
