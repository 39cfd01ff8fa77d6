"""Rules of HTTP that our contract does not have are served as they are meant, or end the start."""

import pytest
from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from ordergen_server.rest.v2.bindings import bindings
from ordergen_server.rest.v2.requests import MalformedRequest, message_from

_FIELD = descriptor_pb2.FieldDescriptorProto


def service(name: str, rule: http_pb2.HttpRule) -> ServiceDescriptor:
    """A service with one method, whose request has values, lists, and messages like itself."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto",
        package=f"tests.{name}",
        syntax="proto3",
        dependency=[annotations_pb2.DESCRIPTOR.name],
    )
    kind = file.message_type.add(name="Request")
    for number, (field, of, label) in enumerate(
        [
            ("name", _FIELD.TYPE_STRING, _FIELD.LABEL_OPTIONAL),
            ("flag", _FIELD.TYPE_BOOL, _FIELD.LABEL_OPTIONAL),
            ("numbers", _FIELD.TYPE_INT64, _FIELD.LABEL_REPEATED),
            ("inner", _FIELD.TYPE_MESSAGE, _FIELD.LABEL_OPTIONAL),
            ("inners", _FIELD.TYPE_MESSAGE, _FIELD.LABEL_REPEATED),
        ],
        start=1,
    ):
        one = kind.field.add(name=field, number=number, type=of, label=label)
        if of == _FIELD.TYPE_MESSAGE:
            one.type_name = f".tests.{name}.Request"
    method = file.service.add(name="Service").method.add(name="Do")
    method.input_type = method.output_type = f".tests.{name}.Request"
    method.options.Extensions[annotations_pb2.http].CopyFrom(rule)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName(f"tests.{name}.Service")


@pytest.fixture(scope="module")
def plain() -> ServiceDescriptor:
    return service("plain", http_pb2.HttpRule(get="/api/v1/things"))


def test_parameters_reach_into_messages_and_repeat() -> None:
    [one] = bindings([service("nested", http_pb2.HttpRule(get="/api/v1/things/{inner.name}"))])
    assert (one.path, one.variables) == ("/api/v2/things/{name}", {"name": ("inner", "name")})
    query = b"flag=true&inner.numbers=1&inner.numbers=-2&inner.inner.flag=false&inner.inner.name=a%20b"
    got = message_from(one, b"", query, {"name": "n"}, {})
    assert str(got).split() == [
        *("flag:", "true", "inner", "{", 'name:', '"n"', "numbers:", "1", "numbers:", "-2"),
        *("inner", "{", "name:", '"a', 'b"', "}", "}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "subject"),
    [
        (b"inner=1", "inner"),
        (b"inners=1", "inners"),
        (b"inners.name=a", "inners.name"),
        (b"name.a=1", "name.a"),
        (b"flag=1&flag.a=1", "flag.a"),
        (b"flag=yes", "flag"),
    ],
)
def test_a_parameter_that_no_query_can_have_is_named(
    plain: ServiceDescriptor, query: bytes, subject: str
) -> None:
    [one] = bindings([plain])
    with pytest.raises(MalformedRequest) as raised:
        message_from(one, b"", query, {}, {})
    assert [one.subject for one in raised.value.violations] == [subject]


def test_a_method_may_have_several_paths() -> None:
    rule = http_pb2.HttpRule(post="/api/v1/things", body="inner")
    rule.additional_bindings.add(delete="/api/v1/things/{name}:all")
    first, second = bindings([service("several", rule)])
    assert (first.verb, first.path, first.body) == ("POST", "/api/v2/things", "inner")
    assert (second.verb, second.path, second.body) == ("DELETE", "/api/v2/things/{name}:all", "")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("custom", http_pb2.HttpRule(custom=http_pb2.CustomHttpPattern(kind="TRACE", path="/api/v1/a"))),
        ("elsewhere", http_pb2.HttpRule(get="/v1/a")),
        ("pattern", http_pb2.HttpRule(get="/api/v1/{name=things/*}")),
        ("same", http_pb2.HttpRule(get="/api/v1/{name}/{inner.name}")),
    ],
)
def test_a_rule_that_is_not_served_ends_the_start(name: str, rule: http_pb2.HttpRule) -> None:
    with pytest.raises(ValueError, match=f"HTTP rule of tests.{name}.Service.Do cannot be served"):
        bindings([service(name, rule)])
