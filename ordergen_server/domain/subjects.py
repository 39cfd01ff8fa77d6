"""Who a call is made by, and what they may do."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum

READ = "ordergen:read"
MODELS = "ordergen:models"
REBALANCE = "ordergen:rebalance"
APPROVE = "ordergen:approve"
ORDERS = "ordergen:orders"
ADMIN = "ordergen:admin"
#: Every scope there is; none of them has another in it.
SCOPES = frozenset({READ, MODELS, REBALANCE, APPROVE, ORDERS, ADMIN})


class CredentialType(Enum):
    """By what a subject is known."""

    NONE = "NONE"
    CERTIFICATE = "CERTIFICATE"
    TOKEN = "TOKEN"  # noqa: S105 - the name of a kind


def is_name(text: str) -> bool:
    """Whether a text may be somebody's name."""
    return 0 < len(text) <= MAXIMUM_NAME_LENGTH and text.isprintable()


@dataclass(frozen=True, slots=True)
class Subject:
    """Someone by name, as the issuer of their credentials has it, and their scopes.

    Without credentials it is what they call themselves, which proves nothing.
    """

    name: str
    scopes: frozenset[str] = frozenset()
    credential: CredentialType = CredentialType.NONE

    @property
    def is_authenticated(self) -> bool:
        """Whether credentials say who it is, rather than they themselves."""
        return self.credential is not CredentialType.NONE


#: Without credentials, in this metadata callers say who they are.
X_ACTOR = "x-actor"
MAXIMUM_NAME_LENGTH = 255
NAME_RULE = f"must be 1 to {MAXIMUM_NAME_LENGTH} printable characters"
#: Whoever calls a server that asks for no credentials.
NOBODY = Subject("")

_acting: ContextVar[Subject] = ContextVar("acting", default=NOBODY)


@contextmanager
def acting_as(subject: Subject) -> Iterator[None]:
    """A block whose work is done for a subject; threads that are given a copy of the context know it, too."""
    token = _acting.set(subject)
    try:
        yield
    finally:
        _acting.reset(token)


def current_subject() -> Subject:
    """Whoever the work is done for; NOBODY where nobody is known."""
    return _acting.get()


def current_actor() -> str:
    """The name of whoever the work is done for; empty where nobody is known."""
    return current_subject().name
