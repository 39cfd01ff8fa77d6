"""How a server does: what it depends on, and what became of asking each."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from ordergen_server.domain.subjects import Subject


class DependencyState(Enum):
    """How a dependency is."""

    AVAILABLE = "AVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"
    BREAKER_OPEN = "BREAKER_OPEN"
    """It has failed for long enough that calls to it are refused at once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a dependency.

    Attributes:
        problem: what is wrong, as a sentence for any caller; empty where nothing is.
        advice: what to do about it, as a sentence; empty likewise.
    """

    state: DependencyState
    problem: str = ""
    advice: str = ""


#: Of a dependency that does what it is there for.
WELL = Finding(DependencyState.AVAILABLE)


class Dependency(Protocol):
    """Something that the server depends on."""

    @property
    def name(self) -> str:
        """What it is called in errors and metrics."""

    def look(self, timeout_seconds: float) -> Finding:
        """Ask it something, in so much time; raises nothing for what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DependencyReport:
    """What was found of a dependency, and how many seconds it took, or was waited for."""

    name: str
    finding: Finding
    seconds: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a server does.

    Attributes:
        version: its release.
        time: its clock, UTC, once all dependencies had answered.
        caller: who asks.
        dependencies: what was found of each, always in the same order.
    """

    version: str
    time: datetime
    caller: Subject
    dependencies: tuple[DependencyReport, ...]
