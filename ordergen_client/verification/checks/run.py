"""What must hold of a run as a whole: its messages without a gap, each portfolio once, counts that agree."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ordergen_client.verification.checks.options import Options, read_options
from ordergen_client.verification.checks.summary import Summary
from ordergen_client.verification.findings import Check, Findings
from ordergen_client.verification.reading.numbers import whole
from ordergen_client.verification.reading.records import Date, Portfolio, read_date

RUN = "run"
STATES = "REBALANCED", "NO_ACTION", "INFEASIBLE", "FAILED", "SKIPPED"
#: What the beginning and the end of a run tell alike.
_SAME = (
    "rebalanceId",
    "modelId",
    "modelName",
    "modelVersion",
    "createTime",
    "rebalanceDate",
    "portfolioCount",
    "partial",
    "options",
    "actor",
)
_COUNTS = {
    "REBALANCED": "rebalancedCount",
    "NO_ACTION": "noActionCount",
    "INFEASIBLE": "infeasibleCount",
    "FAILED": "failedCount",
    "SKIPPED": "skippedCount",
}


class Run:
    """A run as its first message tells it, and what has come of it so far.

    Args:
        started: the message, as protojson.
        rebalance_id: the run that the header names.

    Raises:
        KeyError, TypeError, ValueError: it cannot be read.

    Attributes:
        options: what it was started with.
        date: its rebalance_date.
        states: how many portfolios ended in which state.
    """

    def __init__(self, started: Mapping[str, Any], rebalance_id: str) -> None:
        if "options" not in started:
            raise ValueError("it was imported: its options, and why each line trades, are not known")
        self.options: Options = read_options(started["options"])
        self.date: Date = read_date(started["rebalanceDate"])
        self.states: Counter[str] = Counter()
        self._summary = Summary()
        self._not_traded = 0
        self._portfolio_count = whole(started["portfolioCount"])
        self._started = started
        self._rebalance_id = rebalance_id
        self._seen: set[str] = set()

    def start_checks(self) -> Iterator[Check]:
        """Of the first message."""
        day = "-".join(f"{part:02}" for part in self.date)
        yield Check("rebalance_id", self._started["rebalanceId"], self._rebalance_id)
        yield Check("state of a run that begins", self._started["state"], "REBALANCE_STATE_RUNNING")
        yield Check("version of a run that begins", whole(self._started["version"]), 1)
        yield Check("rebalance_date = day of create_time", day, self._started["createTime"][:10])
        yield from Summary().checks(self._started)
        yield Check("options that can be checked", " ".join(self.options.unknown) or "all", "all")

    def add(self, portfolio: Portfolio, findings: Findings) -> None:
        """One more portfolio."""
        self.states[portfolio.state] += 1
        self._summary.add(portfolio)
        self._not_traded += portfolio.state == "SKIPPED" and portfolio.is_not_to_be_traded
        times = 1 + (portfolio.portfolio_id in self._seen)
        self._seen.add(portfolio.portfolio_id)
        checks = (
            Check("each portfolio once", times, 1),
            Check("rebalance_id", portfolio.rebalance_id, self._rebalance_id),
        )
        findings.add(portfolio.portfolio_id, checks)

    def end_checks(self, finished: Mapping[str, Any]) -> Iterator[Check]:
        """Of the last message. Raises KeyError, TypeError, ValueError where it cannot be read."""
        for name in _SAME:
            yield Check(f"{name} as when it began", finished.get(name), self._started.get(name))
        for state, name in _COUNTS.items():
            yield Check(f"{name} = portfolios {state}", whole(finished.get(name, 0)), self.states[state])
        yield Check("portfolioCount = portfolios", self._portfolio_count, self.states.total())
        has = "summary" in self._started
        yield Check("summary, as when it began", "summary" in finished, expected=has)
        yield from self._summary.checks(finished)
        state = finished["state"].removeprefix("REBALANCE_STATE_")
        yield Check("state", state, self._end_state("error" in finished))
        if "finishTime" not in finished:
            yield Check("finish_time", None, "the time of the end")

    def _end_state(self, has_error: bool) -> str:
        if has_error:
            return "FAILED"
        if self.states["SKIPPED"] > self._not_traded:
            return "CANCELLED"
        return "COMPLETED_WITH_ERRORS" if self.states["INFEASIBLE"] + self.states["FAILED"] else "COMPLETED"
