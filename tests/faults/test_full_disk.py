"""A disk that takes no more: the embedded database gives up, is started again, and has what was acknowledged.

But for one document at most: WiredTiger writes a log record of more than 128 KB by itself, not through the
buffer of its log, and answers success to that commit when the disk did not take it. A record has the document
twice, for the oplog.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.limits import PATIENCE
from tests.waiting import eventually

Documents = Collection[dict[str, Any]]
_MOST_DOCUMENTS = 1000
#: A document whose log record is buffered, and one whose record is not.
_BUFFERED_BYTES, _UNBUFFERED_BYTES = 55_000, 100_000
#: Beyond the first the data cannot grow; the log cannot grow to its own size at the second.
_DATA_BYTES, _LOG_BYTES = 16_000_000, 5_000_000
#: On a full disk a write may hang until there is room.
_CALL_MS = 5000
_ON_LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux limits another process"
)


def filled(documents: Documents, document_bytes: int) -> list[int]:
    """Insert until it fails; the ids of those that were acknowledged."""
    acknowledged: list[int] = []
    with suppress(PyMongoError):
        for number in range(_MOST_DOCUMENTS):
            documents.insert_one({"_id": number, "text": os.urandom(document_bytes)})
            acknowledged.append(number)
    assert 0 < len(acknowledged) < _MOST_DOCUMENTS
    return acknowledged


def is_back(documents: Documents) -> bool:
    """Whether a document can be written, which it is once."""
    try:
        documents.update_one({"_id": -1}, {"$set": {"back": True}}, upsert=True)
    except PyMongoError:
        return False
    return True


def check_kept(documents: Documents, acknowledged: list[int], lost: int = 0) -> None:
    """What failed may be there or not: its outcome was never known; so may the last `lost` of the others."""
    found = [one["_id"] for one in documents.find({"_id": {"$gte": 0}}, {"_id": 1}).sort("_id")]
    certain = acknowledged[: len(acknowledged) - lost]
    assert found[: len(certain)] == certain
    assert len(found) <= len(acknowledged) + 1


@contextmanager
def opened(embedded: EmbeddedDatabase) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](embedded.uri, timeoutMS=_CALL_MS) as client:
        yield client.full.documents


def acknowledged_on_a_full_disk(
    embedded: EmbeddedDatabase, documents: Documents, file_bytes: int, document_bytes: int
) -> list[int]:
    """Fill it while no file of its process may grow beyond so much; the process that follows may do all."""
    first = embedded.pid
    assert first is not None
    _, hard = resource.prlimit(first, resource.RLIMIT_FSIZE)
    resource.prlimit(first, resource.RLIMIT_FSIZE, (file_bytes, hard))
    acknowledged = filled(documents, document_bytes)
    eventually(lambda: embedded.pid != first)
    eventually(lambda: is_back(documents))
    return acknowledged


@_ON_LINUX
@pytest.mark.parametrize("file_bytes", [_DATA_BYTES, _LOG_BYTES])
def test_a_database_whose_writes_the_system_refuses_is_started_again(
    tmp_path: Path, file_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedDatabase(tmp_path, start_seconds=PATIENCE) as embedded, opened(embedded) as documents:
        acknowledged = acknowledged_on_a_full_disk(embedded, documents, file_bytes, _BUFFERED_BYTES)
        check_kept(documents, acknowledged)
    assert "the embedded database gave up" in caplog.text


@_ON_LINUX
def test_of_large_documents_the_last_may_be_lost_and_no_other(tmp_path: Path) -> None:
    with EmbeddedDatabase(tmp_path, start_seconds=PATIENCE) as embedded, opened(embedded) as documents:
        acknowledged = acknowledged_on_a_full_disk(embedded, documents, _LOG_BYTES, _UNBUFFERED_BYTES)
        check_kept(documents, acknowledged, lost=1)
