"""Reads the database of the service before, which is never written."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bson import Decimal128, ObjectId, decode
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING

from ordergen_server.domain.errors import Unavailable
from ordergen_server.legacy.flaws import shown
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.database import Database

MODELS, REBALANCES = COLLECTIONS = "models", "rebalances"
#: Of a batch, whichever is reached first; a document has at most 16 MB.
BATCH_DOCUMENTS, BATCH_BYTES = 100, 4 * 1024 * 1024
#: What only databases of this service have.
_OURS = "migrations"
_HEXADECIMAL = re.compile("[0-9a-f]{24}", re.ASCII)
#: A time that Python has none for stays a number of milliseconds, so that it can be told which field it is.
READING = CODEC_OPTIONS.with_options(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
#: Of a document that is looked at before it is read: its id is wanted, whatever else is in it.
_LOOKING = CodecOptions(
    document_class=RawBSONDocument,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


class NotTheSourceError(Exception):
    """The database is not one of the service before."""


class SourceUnavailableError(Exception):
    """The database does not answer."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is stored, not decoded.

    Attributes:
        key: its `_id` as text.
        has_id: whether that is one that the service before gives, and so do we.
        version: its version, whatever it is.
        digest: SHA-256 of its bytes.
    """

    key: str
    has_id: bool
    version: object
    digest: bytes
    data: bytes

    def decoded(self) -> Document | None:
        """Its fields; None where there is text that is no UTF-8."""
        try:
            document: Document = decode(self.data, READING)
        except (InvalidBSON, UnicodeDecodeError):
            return None
        return document


class Source:
    """The collections of the service before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self) -> None:
        """Look whether there is something that may be imported.

        Raises:
            NotTheSourceError: the database is one of this service, or has neither models nor rebalances.
            SourceUnavailableError: it does not answer.
        """
        with self._reading():
            if self._database.collection(_OURS).find_one({}, {"_id": 1}):
                raise NotTheSourceError("the database to import from is one of this service itself")
            if not any(self._database.collection(name).find_one({}, {"_id": 1}) for name in COLLECTIONS):
                raise NotTheSourceError(
                    "the database to import from has neither models nor rebalances: is its name right?"
                )

    def count(self) -> int:
        """About how many documents there are. Raises SourceUnavailableError."""
        with self._reading():
            return sum(self._database.collection(one).estimated_document_count() for one in COLLECTIONS)

    def batches(self, collection: str) -> Iterator[list[Stored]]:
        """All documents of a collection in the order of their ids, some at a time.

        Raises:
            SourceUnavailableError: it does not answer.
        """
        looked_at = self._database.raw_collection(collection).with_options(codec_options=_LOOKING)
        with looked_at.find({}, batch_size=BATCH_DOCUMENTS).sort("_id", ASCENDING) as documents:
            while batch := self._next(documents):
                yield batch

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with self._database.operation():
                yield
        except Unavailable as error:
            raise SourceUnavailableError(error.message) from error

    def _next(self, documents: Iterator[RawBSONDocument]) -> list[Stored]:
        batch: list[Stored] = []
        size = 0
        with self._reading():
            for document in documents:
                batch.append(_stored(document))
                size += len(document.raw)
                if len(batch) >= BATCH_DOCUMENTS or size >= BATCH_BYTES:
                    break
        return batch


def _stored(document: RawBSONDocument) -> Stored:
    data = bytes(document.raw)
    key = document["_id"]
    has_id = isinstance(key, ObjectId) or (isinstance(key, str) and _HEXADECIMAL.fullmatch(key) is not None)
    name = str(key) if has_id else shown(key)
    version = document.get("version")
    if isinstance(version, Decimal128):  # which is read as a Decimal elsewhere
        version = version.to_decimal()
    return Stored(name, has_id, version, hashlib.sha256(data).digest(), data)
