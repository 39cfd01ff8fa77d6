"""How a server is, as plain frozen records; names and meanings are the contract's."""

from dataclasses import dataclass
from datetime import datetime

from ordergen_client.records.states import CredentialType, DependencyState


@dataclass(frozen=True, slots=True)
class Caller:
    """Who we are to a server; without scopes where it asks for no credentials, and everything is allowed."""

    actor: str
    credential: CredentialType
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something that a server depends on, and how it was when it was last asked.

    Attributes:
        name: `database`, or that of a sibling service.
        seconds: until it answered, or that an answer was waited for.
        problem: what is wrong, as a sentence; empty where it is AVAILABLE.
        advice: what to do about it, as a sentence; empty likewise.
    """

    name: str
    state: DependencyState
    seconds: float
    problem: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a server is.

    Attributes:
        server_version: its release.
        server_time: its clock, UTC, when it answered.
        caller: who we are to it.
        dependencies: the database first, then the sibling services.
    """

    server_version: str
    server_time: datetime
    caller: Caller
    dependencies: tuple[Dependency, ...]
