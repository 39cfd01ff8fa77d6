"""What stands before fields on the wire (https://protobuf.dev/programming-guides/encoding).

For messages of which an answer has hundreds: the bytes of their fields, one after another, are the message.
Built field by field they take several times as long.
"""

from google.protobuf.descriptor import Descriptor

_TEXT = b"\x0a"  # the field `value` of google.type.Decimal
_LENGTH_DELIMITED = 2


class Heads(dict[int, bytes]):
    """What stands before a field of a message, by the bytes of that; each is made once.

    Args:
        message: has the field.
        name: of the field.
    """

    def __init__(self, message: Descriptor, name: str) -> None:
        super().__init__()
        self._tag = _varint(message.fields_by_name[name].number << 3 | _LENGTH_DELIMITED)

    def __missing__(self, size: int) -> bytes:
        made = self[size] = self._made(size)
        return made

    def _made(self, size: int) -> bytes:
        return self._tag + _varint(size)


class DecimalHeads(Heads):
    """What stands before the text of a number, by the length of that."""

    def _made(self, size: int) -> bytes:
        inner = _TEXT + _varint(size)
        return super()._made(len(inner) + size) + inner


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte, and one that says that more follow
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
