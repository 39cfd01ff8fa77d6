"""What a worker elsewhere did, in plain values: for the metrics of whoever gave it the work."""

from dataclasses import dataclass, field

from ordergen_server.services.observer import SolveMethod, Stage


@dataclass(slots=True)
class Report:
    """What observers would have heard; seconds.

    Attributes:
        stages: each part of the work with its time.
        solved: method, status, time of each, and how many.
        attempts: of calls to siblings: service, number of the attempt, outcome.
        calls: to siblings: service, outcome, time.
        operations: of the database: name, outcome, time.
    """

    stages: list[tuple[Stage, float]] = field(default_factory=list)
    solved: list[tuple[SolveMethod, str, float, int]] = field(default_factory=list)
    attempts: list[tuple[str, int, str]] = field(default_factory=list)
    calls: list[tuple[str, str, float]] = field(default_factory=list)
    operations: list[tuple[str, str, float]] = field(default_factory=list)
