"""Databases that no other test knows, on the MongoDB that ORDERGEN_MONGODB_URI names or an embedded one."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pymongo

NAMED = os.environ.get("ORDERGEN_MONGODB_URI")


@contextmanager
def temporary_database(mongodb_uri: str) -> Iterator[str]:
    """The name of a database that is dropped after the block.

    An embedded one goes with its server: to drop it can take it seconds, while all others wait.
    """
    name = f"ordergen-test-{uuid.uuid4().hex}"
    try:
        yield name
    finally:
        if NAMED:
            with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
                client.drop_database(name)
