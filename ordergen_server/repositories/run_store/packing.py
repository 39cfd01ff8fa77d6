"""Values as few bytes as they need: MessagePack, deflated, with its form and its checksum before it.

    byte 0      the form: 1
    bytes 1-4   CRC-32 (ISO 3309) of what follows, big-endian
    bytes 5-    MessagePack (https://msgpack.org), deflated (RFC 1951)

A Decimal is its digits as text, so it comes back digit for digit.
"""

import zlib
from typing import TypeVar

import msgspec

from ordergen_server.domain.errors import StoredDataDamaged
from ordergen_server.repositories.mongodb.documents import decode_error, encode_error

Value = TypeVar("Value")

FORM = 1
_HEAD = 5
#: Of zlib: higher levels take twice the time for a twentieth of the bytes.
_LEVEL = 1
#: No header and no checksum of zlib's: ours covers what is stored.
_RAW = -zlib.MAX_WBITS


def pack(value: object) -> bytes:
    """The bytes of a value that msgspec knows, in which errors of the domain may stand."""
    deflated = zlib.compress(msgspec.msgpack.encode(value, enc_hook=encode_error), _LEVEL, _RAW)
    return bytes([FORM]) + zlib.crc32(deflated).to_bytes(4) + deflated


def unpack(packed: bytes, kind: type[Value], what: str) -> Value:
    """The value of these bytes.

    Args:
        packed: from `pack`.
        kind: what was packed.
        what: what it is, for the error.

    Raises:
        StoredDataDamaged: the bytes are of another form, or not those that were packed.
    """
    head, deflated = packed[:_HEAD], packed[_HEAD:]
    if head[:1] != bytes([FORM]):
        raise _damaged(what, "is of a form that this release does not know")
    if head[1:] != zlib.crc32(deflated).to_bytes(4):
        raise _damaged(what, "is not what was stored: its checksum is another")
    try:
        return msgspec.msgpack.decode(zlib.decompress(deflated, _RAW), type=kind, dec_hook=decode_error)
    except (zlib.error, msgspec.DecodeError) as error:
        raise _damaged(what, "cannot be read") from error


def _damaged(what: str, how: str) -> StoredDataDamaged:
    return StoredDataDamaged(f"{what[:1].upper()}{what[1:]} {how}.", metadata={"what": what})
