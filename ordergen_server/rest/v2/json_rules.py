"""What JSON must look like to be a message: https://protobuf.dev/programming-guides/json/.

protobuf's own reader takes more than that (an empty list for a message, `true` for an enum, `1_0` for ten),
and names the first thing that it does not take. Here is every one, by the path that the API would name.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordergen_client.errors import Violation

#: Messages that are strings in JSON, each with what the string must be.
STRINGS = {
    "google.protobuf.Timestamp": "a time such as 2026-11-25T11:57:21Z",
    "google.protobuf.Duration": "a duration such as 1.5s",
    "google.protobuf.FieldMask": "names of fields by comma",
}
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_32, _64 = FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64
BITS = {_32: 32, _64: 64}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SHOWN = 64


def broken(value: object, message: Descriptor, path: str = "") -> Iterator[Violation]:
    """Every rule that a value breaks, where it is to be a message.

    Args:
        value: of JSON.
        message: what it is to be.
        path: of the field that it fills; empty for a whole request.
    """
    if message.full_name in STRINGS:
        if not _is_text(value):
            yield Violation(path, f"must be {STRINGS[message.full_name]}")
    elif not isinstance(value, dict):
        yield Violation(path, "must be a JSON object")
    else:
        yield from _broken_fields(value, message, path)


def field_of(message: Descriptor, name: str) -> FieldDescriptor | None:
    """A field by its name in the contract, or in lowerCamelCase, which proto3 JSON takes, too."""
    if not _is_text(name):  # at which protobuf's own look-up breaks
        return None
    return message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)


def shown(text: str, most: int = _SHOWN) -> str:
    """A caller's text as it can be shown: so many characters, and no halves of them."""
    safe = text[:most].encode("utf-8", "backslashreplace").decode()
    return safe if len(text) <= most else f"{safe}..."


def _broken_fields(value: dict[str, Any], message: Descriptor, path: str) -> Iterator[Violation]:
    seen = set()
    for name, inner in value.items():
        field = field_of(message, name)
        where = _below(path, field.name if field else shown(name))
        if field is None:
            yield Violation(where, f"is not a field of {message.name}")
        elif field.name in seen:
            yield Violation(where, "is given twice")
        else:
            seen.add(field.name)
            yield from () if inner is None else _broken_field(inner, field, where)


def _broken_field(value: object, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    if not field.is_repeated:
        yield from _broken_value(value, field, path)
    elif not isinstance(value, list):
        yield Violation(path, "must be a JSON array")
    else:
        for place, inner in enumerate(value):
            yield from _broken_value(inner, field, f"{path}[{place}]")


def _broken_value(value: object, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    if field.message_type is not None:
        yield from broken(value, field.message_type, path)
        return
    is_right, rule = _RULES[field.cpp_type]
    if not is_right(value, field):
        yield Violation(path, rule)


def _is_text(value: object, _: object = None) -> bool:
    return isinstance(value, str) and not _SURROGATE.search(value)


def _is_integer(value: object, field: FieldDescriptor) -> bool:
    is_text = isinstance(value, str) and _INTEGER.fullmatch(value)
    if is_text or (isinstance(value, float) and value.is_integer()):
        value = int(value)  # type: ignore[call-overload] # it is text or a float, as was looked
    bound = 1 << BITS[field.cpp_type] - 1
    return isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound


def _is_choice(value: object, field: FieldDescriptor) -> bool:
    if isinstance(value, str) and field.enum_type is not None:
        return _is_text(value) and value in field.enum_type.values_by_name
    bound = 1 << 31
    return isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound


def _is_bool(value: object, _: object) -> bool:
    return isinstance(value, bool)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


#: The contract has no other kinds of fields; a KeyError here would say that it has one.
_RULES: dict[int, tuple[Callable[[object, FieldDescriptor], bool], str]] = {
    _32: (_is_integer, "must be an integer of 32 bits"),
    _64: (_is_integer, "must be an integer of 64 bits, as a string or a number"),
    FieldDescriptor.CPPTYPE_BOOL: (_is_bool, "must be true or false"),
    FieldDescriptor.CPPTYPE_STRING: (_is_text, "must be a string of Unicode text"),
    FieldDescriptor.CPPTYPE_ENUM: (_is_choice, "must be the name of a value, or its number"),
}
