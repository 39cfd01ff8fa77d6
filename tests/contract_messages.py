"""Random messages of the contract, and the requests of HTTP that stand for them by its rules."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from google.api import annotations_pb2
from google.protobuf import any_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from hypothesis import strategies as st

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
#: Ids that stand in paths, where a slash is none of an id.
_IN_PATHS = ("model_id", "rebalance_id", "submission_id", "portfolio_id")
_IDS = st.text("0123456789abcdefXYZ", min_size=1, max_size=24)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_STRING: _TEXTS,
}
_SPECIAL: dict[str, st.SearchStrategy[Message]] = {
    "google.protobuf.Timestamp": st.builds(
        timestamp_pb2.Timestamp, seconds=st.integers(0, 4_000_000_000), nanos=st.integers(0, 999_999_999)
    ),
    "google.protobuf.Duration": st.builds(
        duration_pb2.Duration, seconds=st.integers(0, 1_000_000), nanos=st.integers(0, 999_999_999)
    ),
    "google.protobuf.FieldMask": st.builds(
        field_mask_pb2.FieldMask,
        paths=st.lists(st.sampled_from(["name", "positions", "portfolio_ids", "a.b_c"]), max_size=3),
    ),
}
_QUERY_STRINGS = ("google.protobuf.FieldMask",)


def _packed(reason: str) -> any_pb2.Any:
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="ordergen.globeco"))
    return detail


def messages(kind: Descriptor) -> st.SearchStrategy[Message]:
    """Messages of a kind, with anything in them that the wire can carry."""
    if kind.full_name == "google.protobuf.Any":
        return _TEXTS.map(_packed)
    if kind.full_name in _SPECIAL:
        return _SPECIAL[kind.full_name]
    return st.composite(_fill)(kind)


def _fill(draw: Callable[[st.SearchStrategy[Any]], Any], kind: Descriptor) -> Message:
    message = GetMessageClass(kind)()
    filled: set[str] = set()
    for one in kind.fields:
        group = one.containing_oneof.full_name if one.containing_oneof else one.full_name
        if group in filled or not draw(st.booleans()):
            continue
        filled.add(group)
        values = (
            st.lists(_values(one), max_size=3)
            if one.is_repeated
            else st.lists(_values(one), min_size=1, max_size=1)
        )
        for value in draw(values):
            _put(message, one, value)
    return message


def _values(one: FieldDescriptor) -> st.SearchStrategy[Any]:
    if one.message_type is not None:
        return messages(one.message_type)
    if one.enum_type is not None:
        return st.sampled_from([value.number for value in one.enum_type.values])
    return _IDS if one.name in _IN_PATHS else _SCALARS[one.cpp_type]


def _put(message: Message, one: FieldDescriptor, value: Any) -> None:  # noqa: ANN401 - what the field takes
    if one.is_repeated and one.message_type is not None:
        getattr(message, one.name).add().CopyFrom(value)
    elif one.is_repeated:
        getattr(message, one.name).append(value)
    elif one.message_type is not None:
        getattr(message, one.name).CopyFrom(value)
    else:
        setattr(message, one.name, value)


@dataclass(frozen=True)
class HttpRequest:
    """A request; its path begins below the version."""

    verb: str
    path: str
    body: bytes
    query: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def routable(method: MethodDescriptor) -> st.SearchStrategy[Message]:
    """Messages for an RPC that a path can lead to: nothing that stands in it is empty."""
    return messages(method.input_type).filter(lambda one: all(_at(one, path) for path in _in_path(method)))


def http_request(method: MethodDescriptor, message: Message, *, camel: bool = False) -> HttpRequest:
    """The request of HTTP that stands for a message, by the first rule of its RPC."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    path: str = getattr(rule, verb).removeprefix("/api/v1")
    left = GetMessageClass(method.input_type)()
    left.CopyFrom(message)
    variables = {}
    for name in _in_path(method):
        variables[name.rpartition(".")[2]] = _at(message, name)
        path = path.replace(f"{{{name}}}", quote(_at(message, name), safe=""))
        owner, _, last = name.rpartition(".")
        (getattr(left, owner) if owner else left).ClearField(last)
    content = MessageToDict(left, preserving_proto_field_name=not camel)
    if rule.body == "*":
        return HttpRequest(verb.upper(), path, json.dumps(content).encode(), variables=variables)
    camel_body = (
        method.input_type.fields_by_name[rule.body].camelcase_name if camel and rule.body else rule.body
    )
    body = json.dumps(content.pop(camel_body, {})).encode() if rule.body else b""
    return HttpRequest(verb.upper(), path, body, urlencode(list(_parameters(content))), variables)


def _in_path(method: MethodDescriptor) -> list[str]:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    template = getattr(rule, rule.WhichOneof("pattern"))
    return [part.partition("}")[0] for part in template.split("{")[1:]]


def _at(message: Message, path: str) -> str:
    value: Any = message
    for step in path.split("."):
        value = getattr(value, step)
    return str(value)


def _parameters(content: Mapping[str, Any], prefix: str = "") -> Any:  # noqa: ANN401 - an iterator of pairs
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _parameters(value, f"{prefix}{name}.")
        else:
            for one in value if isinstance(value, list) else [value]:
                yield f"{prefix}{name}", str(one).lower() if isinstance(one, bool) else one
