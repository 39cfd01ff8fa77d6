"""Domain values as documents, and back.

msgspec walks the dataclasses; Decimals and times stay what they are, for the driver to store exactly.
"""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from ordergen_server.domain.errors import OrderGenerationError, Resource, Violation, error_types
from ordergen_server.repositories.mongodb.codec import Document

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")


def to_document(value: object) -> Document:
    """A dataclass as a document."""
    return cast(
        "Document", msgspec.to_builtins(value, builtin_types=(Decimal, datetime), enc_hook=encode_error)
    )


def from_document(document: Document, kind: type[Value]) -> Value:
    """The dataclass of a document; fields it does not know are ignored."""
    return msgspec.convert(document, kind, dec_hook=decode_error)


def take_id(document: Document, name: str) -> Document:
    """The same document with its ObjectId `_id` as the text field `name`."""
    return {name: str(document["_id"]), **{key: value for key, value in document.items() if key != "_id"}}


def encode_error(value: object) -> Document:
    """What msgspec does not know itself: an error, as a document."""
    if isinstance(value, OrderGenerationError):
        return {
            "type": type(value).__name__,
            "message": value.message,
            "metadata": value.metadata,
            "violations": [to_document(violation) for violation in value.violations],
            "resource": to_document(value.resource) if value.resource else None,
            "retry_after_seconds": value.retry_after_seconds,
        }
    raise TypeError(f"{type(value).__name__} has no form in a document")


class _StoredError(msgspec.Struct):
    type: str
    message: str
    metadata: dict[str, str]
    violations: list[Violation]
    resource: Resource | None
    retry_after_seconds: float | None


def decode_error(kind: type, value: object) -> object:
    """The error of such a document."""
    if not issubclass(kind, OrderGenerationError):
        raise TypeError(f"{kind.__name__} has no form in a document")
    stored = msgspec.convert(value, _StoredError)
    build: Callable[..., OrderGenerationError] = error_types()[stored.type]
    return build(
        stored.message,
        metadata=stored.metadata,
        violations=stored.violations,
        resource=stored.resource,
        retry_after_seconds=stored.retry_after_seconds,
    )
