"""Every field of every request: its rule, the values that break it, and the test that holds it.

`python -m tests.e2e.request_fields` writes docs/requests.md from this table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from globeco.ordergen.v1 import (
    diagnostics_service_pb2,
    model_service_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from tests.e2e.request_rules import desk, models, options, orders, runs
from tests.e2e.request_rules.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "requests.md"
SERVICES = (
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
    rebalance_service_pb2.DESCRIPTOR.services_by_name["RebalanceService"],
    reference_service_pb2.DESCRIPTOR.services_by_name["ReferenceService"],
    diagnostics_service_pb2.DESCRIPTOR.services_by_name["DiagnosticsService"],
)
#: What is one value to us, though it is a message.
VALUES = (
    *("google.type.Decimal", "google.type.Date"),
    *("google.protobuf.Duration", "google.protobuf.Timestamp"),
)

INTRODUCTION = """\
# Fields of requests

What every field of every request must be. Where a rule is broken the answer is INVALID_ARGUMENT with the path
of each broken field, and nothing is done. A string has at most 1,024 bytes where its rule has no other
number. The table is made by `python -m tests.e2e.request_fields`; a test walks it, and fails where a field
has no row.

| field | rule | test |
|---|---|---|"""

#: By the name of the field in its message, or below its request where a request has a rule of its own.
RULES: dict[str, Rule] = {
    **models.RULES,
    **runs.RULES,
    **options.RULES,
    **orders.RULES,
    **desk.RULES,
}


@dataclass(frozen=True)
class Field:
    """A field of a request, by its path below it."""

    method: MethodDescriptor
    path: str
    descriptor: FieldDescriptor

    @property
    def rule(self) -> Rule:
        """Its rule; a test fails where it has none."""
        own = f"{self.method.input_type.name}.{self.path.replace('[]', '')}"
        owner = self.descriptor.containing_type
        assert owner
        return RULES[own] if own in RULES else RULES[f"{owner.name}.{self.descriptor.name}"]

    @property
    def name(self) -> str:
        """The path below its RPC."""
        return f"{self.method.name} {self.path}"


def all_fields() -> Iterator[Field]:
    """Every field of every request of the contract."""
    for service in SERVICES:
        for method in service.methods:
            yield from _fields(method, method.input_type, "")


def _fields(method: MethodDescriptor, message: Descriptor, above: str) -> Iterator[Field]:
    for field in message.fields:
        path = f"{above}{field.name}{'[]' if field.is_repeated else ''}"
        yield Field(method, path, field)
        if field.message_type and field.message_type.full_name not in VALUES:
            yield from _fields(method, field.message_type, f"{path}.")


def page() -> str:
    """The table, for people."""
    rows = [f"| `{one.name}` | {one.rule.text} | `{one.rule.test}` |" for one in all_fields()]
    return "\n".join([INTRODUCTION, *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page())
