"""Schemas of the contract's messages in proto3 JSON, as OpenAPI 3.1 has them.

What is sent and what is answered differ: a caller may write an integer of 64 bits as a number, an enum by its
number, null for what is absent, and leaves out what the server gives. Answers never have any of it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordergen_server.rest.v2.comments import comments
from ordergen_server.rest.v2.json_rules import BITS

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"
LONGEST_STRING = 1024
#: Of strings that may be longer, by the full names of their fields.
LONGEST = {"globeco.ordergen.v1.ReviewRebalanceRequest.comment": 4096}
OBJECT_ID, ENTITY_ID = "[0-9a-f]{24}", "[0-9A-Za-z]{24}"
#: Forms that are the same wherever a field has the name.
PATTERNS = {
    "model_id": OBJECT_ID,
    "rebalance_id": OBJECT_ID,
    "submission_id": OBJECT_ID,
    "portfolio_id": ENTITY_ID,
    "portfolio_ids": ENTITY_ID,
    "security_id": ENTITY_ID,
    "request_id": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}",
}
_OURS = "globeco.ordergen.v1."
_SPECIAL: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$",
        "examples": ["30s"],
    },
    "google.protobuf.FieldMask": {"type": "string", "examples": ["name,positions"]},
    "google.protobuf.Any": {
        "type": "object",
        "description": "A message of the kind that @type names, such as google.rpc.ErrorInfo.",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
    },
}
_DESCRIBED = {
    "google.type.Decimal": "A decimal number, digit for digit.",
    "google.type.Decimal.value": "Such as 0.095; empty is 0.",
    "google.type.Date": "A day.",
    "google.protobuf.Empty": "Nothing.",
    "google.rpc.Status": "An error.",
    "google.rpc.Status.code": "Its number among the status codes of gRPC.",
    "google.rpc.Status.message": "For people.",
    "google.rpc.Status.details": "For programs.",
}


class Schemas:
    """The schemas that were asked for, and those that they refer to.

    Args:
        incoming: whether they are of what is sent, and not of answers.
    """

    def __init__(self, *, incoming: bool) -> None:
        self._incoming = incoming
        self._comments = {**_DESCRIBED, **comments()}
        self.components: dict[str, Schema] = {}

    def reference(self, message: Descriptor) -> Schema:
        """A reference to a message's schema, or the schema of what is a string in JSON."""
        if message.full_name in _SPECIAL:
            return dict(_SPECIAL[message.full_name])
        name = message.full_name.removeprefix(_OURS) + (".Input" if self._incoming else "")
        if name not in self.components:
            self.components[name] = {}  # for messages that refer to themselves
            self.components[name] = self.message(message)
        return {"$ref": f"{PREFIX}{name}"}

    def message(self, message: Descriptor, without: frozenset[str] = frozenset()) -> Schema:
        """The schema of a message, without fields that stand elsewhere."""
        fields = [one for one in self._fields(message) if one.name not in without]
        schema: Schema = {
            "type": "object",
            "properties": {one.name: self.field(one) for one in fields},
            "additionalProperties": False,
        }
        required = [one.name for one in fields if self._incoming and is_required(one)]
        description = self.said_of(message.full_name)
        return {
            **({"description": description} if description else {}),
            **schema,
            **({"required": required} if required else {}),
        }

    def field(self, field: FieldDescriptor) -> Schema:
        """The schema of a field."""
        schema = {"type": "array", "items": self._value(field)} if field.is_repeated else self._value(field)
        if self._incoming and not is_required(field):
            schema = _or_null(schema)
        said = [self.said_of(field.full_name), str(schema.get("description", ""))]
        return {**schema, "description": "\n\n".join(filter(None, said))} if any(said) else schema

    def parameter(self, field: FieldDescriptor) -> Schema:
        """The schema of a field in a path or a query, where everything is text."""
        if field.message_type is not None:
            return self.reference(field.message_type)
        value = self._value(field)
        if field.cpp_type in BITS:
            value = _integer(field)
        return {"type": "array", "items": value} if field.is_repeated else value

    def said_of(self, full_name: str) -> str:
        """The comment of something; empty where there is none."""
        return self._comments.get(full_name, "")

    def _fields(self, message: Descriptor) -> Iterator[FieldDescriptor]:
        for one in message.fields:
            if not self._incoming or not is_given_by_the_server(one):
                yield one

    def _value(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.reference(field.message_type)
        if field.enum_type is not None:
            return self._choice(field)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return {"type": "boolean"}
        return self._whole(field) if field.cpp_type in BITS else self._text(field)

    def _whole(self, field: FieldDescriptor) -> Schema:
        schema = _integer(field)
        if self._incoming:
            return {**schema, "type": ["integer", "string"], "pattern": "^-?[0-9]{1,20}$"}
        if schema["format"] == "int64":
            return {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
        return schema

    def _choice(self, field: FieldDescriptor) -> Schema:
        assert field.enum_type is not None  # noqa: S101 - as whoever calls it has looked
        values = field.enum_type.values
        names = [one.name for one in values]
        lines = [f"`{one.name}`: {self.said_of(_value_name(one))}" for one in values]
        described = {"description": "\n\n".join(lines)}
        if not self._incoming:
            return {"type": "string", "enum": names, **described}
        return {"enum": [*names, *(one.number for one in values)], **described}

    def _text(self, field: FieldDescriptor) -> Schema:
        schema: Schema = {"type": "string"}
        if self._incoming:
            schema["maxLength"] = LONGEST.get(field.full_name, LONGEST_STRING)
        if field.name in PATTERNS:
            empty = "" if is_required(field) or field.is_repeated else "?"
            schema = {"type": "string", "pattern": f"^({PATTERNS[field.name]}){empty}$"}
        return schema


def is_required(field: FieldDescriptor) -> bool:
    """Whether a request without it is refused."""
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def is_given_by_the_server(field: FieldDescriptor) -> bool:
    """Whether what a caller says of it is ignored."""
    return field_behavior_pb2.OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def _value_name(value: Any) -> str:  # noqa: ANN401 - an enum's value has no exported type
    """Values are named beside their enum, as C++ has them."""
    return f"{value.type.full_name}.{value.name}"


def _integer(field: FieldDescriptor) -> Schema:
    bound = 1 << BITS[field.cpp_type] - 1
    form = f"int{BITS[field.cpp_type]}"
    return {"type": "integer", "format": form, "minimum": -bound, "maximum": bound - 1}


def _or_null(schema: Schema) -> Schema:
    """The same, or null."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*kinds, "null"]}
