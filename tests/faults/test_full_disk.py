"""A disk that takes no more: the embedded database gives up, is started again, and lost nothing."""

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
_DOCUMENT_BYTES, _MOST_DOCUMENTS, _FILE_BYTES = 100_000, 1000, 16_000_000
#: On a full disk a write may hang until there is room.
_CALL_MS = 5000


def filled(documents: Documents) -> list[int]:
    """Insert until it fails; the ids of those that were acknowledged."""
    acknowledged: list[int] = []
    with suppress(PyMongoError):
        for number in range(_MOST_DOCUMENTS):
            documents.insert_one({"_id": number, "text": os.urandom(_DOCUMENT_BYTES)})
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


def check_kept(documents: Documents, acknowledged: list[int]) -> None:
    """What failed may be there or not: its outcome was never known."""
    found = [one["_id"] for one in documents.find({"_id": {"$gte": 0}}, {"_id": 1}).sort("_id")]
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) <= len(acknowledged) + 1


@contextmanager
def opened(embedded: EmbeddedDatabase) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](embedded.uri, timeoutMS=_CALL_MS) as client:
        yield client.full.documents


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits another process")
def test_a_database_whose_writes_the_system_refuses_is_started_again(tmp_path: Path) -> None:
    """No file of it may grow beyond 16 MB, as on a full disk; the next process may do all again."""
    with EmbeddedDatabase(tmp_path, start_seconds=PATIENCE) as embedded, opened(embedded) as documents:
        first = embedded.pid
        assert first is not None
        _, hard = resource.prlimit(first, resource.RLIMIT_FSIZE)
        resource.prlimit(first, resource.RLIMIT_FSIZE, (_FILE_BYTES, hard))
        acknowledged = filled(documents)
        eventually(lambda: embedded.pid != first)
        eventually(lambda: is_back(documents))
        check_kept(documents, acknowledged)
