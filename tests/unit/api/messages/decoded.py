"""What a request becomes, and what is wrong with it."""

from collections.abc import Callable
from typing import TypeVar

from google.type import decimal_pb2

from ordergen_server.domain.requests.violations import Violations

Value = TypeVar("Value")


def decoded(decode: Callable[[Violations], Value]) -> tuple[Value, list[tuple[str, str]]]:
    """The value, and subject and rule of each violation."""
    violations = Violations()
    value = decode(violations)
    return value, [(one.subject, one.rule) for one in violations.found]


def number_of(text: str) -> decimal_pb2.Decimal:
    """A number of the contract."""
    return decimal_pb2.Decimal(value=text)
