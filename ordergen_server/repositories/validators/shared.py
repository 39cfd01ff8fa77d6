"""What rules of documents have in common."""

from bson.decimal128 import Decimal128

from ordergen_server.repositories.mongodb.codec import Document

ENTITY_ID = {"bsonType": "string", "pattern": "^[0-9A-Za-z]{24}$"}
#: What `str.strip` takes away; each database has its own idea of \s.
SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
ZERO, ONE = Decimal128("0"), Decimal128("1")


def each_once(values: Document) -> Document:
    """No value stands in an array twice; uniqueItems takes some databases the square of its length."""
    return {"$eq": [{"$size": {"$setUnion": [values, []]}}, {"$size": values}]}
