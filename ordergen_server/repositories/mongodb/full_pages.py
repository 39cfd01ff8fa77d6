"""Pages that end where a message would become too large."""

from collections.abc import Iterable
from itertools import islice

from bson.raw_bson import RawBSONDocument

#: What the documents of a page may have together. A message shows a document in about as many bytes, and
#: most gRPC clients refuse one above 4 MiB.
PAGE_BYTES = 3 * 1024 * 1024


def fill(documents: Iterable[RawBSONDocument], limit: int) -> tuple[list[RawBSONDocument], bool]:
    """The documents of one page, and whether there are more.

    As many as there is room for, at most `limit`, but one at least; no more than one is read ahead.
    """
    page: list[RawBSONDocument] = []
    room = PAGE_BYTES
    for document in islice(documents, limit + 1):
        room -= len(document.raw)
        if page and (len(page) == limit or room < 0):
            return page, True
        page.append(document)
    return page, False
