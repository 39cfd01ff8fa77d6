"""What all portfolios of a run have in common: one market, one model."""

from collections.abc import Iterator

from ordergen_client.verification.findings import Check, Findings, holds
from ordergen_client.verification.reading.numbers import digits
from ordergen_client.verification.reading.records import FrozenLine, Line, Portfolio

_NAMES = "price", "target", "low_drift", "high_drift", "price_date", "price_problem"


class Shared:
    """Compares each portfolio with what those before it had."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[object, ...]] = {}
        self._model: tuple[str, ...] | None = None
        self._time = ""

    def check(self, portfolio: Portfolio, findings: Findings) -> None:
        """Note what differs."""
        where = portfolio.portfolio_id
        if portfolio.snapshot_time:
            self._time = self._time or portfolio.snapshot_time
            findings.add(where, [Check("snapshot_time of the run", portfolio.snapshot_time, self._time)])
        lines: list[Line | FrozenLine] = [*portfolio.lines, *portfolio.frozen]
        if not lines:
            return
        listed = tuple(sorted(line.security_id for line in lines if line.target))
        if self._model is None:
            self._model = listed
        if listed != self._model:
            findings.add(where, _listed_checks(frozenset(listed), frozenset(self._model)))
        for line in lines:
            numbers = _numbers(line)
            known = self._seen.get(line.security_id)
            if known is None:
                self._seen[line.security_id] = numbers
                findings.add(where, _security_checks(line), line.security_id)
            elif numbers != known:
                findings.add(where, _differences(numbers, known), line.security_id)


def _listed_checks(found: frozenset[str], model: frozenset[str]) -> Iterator[Check]:
    missing, more = sorted(model - found), sorted(found - model)
    yield Check("securities of the model that it lacks", ", ".join(missing), "")
    yield Check("securities that the model of others has not", ", ".join(more), "")


def _numbers(line: Line | FrozenLine) -> tuple[object, ...]:
    """What a security has in all portfolios alike; of `_NAMES`."""
    price, problem = (line.price, "") if isinstance(line, Line) else (None, line.problem)
    return price, line.target, line.low_drift, line.high_drift, line.price_date, problem


def _security_checks(line: Line | FrozenLine) -> Iterator[Check]:
    """What holds of a security whoever has it."""
    target, low, high = line.target, line.low_drift, line.high_drift
    if isinstance(line, Line):
        yield holds("price", line.price, "above 0", when=line.price > 0)
    yield holds("target", target, "from 0 to 1", when=0 <= target <= 1)
    yield holds("low_drift", low, f"from 0 to {digits(high)}", when=0 <= low <= high)
    most = 1 if target else 0
    yield holds("high_drift", high, "from 0 to 1, and 0 outside the model", when=0 <= high <= most)


def _differences(numbers: tuple[object, ...], known: tuple[object, ...]) -> Iterator[Check]:
    for name, found, expected in zip(_NAMES, numbers, known, strict=True):
        yield Check(f"{name}, as in other portfolios", found, expected)
