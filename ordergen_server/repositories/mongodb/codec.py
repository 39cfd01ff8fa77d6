"""Numbers and times as they are stored: every Decimal digit for digit, every time in UTC."""

from datetime import UTC
from decimal import Clamped, Context, Decimal, Rounded
from functools import lru_cache

from bson.codec_options import CodecOptions, TypeCodec, TypeRegistry
from bson.decimal128 import Decimal128, create_decimal128_context
from bson.raw_bson import RawBSONDocument

Document = dict[str, object]

_CACHED = 65_536
#: A Decimal128 (IEEE 754-2008, its digits a binary integer): a bit of sign, 14 of exponent, these of digits.
_BITS, _DIGITS, _BIAS = 113, 34, 6176
#: Exponents from here on stand for another place of the digits, infinity and NaN.
_OTHER_FORMS = 3 << 12
_DECIMAL128: Context = create_decimal128_context()
for _signal in (Rounded, Clamped):  # silent otherwise
    _DECIMAL128.traps[_signal] = True


def encoded(value: Decimal) -> Decimal128 | str:
    """The Decimal128 of the same digits and exponent, or the text of more digits than it can hold.

    The driver does the same, bit by bit, which would take longer than making all else of a result's document.
    """
    return _encoded(str(value))


# A run writes the same prices and weights for every portfolio.
@lru_cache(maxsize=_CACHED)
def _encoded(text: str) -> Decimal128 | str:
    whole, _, fraction = text.removeprefix("-").partition(".")
    digits = whole + fraction
    if not digits.isdigit() or len(digits) > _DIGITS:
        return _encoded_by_driver(text)
    sign_and_exponent = (text[0] == "-") << 14 | _BIAS - len(fraction)
    return Decimal128.from_bid((sign_and_exponent << _BITS | int(digits)).to_bytes(16, "little"))


def _encoded_by_driver(text: str) -> Decimal128 | str:
    try:
        return Decimal128(_DECIMAL128.create_decimal(text))
    except (Rounded, Clamped):
        return text


@lru_cache(maxsize=_CACHED)
def _decoded(bits: bytes) -> Decimal:
    sign_and_exponent, digits = divmod(int.from_bytes(bits, "little"), 1 << _BITS)
    sign, exponent = divmod(sign_and_exponent, 1 << 14)
    if exponent >= _OTHER_FORMS or digits >= 10**_DIGITS:
        return Decimal128.from_bid(bits).to_decimal()
    return Decimal(f"{'-' * sign}{digits}E{exponent - _BIAS}")


class DecimalCodec(TypeCodec):
    """Stores a Decimal as Decimal128, digit for digit; one of more than 34 digits as its text."""

    python_type = Decimal
    bson_type = Decimal128

    def transform_python(self, value: Decimal) -> Decimal128 | str:
        """The Decimal128 of the same digits and exponent, or the text of more digits than it can hold."""
        return encoded(value)

    def transform_bson(self, value: Decimal128) -> Decimal:
        """The Decimal of the same digits and exponent."""
        return _decoded(value.bid)


CODEC_OPTIONS: CodecOptions[Document] = CodecOptions(
    tz_aware=True, tzinfo=UTC, type_registry=TypeRegistry([DecimalCodec()])
)


#: Leaves documents as the bytes they came as.
RAW_OPTIONS: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
