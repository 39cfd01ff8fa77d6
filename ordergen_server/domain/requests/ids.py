"""The forms of ids and versions."""

import re
import uuid

from ordergen_server.domain.requests.violations import Violations

#: The rule of a request id that came before with something else to do.
USED_BEFORE = "must be a new UUID where the body is another than it came with before"
_OBJECT_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)
_ENTITY_ID = re.compile(r"[0-9A-Za-z]{24}", re.ASCII)


def check_object_id(value: str, path: str, violations: Violations) -> None:
    """Check an id that this service gives: a model's, a rebalance's."""
    if not _OBJECT_ID.fullmatch(value):
        violations.add(path, "must be 24 lower-case hexadecimal characters", value)


def is_entity_id(value: str) -> bool:
    """Whether a text has the form of an id that a sibling gives."""
    return _ENTITY_ID.fullmatch(value) is not None


def check_entity_id(value: str, path: str, violations: Violations) -> None:
    """Check an id that a sibling gives: a portfolio's, a security's."""
    if not is_entity_id(value):
        violations.add(path, "must be exactly 24 alphanumeric characters", value)


def check_request_id(value: str, path: str, violations: Violations) -> None:
    """Check an id that makes a call safe to repeat; empty means there is none."""
    if value and not _is_uuid4(value):
        violations.add(path, "must be a UUID of version 4", value)


def check_version(value: int, path: str, violations: Violations, *, required: bool = False) -> None:
    """Check the version a caller has read; 0 is none given."""
    if value < 0 or (required and not value):
        violations.add(path, "must be the version that was read" + ("" if required else ", or 0"), value)


def _is_uuid4(value: str) -> bool:
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        return False
    return parsed.version == 4 and str(parsed) == value.lower()  # noqa: PLR2004 - the version itself
