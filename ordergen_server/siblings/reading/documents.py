"""JSON into records, each by itself: one bad record of a list must not spoil the others.

Values stay the bytes that were sent (`msgspec.Raw`) until someone reads them: no float ever holds a number.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeVar

import msgspec

from ordergen_server.siblings.calling.failures import Flaw, Unreadable, shown
from ordergen_server.siblings.reading.entries import not_blank

Document = TypeVar("Document")
#: What msgspec raises over bytes of every kind; nesting without end ends in a RecursionError.
MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
ABSENT = msgspec.Raw(b"")

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
# Strings, so that they are passed over, or the bare words that some encoders write for what is no number.
_BARE_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b')

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def records(body: bytes) -> list[msgspec.Raw]:
    """The records of a JSON list, each still unread.

    Raises:
        Unreadable: the body is not a JSON list.
    """
    try:
        return decoded(body, _LIST)
    except msgspec.ValidationError as error:
        raise Unreadable(f"answered no list: {error}") from error


def decoded(body: bytes, decoder: "msgspec.json.Decoder[Document]") -> Document:
    """The JSON as the type of the decoder; a bare NaN or Infinity, which is no JSON, is read as a string.

    Raises:
        msgspec.ValidationError: it is JSON of another type.
        Unreadable: it is not JSON.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except MALFORMED as error:
        quoted = _quote_bare_words(body)
        if quoted != body:
            return decoded(quoted, decoder)
        raise Unreadable(f"answered what is not JSON: {_why(error)}") from error


def flaw_of(error: msgspec.ValidationError) -> Flaw:
    """The flaw that msgspec found; it names the field as `rule - at `$.field``."""
    rule, _, field = str(error).partition(" - at `$")
    return Flaw(field.strip(".`") or "body", shown(rule))


def number(raw: msgspec.Raw, path: str, read: Callable[[str, str], Decimal | Flaw]) -> Decimal | Flaw:
    """Read a number, with a reader of `decimals`, from a JSON number or a string that holds one."""
    sent = bytes(raw).decode(errors="replace")
    if not sent:
        return Flaw(path, "must be there")
    return read(sent[1:-1] if sent[0] == '"' else sent, path)


def text(raw: msgspec.Raw, path: str) -> str | Flaw:
    """Read a string that is not blank."""
    try:
        value = _TEXT.decode(raw)
    except MALFORMED:
        sent = bytes(raw).decode(errors="replace")
        return Flaw(path, f"must be a string, not {shown(sent) or 'absent'}")
    return not_blank(value, path)


def day(raw: msgspec.Raw) -> date | None:
    """Read a day as ISO 8601 has it; None of all else: a price is as good, and nobody knows how old it is."""
    found = text(raw, "date")
    try:
        return date.fromisoformat(found) if isinstance(found, str) and _DAY.fullmatch(found) else None
    except ValueError:  # the 30th of February
        return None


def _quote_bare_words(body: bytes) -> bytes:
    return _BARE_WORD.sub(lambda match: match[0] if match[0][:1] == b'"' else b'"' + match[0] + b'"', body)


def _why(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else shown(error)
