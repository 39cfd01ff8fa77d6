"""Which request of HTTP is which RPC: read from the `google.api.http` rules of the contract.

https://github.com/googleapis/googleapis/blob/master/google/api/http.proto says what a rule means.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from globeco.ordergen.v1 import model_service_pb2, rebalance_service_pb2, reference_service_pb2
from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor

from ordergen_server.rest.answering.rpc_errors import PREFIX

SERVICES: tuple[ServiceDescriptor, ...] = (
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
    rebalance_service_pb2.DESCRIPTOR.services_by_name["RebalanceService"],
    reference_service_pb2.DESCRIPTOR.services_by_name["ReferenceService"],
)
#: What the contract's rules begin with. Version 1 has other forms than the contract, and is not made from it.
CONTRACT_PREFIX = "/api/v1"
_VARIABLE = re.compile(r"\{([a-z_][a-z0-9_.]*)\}")


@dataclass(frozen=True, slots=True)
class Binding:
    """A method of HTTP and a path that stand for an RPC.

    Attributes:
        method: the RPC.
        verb: the method of HTTP.
        path: below `/api/v2`, its variables named by the last step of their field.
        variables: the field, step by step, that each variable of the path fills.
        body: the field that the body fills; `*` is every field that the path does not fill, empty none.
    """

    method: MethodDescriptor
    verb: str
    path: str
    variables: dict[str, tuple[str, ...]]
    body: str

    @property
    def request(self) -> Descriptor:
        """What the RPC takes."""
        return self.method.input_type

    @property
    def body_type(self) -> Descriptor | None:
        """The message that the body is; None where there is none."""
        if self.body in ("", "*"):
            return self.request if self.body else None
        return self.request.fields_by_name[self.body].message_type

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream."""
        return bool(self.method.server_streaming)

    @property
    def can_resume(self) -> bool:
        """Whether a stream can be left, and gone on with after the last event that was seen."""
        return self.streams and "after_sequence" in self.request.fields_by_name

    @property
    def grpc_path(self) -> str:
        """The method as gRPC calls it."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"


def bindings(services: Sequence[ServiceDescriptor] = SERVICES) -> list[Binding]:
    """All of them. Raises ValueError where a rule has what is not served here."""
    return [one for service in services for method in service.methods for one in _of_method(method)]


def _of_method(method: MethodDescriptor) -> Iterator[Binding]:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    for one in (rule, *rule.additional_bindings):
        if one.WhichOneof("pattern"):
            yield _of_rule(method, one)


def _of_rule(method: MethodDescriptor, rule: http_pb2.HttpRule) -> Binding:
    """The binding of a rule."""
    verb: str = rule.WhichOneof("pattern")
    template: str = rule.custom.path if verb == "custom" else getattr(rule, verb)
    fields = {name.rpartition(".")[2]: tuple(name.split(".")) for name in _VARIABLE.findall(template)}
    path = _VARIABLE.sub(lambda found: f"{{{found[1].rpartition('.')[2]}}}", template)
    if verb == "custom" or not path.startswith(f"{CONTRACT_PREFIX}/") or path.count("{") != len(fields):
        raise ValueError(f"the HTTP rule of {method.full_name} cannot be served: {template}")
    return Binding(method, verb.upper(), PREFIX + path.removeprefix(CONTRACT_PREFIX), fields, rule.body)
