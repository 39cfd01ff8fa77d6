"""What must hold of the sums of a run: they are those of its portfolios that have an answer."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from ordergen_client.verification.findings import Check
from ordergen_client.verification.reading.numbers import given, whole
from ordergen_client.verification.reading.records import Portfolio

#: Decimals of its weights.
PLACES = 12
_ZERO = Fraction(0)
_ANSWERED = ("REBALANCED", "NO_ACTION")
_SUMS = "marketValue", "cashFlow", "cost", "buyValue", "sellValue", "cashBefore", "cashAfter"
_COUNTS = "tradeCount", "provenCount", "unprovenCount", "frozenCount"


class Summary:
    """Adds up portfolios as they come."""

    def __init__(self) -> None:
        self._sums = dict.fromkeys(_SUMS, _ZERO)
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._base = self._before = self._after = _ZERO
        self._worst: Fraction | None = None

    def add(self, portfolio: Portfolio) -> None:
        """One more portfolio; nothing of one without an answer counts."""
        if portfolio.state not in _ANSWERED:
            return
        trades = [line.trade.shares * line.price for line in portfolio.lines if line.trade.shares]
        value, flow = portfolio.market_value or _ZERO, portfolio.cash_flow or _ZERO
        for name, number in (
            ("marketValue", value),
            ("cashFlow", flow),
            ("cost", portfolio.cost or _ZERO),
            ("buyValue", sum((one for one in trades if one > 0), _ZERO)),
            ("sellValue", sum((-one for one in trades if one < 0), _ZERO)),
            ("cashBefore", portfolio.cash_before or _ZERO),
            ("cashAfter", portfolio.cash_after or _ZERO),
        ):
            self._sums[name] += number
        self._counts["tradeCount"] += len(trades)
        self._counts["frozenCount"] += len(portfolio.frozen)
        if portfolio.drift_before is not None and portfolio.drift_after is not None:
            self._base += value + flow
            self._before += (value + flow) * portfolio.drift_before
            self._after += (value + flow) * portfolio.drift_after
        self._add_quality(portfolio)

    def _add_quality(self, portfolio: Portfolio) -> None:
        solution = portfolio.solution
        if solution is None:
            return
        self._counts["provenCount" if solution.proven else "unprovenCount"] += 1
        if not solution.proven:
            gap = solution.objective - solution.lower_bound
            self._worst = gap if self._worst is None else max(self._worst, gap)

    def checks(self, run: Mapping[str, Any]) -> Iterator[Check]:
        """Of a message of the run; nothing where it has no sums, as those of earlier servers have none.

        Raises:
            TypeError, ValueError: they cannot be read.
        """
        told = run.get("summary")
        if told is None:
            return
        for name, expected in (*self._sums.items(), *self._quotients()):
            yield Check(f"summary: {name}", given(told, name), expected)
        for name, count in self._counts.items():
            yield Check(f"summary: {name}", whole(told.get(name, 0)), count)

    def _quotients(self) -> Iterator[tuple[str, Fraction | None]]:
        turnover = self._sums["buyValue"] + self._sums["sellValue"]
        yield "turnoverWeight", _over(turnover, self._sums["marketValue"] + self._sums["cashFlow"])
        yield "driftBefore", _over(self._before, self._base)
        yield "driftAfter", _over(self._after, self._base)
        yield "worstUnprovenGap", self._worst


def _over(part: Fraction, base: Fraction) -> Fraction | None:
    return round(part / base, PLACES) if base else None
