"""The contract: each service with its calls, then messages and enums, from descriptors and their comments."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from google.api import field_behavior_pb2
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)

from ordergen_server.api.security.scopes import SCOPE_OF
from ordergen_server.rest.v2.bindings import SERVICES, Binding, bindings
from ordergen_server.rest.v2.comments import comments
from tools.site.markdown import section, table

PACKAGE = "globeco.ordergen.v1"
_SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
}
#: What a field is, by its behaviour; what is optional needs no word.
_BEHAVIOURS = {
    field_behavior_pb2.REQUIRED: "required",
    field_behavior_pb2.OUTPUT_ONLY: "given by the server",
}


def contract() -> str:
    """All of it as Markdown, from headings of level 2 on.

    Raises:
        KeyError: something has no comment, or is of a type that is not known here.
    """
    return "\n".join(Contract(comments()).lines())


@dataclass(frozen=True)
class Contract:
    """What is told of the contract, with its comments by full names."""

    comments: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """Services, then what they take and answer, file by file."""
        for service in SERVICES:
            yield from self._service(service)
        for file in _files(service.file for service in SERVICES):
            for message in file.message_types_by_name.values():
                yield from self._message(message)
            for enum in file.enum_types_by_name.values():
                yield from self._enum(enum)

    def _service(self, service: ServiceDescriptor) -> Iterator[str]:
        yield from section(2, service.name, _target(service.full_name))
        yield from (self.comments[service.full_name], "")
        by_method = {binding.method.name: binding for binding in bindings([service])}
        for method in service.methods:
            yield from self._call(method, by_method.get(method.name))

    def _call(self, method: MethodDescriptor, binding: Binding | None) -> Iterator[str]:
        yield from section(3, method.name, _target(method.full_name))
        yield from (self.comments[method.full_name], "")
        answer = _link(method.output_type)
        rows = [
            ("Takes", _link(method.input_type)),
            ("Answers", f"a stream of {answer}" if method.server_streaming else answer),
            ("Needs", f"`{scope}`" if (scope := SCOPE_OF.get(_path(method))) else "no scope"),
        ]
        if binding:
            rows.append(("HTTP", f"`{binding.verb} {binding.path}`{_elsewhere(binding)}"))
        yield from table(("gRPC", f"`{_path(method)}`"), rows)

    def _message(self, message: Descriptor) -> Iterator[str]:
        yield from section(2, message.name, _target(message.full_name))
        yield from (self.comments[message.full_name], "")
        if message.fields:
            rows = ((f"`{one.name}`", _type(one), self._field(one)) for one in message.fields)
            yield from table(("Field", "Type", "Meaning"), rows)

    def _field(self, field: FieldDescriptor) -> str:
        found = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        words = [_BEHAVIOURS[one] for one in found if one in _BEHAVIOURS]
        if field.containing_oneof and field.has_presence and len(field.containing_oneof.fields) > 1:
            words.append(f"one of `{field.containing_oneof.name}`")
        return " ".join([*(f"*{word}.*" for word in words), self.comments[field.full_name]])

    def _enum(self, enum: EnumDescriptor) -> Iterator[str]:
        yield from section(2, enum.name, _target(enum.full_name))
        yield from (self.comments[enum.full_name], "")
        meaning = self.comments
        rows = (
            (f"`{one.name}`", str(one.number), meaning[f"{enum.full_name}.{one.name}"]) for one in enum.values
        )
        yield from table(("Value", "Number", "Meaning"), rows)


def _files(roots: Iterable[FileDescriptor]) -> list[FileDescriptor]:
    """The files of services and those of ours that they import, each once, resources first."""
    found: dict[str, FileDescriptor] = {}
    for root in roots:
        for file in (*root.dependencies, root):
            if file.package == PACKAGE:
                found.setdefault(file.name, file)
    return list(found.values())


def _target(full_name: str) -> str:
    """What leads to a heading; without capitals, as targets are compared."""
    return f"contract-{full_name.removeprefix(f'{PACKAGE}.').replace('.', '-').lower()}"


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _link(kind: Descriptor | EnumDescriptor) -> str:
    """The name of a type, and for one of ours the way to it."""
    if kind.file.package != PACKAGE:
        return f"`{kind.full_name}`"
    return f"[{kind.name}](#{_target(kind.full_name)})"


def _type(field: FieldDescriptor) -> str:
    kind = field.message_type or field.enum_type
    name = _link(kind) if kind else f"`{_SCALARS[field.type]}`"
    return f"list of {name}" if field.is_repeated else name


def _elsewhere(binding: Binding) -> str:
    """Where those fields of the request are that the path does not have."""
    in_path = {steps[0] for steps in binding.variables.values()} - {binding.body}
    left = [field.name for field in binding.request.fields if field.name not in in_path]
    in_body = left if binding.body == "*" else [name for name in left if name == binding.body]
    in_query = [name for name in left if name not in in_body]
    return _listed(in_body, "body") + _listed(in_query, "query")


def _listed(names: list[str], where: str) -> str:
    return f"; in the {where} {', '.join(f'`{name}`' for name in names)}" if names else ""
