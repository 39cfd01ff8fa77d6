"""Values as few bytes as they need: MessagePack, with its form and its checksum before it.

    byte 0      the form: 1 deflated, 2 as it is
    bytes 1-4   CRC-32 (ISO 3309) of what follows, big-endian
    bytes 5-    MessagePack (https://msgpack.org), in form 1 deflated (RFC 1951)

A Decimal is its digits as text, so it comes back digit for digit.
"""

import zlib
from typing import TypeVar

import msgspec

from ordergen_server.domain.errors import StoredDataDamaged
from ordergen_server.repositories.mongodb.documents import decode_error, encode_error

Value = TypeVar("Value")

DEFLATED, PLAIN = b"\x01", b"\x02"
_HEAD = 5
#: What has no more bytes stays as it is: deflating it would take longer than storing what it saves, and hand
#: the interpreter over to other threads each time.
PLAIN_BYTES = 4096
#: Of zlib: higher levels take twice the time for a twentieth of the bytes.
_LEVEL = 1
#: No header and no checksum of zlib's: ours covers what is stored.
_RAW = -zlib.MAX_WBITS


def pack(value: object) -> bytes:
    """The bytes of a value that msgspec knows, in which errors of the domain may stand."""
    packed = msgspec.msgpack.encode(value, enc_hook=encode_error)
    form = PLAIN
    if len(packed) > PLAIN_BYTES:
        form, packed = DEFLATED, zlib.compress(packed, _LEVEL, _RAW)
    return form + zlib.crc32(packed).to_bytes(4) + packed


def unpack(packed: bytes, kind: type[Value], what: str) -> Value:
    """The value of these bytes.

    Args:
        packed: from `pack`.
        kind: what was packed.
        what: what it is, for the error.

    Raises:
        StoredDataDamaged: the bytes are of another form, or not those that were packed.
    """
    form, checksum, stored = packed[:1], packed[1:_HEAD], packed[_HEAD:]
    if form not in (DEFLATED, PLAIN):
        raise _damaged(what, "is of a form that this release does not know")
    if checksum != zlib.crc32(stored).to_bytes(4):
        raise _damaged(what, "is not what was stored: its checksum is another")
    try:
        plain = stored if form == PLAIN else zlib.decompress(stored, _RAW)
        return msgspec.msgpack.decode(plain, type=kind, dec_hook=decode_error)
    except (zlib.error, msgspec.DecodeError) as error:
        raise _damaged(what, "cannot be read") from error


def _damaged(what: str, how: str) -> StoredDataDamaged:
    return StoredDataDamaged(f"{what[:1].upper()}{what[1:]} {how}.", metadata={"what": what})
