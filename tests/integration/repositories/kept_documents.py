"""Whether a database keeps a document; and documents that break a rule."""

from collections.abc import Callable

from pymongo.errors import DuplicateKeyError, WriteError

from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database


def database_accepts(database: Database, name: str, document: Document) -> bool:
    """Whether it can be inserted in a collection; it is not kept."""
    collection = database.collection(name)
    try:
        collection.insert_one(document)
    except DuplicateKeyError:
        raise
    except WriteError:
        return False
    collection.delete_one({"_id": document["_id"]})
    return True


def with_fields(**changes: object) -> Callable[[Document], None]:
    def breaking(document: Document) -> None:
        document.update(changes)

    return breaking


def without(name: str) -> Callable[[Document], None]:
    def breaking(document: Document) -> None:
        del document[name]

    return breaking
