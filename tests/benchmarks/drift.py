"""Checks of drift over simulated siblings, beside reading the same portfolios alone."""

from dataclasses import dataclass

from globeco.ordergen.v1 import drift_pb2, rebalance_service_pb2

from tests.benchmarks.report import Section, Table, duration, progress, timed
from tests.benchmarks.runs import (
    COMPUTE_PROCESSES,
    GOAL_GROWTH,
    PATIENCE,
    POSITIONS,
    SIZES,
    WORKERS,
    World,
    fetching_alone,
    goal,
    world,
)
from tests.e2e.api import message_of

GOAL_READING = 1.2

INTRODUCTION = f"""The server, its database and the siblings are those of the section on runs; models have
{POSITIONS} positions. What a check costs is compared with reading every summary with the same sibling client
({WORKERS} threads, in one interpreter) in the same run; beside it stands what as many processes as compute
take to read them. Nothing is solved, and nothing stored. The server's {COMPUTE_PROCESSES} compute processes
read and judge while they have nothing else to do; the first check after a start finds them beginning, and is
told by itself."""


@dataclass(frozen=True)
class Checked:
    """One check of all portfolios of a model; memory in MB."""

    portfolios: int
    first_seconds: float
    seconds: float
    fetch_seconds: float
    fetch_by_processes_seconds: float
    peak_megabytes: float
    idle_megabytes: float

    @property
    def ratio(self) -> float:
        """Of reading alone."""
        return self.seconds / self.fetch_seconds


def measure(portfolios: int) -> Checked:
    """A check of so many portfolios."""
    progress(f"a check of {portfolios} portfolios")
    with world(portfolios) as one:
        model = one.api.create(message_of(one.siblings.model))
        idle = one.peak_megabytes
        first = timed(lambda: all_checked(one, model.model_id, portfolios))
        seconds = timed(lambda: all_checked(one, model.model_id, portfolios))
        peak = one.peak_megabytes
        progress(f"{seconds:.1f} s; reading alone")
        fetch = fetching_alone(one.siblings)
        by_processes = fetching_alone(one.siblings, int(COMPUTE_PROCESSES))
        return Checked(portfolios, first, seconds, fetch, by_processes, peak, idle)


def all_checked(one: World, model_id: str, portfolios: int) -> None:
    """Read the whole stream; each portfolio must be known."""
    request = rebalance_service_pb2.CheckDriftRequest(model_id=model_id)
    told = one.api.rebalances.CheckDrift(request, timeout=PATIENCE)
    known = sum(drift.state != drift_pb2.DRIFT_STATE_FAILED for drift in told)
    assert known == portfolios


def run() -> Section:
    """Measure everything of this section."""
    found = [measure(size) for size in SIZES]
    first, last = found[0], found[-1]
    goals = [
        goal(f"a check of {one.portfolios:,}, of reading alone", one.ratio, GOAL_READING, "x")
        for one in found
    ]
    growth = last.peak_megabytes / first.peak_megabytes
    what = f"peak memory at {last.portfolios:,}, of that at {first.portfolios:,}"
    goals.append(goal(what, growth, GOAL_GROWTH, "x"))
    rows = [
        (
            f"{one.portfolios:,}",
            duration(one.first_seconds),
            duration(one.seconds),
            f"{one.portfolios / one.seconds:,.0f}",
            duration(one.fetch_seconds),
            duration(one.fetch_by_processes_seconds),
            f"{one.peak_megabytes:.0f} MB",
            f"{one.idle_megabytes:.0f} MB",
        )
        for one in found
    ]
    columns = (
        "portfolios",
        "after a start",
        "wall time",
        "portfolios/s",
        "reading alone",
        f"by {COMPUTE_PROCESSES} processes",
        "peak memory",
        "before the check",
    )
    return Section(
        "Drift",
        INTRODUCTION,
        [
            Table("Goals of checks", ("what", "goal at most", "measured", "verdict"), goals),
            Table("A check of a model", columns, rows),
        ],
        {"checks": [{**one.__dict__, "ratio": one.ratio} for one in found]},
    )
