"""Requests off the wire: bounded before they are parsed, and an error of the domain where they cannot be.

A message is bounded as bytes, for parsing is what costs: 3.8 MB of empty positions become 110 MB. The walk
(https://protobuf.dev/programming-guides/encoding) ends at the first bound that is broken, so that whatever
is sent costs no more than the largest request we take.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from ordergen_server.domain.errors import OrderGenerationError, Unsupported
from ordergen_server.domain.requests.violations import broken

#: How many entries each repeated field of a request may have, by its full name below the package.
MAXIMUM_ENTRIES = {
    "globeco.ordergen.v1.Model.positions": 100,
    "globeco.ordergen.v1.Model.portfolio_ids": 100_000,
    "globeco.ordergen.v1.AddPortfoliosRequest.portfolio_ids": 100_000,
    "globeco.ordergen.v1.RemovePortfoliosRequest.portfolio_ids": 100_000,
    "globeco.ordergen.v1.ListRebalancesRequest.portfolio_ids": 100_000,
    "globeco.ordergen.v1.RebalanceModelRequest.portfolio_ids": 100_000,
    "globeco.ordergen.v1.RebalanceModelRequest.draft_positions": 100,
    "globeco.ordergen.v1.RebalanceModelRequest.cash_flows": 10_000,
    "globeco.ordergen.v1.StartRebalanceRequest.portfolio_ids": 100_000,
    "globeco.ordergen.v1.StartRebalanceRequest.cash_flows": 10_000,
    "globeco.ordergen.v1.CompareOptionsRequest.variants": 10,
    "globeco.ordergen.v1.OptionsVariant.draft_positions": 100,
    "globeco.ordergen.v1.RebalanceOptions.restrictions": 1_000,
    "globeco.ordergen.v1.RebalanceOptions.lot_sizes": 1_000,
    "globeco.ordergen.v1.RebalanceOptions.security_limits": 1_000,
    "globeco.ordergen.v1.RebalanceOptions.group_limits": 100,
    "globeco.ordergen.v1.GroupLimit.security_ids": 1_000,
    "globeco.ordergen.v1.PortfolioSettings.restrictions": 250,
    "globeco.ordergen.v1.PortfolioSettings.security_limits": 1_000,
    "globeco.ordergen.v1.ReviewRebalanceRequest.portfolio_ids": 10_000,
    "globeco.ordergen.v1.SubmitOrdersRequest.portfolio_ids": 10_000,
    "globeco.ordergen.v1.ResolveSecuritiesRequest.securities": 1_000,
    "globeco.ordergen.v1.ResolvePortfoliosRequest.portfolios": 1_000,
    "google.protobuf.FieldMask.paths": 32,
}
MAXIMUM_STRING_BYTES = 1024
#: Of strings that may have more, by the full names of their fields.
MAXIMUM_BYTES = {"globeco.ordergen.v1.ReviewRebalanceRequest.comment": 4096}
#: Of a whole request: more than the largest that keeps all other bounds, with a cash flow of 3 each.
MAXIMUM_FIELDS = 320_000

#: What begins or decides something, and what is to hold in all runs: what a newer contract has must not be
#: passed over as if nobody had asked for it.
_STRICT = (
    *("RebalancePortfolioRequest", "RebalanceModelRequest", "StartRebalanceRequest"),
    "CompareOptionsRequest",  # as what is compared begins runs afterwards
    "UpdatePortfolioSettingsRequest",
    *("ReviewRebalanceRequest", "SubmitOrdersRequest"),
)
#: Wire types, and the bytes of those that always have as many.
_VARINT, _BYTES, _FIXED = 0, 2, {1: 8, 5: 4}
Decoder = Callable[[bytes], Message | OrderGenerationError]


def decoder(method: MethodDescriptor) -> Decoder:
    """What makes the request of a method of its bytes, or the error that its caller gets."""
    request = method.input_type
    parse: Callable[[bytes], Message] = message_factory.GetMessageClass(request).FromString

    def decode(raw: bytes) -> Message | OrderGenerationError:
        try:
            _Walk().message(raw, 0, len(raw), request, "")
            message = parse(raw)
            if request.name in _STRICT:
                _refuse_unknown(message)
        except OrderGenerationError as error:
            return error.with_traceback(None)  # whose frames hold what was sent
        except (DecodeError, IndexError):  # with what was sent in its text, which need not be text
            return broken("request", f"must be a {request.full_name}, as stubs of our protos send it")
        return message

    return decode


def _refuse_unknown(message: Message) -> None:
    for path in _unknown(message, ""):
        raise Unsupported(
            f"This server does not know the field {path}: leave it out, or ask a server of a newer release.",
            metadata={"feature": path},
        )


def _unknown(message: Message, above: str) -> Iterator[str]:
    """The paths of fields that the contract does not have, by their numbers."""
    unknown = UnknownFieldSet(message)
    yield from (f"{above}{unknown[index].field_number}" for index in range(len(unknown)))
    for field, value in message.ListFields():
        if field.message_type:
            for one in value if field.is_repeated else [value]:
                yield from _unknown(one, f"{above}{field.name}.")


class _Field(NamedTuple):
    """What is bounded of a field: its entries, or what is inside it; and which others it excludes."""

    name: str
    maximum: int | None
    message: Descriptor | None
    maximum_bytes: int | None
    oneof: str


@cache
def _fields(message: Descriptor) -> dict[int, _Field]:
    return {field.number: _field(field) for field in message.fields}


def _field(field: FieldDescriptor) -> _Field:
    maximum = MAXIMUM_ENTRIES[field.full_name] if field.is_repeated else None
    oneof = field.containing_oneof.name if field.containing_oneof else ""
    # A decimal number is one value to callers, by the path of the field itself.
    is_number = field.message_type and field.message_type.full_name == "google.type.Decimal"
    is_text = bool(is_number) or field.type == FieldDescriptor.TYPE_STRING
    longest = MAXIMUM_BYTES.get(field.full_name, MAXIMUM_STRING_BYTES) if is_text else None
    return _Field(field.name, maximum, None if is_number else field.message_type, longest, oneof)


class _Walk:
    """One walk over the bytes of a request. Raises InvalidArgument at the first bound that is broken."""

    def __init__(self) -> None:
        self._seen = 0
        self._counts: dict[str, int] = {}
        self._chosen: dict[str, str] = {}

    def message(self, raw: bytes, at: int, end: int, message: Descriptor, path: str) -> None:
        """Walk over a message between two places; IndexError where a field goes on beyond the end."""
        fields = _fields(message)
        while at < end:
            self._seen += 1
            if self._seen > MAXIMUM_FIELDS:
                raise broken("request", f"must have at most {MAXIMUM_FIELDS:,} fields in all")
            tag, at = _varint(raw, at)
            field = fields.get(tag >> 3)
            start, at = _extent(raw, at, tag & 7)
            if at > end:
                raise IndexError("a field is cut off")
            if field and field.oneof:
                self._choose(field, path)
            if field and tag & 7 == _BYTES:
                self._bound(raw, start, at, field, path)

    def _choose(self, field: _Field, above: str) -> None:
        first = self._chosen.setdefault(f"{above}{field.oneof}", field.name)
        if first != field.name:  # protobuf would forget the first: a floor, say
            raise broken(above + field.name, f"must not be given together with {first}")

    def _bound(self, raw: bytes, start: int, end: int, field: _Field, above: str) -> None:
        path = above + field.name
        if field.maximum is not None:
            index = self._counts[path] = self._counts.get(path, -1) + 1
            if index >= field.maximum:
                raise broken(path, f"must have at most {field.maximum:,} entries")
            path = f"{path}[{index}]"
        if field.message:
            self.message(raw, start, end, field.message, f"{path}.")
        elif field.maximum_bytes is not None and end - start > field.maximum_bytes:
            raise broken(path, f"must have at most {field.maximum_bytes:,} bytes, not {end - start:,}")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it."""
    byte = raw[at]
    if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80 or shift > 63:  # noqa: PLR2004 - ten bytes at the most
            return value, at + 1
        shift += 7


def _extent(raw: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Where the value of a field begins, and where it ends."""
    if wire_type == _BYTES:
        length, start = _varint(raw, at)
        return start, start + length
    if wire_type == _VARINT:
        return at, _varint(raw, at)[1]
    if wire_type in _FIXED:
        return at, at + _FIXED[wire_type]
    raise DecodeError("no message of this service has groups")
