"""Pages end where their documents become too large for a message."""

from collections.abc import Iterator

import pytest
from bson import encode
from bson.raw_bson import RawBSONDocument

from ordergen_server.repositories.mongodb.full_pages import PAGE_BYTES, as_stored, fill

EMPTY = len(encode({"bytes": b""}))


def document(size: int) -> RawBSONDocument:
    """A document of so many bytes."""
    return RawBSONDocument(encode({"bytes": b"\x00" * (size - EMPTY)}))


@pytest.mark.parametrize(
    ("sizes", "limit", "count", "more"),
    [
        ([], 1, 0, False),
        ([100] * 3, 3, 3, False),
        ([100] * 4, 3, 3, True),
        ([PAGE_BYTES // 2] * 2, 9, 2, False),
        ([PAGE_BYTES // 2] * 3, 9, 2, True),
        ([PAGE_BYTES, 100], 9, 1, True),
        ([PAGE_BYTES + 1], 9, 1, False),
        ([PAGE_BYTES + 1, 100], 9, 1, True),
        ([100, PAGE_BYTES], 9, 1, True),
    ],
)
def test_a_page_has_what_there_is_room_for(sizes: list[int], limit: int, count: int, more: bool) -> None:
    documents = list(map(document, sizes))
    assert fill(as_stored(documents), limit) == (documents[:count], more)


def test_no_more_than_one_document_is_read_ahead() -> None:
    asked = 0

    def documents() -> Iterator[RawBSONDocument]:
        nonlocal asked
        while True:
            asked += 1
            yield document(PAGE_BYTES // 4)

    found, more = fill(as_stored(documents()), 1000)
    assert (len(found), more, asked) == (4, True, 5)
    found, more = fill(as_stored(documents()), 2)
    assert (len(found), more, asked) == (2, True, 8)
