"""What was imported, in the collection `imports`: nothing comes twice, and nothing deleted comes back.

A document is `collection/id` of the source, with the SHA-256 of what stood there, and `done` once all of it
is ours. It is written before what is imported is: whatever there is of that, is known to be of the import.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from bson import Binary
from pymongo import UpdateOne

from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.driver_errors import there_already


@dataclass(frozen=True, slots=True)
class Imported:
    """What is known of something that was imported, or is about to be.

    Attributes:
        digest: SHA-256 of what the source had.
        done: all of it was stored.
    """

    digest: bytes
    done: bool


class ImportLedger:
    """The collection `imports`."""

    def __init__(self, database: Database) -> None:
        self._operation = database.operation
        self._writing = database.writing
        self._imports = database.collection("imports")

    def known(self, names: Collection[str]) -> dict[str, Imported]:
        """Those of these names that were imported before, or begun."""
        with self._operation():
            found = self._imports.find({"_id": {"$in": list(names)}})
            return {cast("str", one["_id"]): _imported(one) for one in found}

    def begin(self, digests: Mapping[str, bytes]) -> None:
        """Note what is about to be imported; of what is done nothing changes."""
        if not digests:
            return
        notes = [
            UpdateOne({"_id": name, "done": False}, {"$set": {"digest": Binary(digest)}}, upsert=True)
            for name, digest in digests.items()
        ]
        with self._writing(), there_already():  # what is done is there, and an upsert would make a second
            self._imports.bulk_write(notes, ordered=False)

    def end(self, names: Collection[str]) -> None:
        """Note that all of these is stored."""
        if not names:
            return
        with self._writing():
            self._imports.update_many({"_id": {"$in": list(names)}}, {"$set": {"done": True}})


def _imported(document: Document) -> Imported:
    return Imported(bytes(cast("bytes", document["digest"])), cast("bool", document["done"]))
