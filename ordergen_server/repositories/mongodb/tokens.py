"""Page tokens: opaque, signed, and bound to the arguments they were given for."""

import secrets
import time
from contextlib import suppress
from typing import cast

from bson.binary import Binary
from itsdangerous import BadData, URLSafeSerializer
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.requests.violations import broken
from ordergen_server.repositories.mongodb.database import Database

_ID = "page_tokens"
_KEY_BYTES = 32
_LOOK_AGAIN_SECONDS = 0.01


class PageTokens:
    """Makes and reads page tokens with a key that all servers of one database share."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, database: Database) -> "PageTokens":
        """With the key kept in the database; the first server makes it."""
        kept = database.collection("secrets")
        with database.operation():
            with suppress(DuplicateKeyError):  # another server was first
                key = Binary(secrets.token_bytes(_KEY_BYTES))
                kept.update_one({"_id": _ID}, {"$setOnInsert": {"key": key}}, upsert=True)
            while not (document := kept.find_one({"_id": _ID})):  # what it has just made may not be seen yet
                time.sleep(_LOOK_AGAIN_SECONDS)
        return cls(bytes(cast("Binary", document["key"])))

    def make(self, place: object, arguments: object) -> str:
        """A token that leads to `place` (a JSON value) for the same `arguments`."""
        return self._serializer(arguments).dumps(place)

    def read(self, token: str, arguments: object) -> object:
        """The place of a token; None of an empty one.

        Raises:
            InvalidArgument: the token is not one of ours, or belongs to other arguments.
        """
        if not token:
            return None
        try:
            place: object = self._serializer(arguments).loads(token)
        except BadData as error:
            rule = "must be the next_page_token of a call with the same arguments"
            raise broken("page_token", rule) from error
        return place

    def _serializer(self, arguments: object) -> URLSafeSerializer:
        return URLSafeSerializer(self._key, salt=repr(arguments))
