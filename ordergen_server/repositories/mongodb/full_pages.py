"""Pages that end where a message would become too large."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from bson.raw_bson import RawBSONDocument

#: What a message may have; most gRPC clients refuse one above 4 MiB.
PAGE_BYTES = 3 * 1024 * 1024

Item = TypeVar("Item")


def fill(sized: Iterable[tuple[Item, int]], limit: int) -> tuple[list[Item], bool]:
    """The items of one page, and whether there are more.

    As many as there is room for, at most `limit`, but one at least; no more than one is read ahead.

    Args:
        sized: items, each with about the bytes that a message shows it in.
        limit: items at most.
    """
    page: list[Item] = []
    room = PAGE_BYTES
    for item, size in islice(sized, limit + 1):
        room -= size
        if page and (len(page) == limit or room < 0):
            return page, True
        page.append(item)
    return page, False


def as_stored(documents: Iterable[RawBSONDocument]) -> Iterator[tuple[RawBSONDocument, int]]:
    """Documents that a message shows in about as many bytes as they are stored in."""
    return ((document, len(document.raw)) for document in documents)
