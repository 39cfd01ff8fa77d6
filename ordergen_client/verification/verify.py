"""Checks an export from its first line to its last."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ordergen_client.verification.checks.options import Options
from ordergen_client.verification.checks.portfolios import check_portfolio
from ordergen_client.verification.checks.run import RUN, Run
from ordergen_client.verification.checks.shared import Shared
from ordergen_client.verification.findings import Check, Findings, holds
from ordergen_client.verification.reading.export import ExportFile
from ordergen_client.verification.reading.numbers import whole
from ordergen_client.verification.reading.records import Portfolio, read_portfolio

FILE = "file"
_KINDS = frozenset({"started", "portfolio", "finished"})
#: What reading a value that is not as it must be can raise.
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


class Prover(Protocol):
    """Solves a portfolio again."""

    def __call__(self, portfolio: Portfolio, options: Options) -> "Proof":
        """What it finds."""


@dataclass(frozen=True)
class Proof:
    """What solving a portfolio again has found: whether it came to an end, and what is broken."""

    decided: bool
    checks: Iterable[Check] = ()


@dataclass
class Report:
    """What was checked, and what is wrong.

    Attributes:
        rebalance_id: the run.
        findings: what is wrong.
        messages: how many there were.
        ended: whether the last of them was the end of the run.
        solved: portfolios with lines, each of whose numbers was computed anew.
        lines: of those that have a price.
        frozen: of those that have none.
        feasible: of those portfolios, whose answers are not said to be the best.
        others: portfolios without lines, by state.
        proved: portfolios that were solved again to the end.
        undecided: portfolios that could not be, in the time that the run gave its solver.
        with_settings: portfolios that have some: those are not in an export, so these are not solved again.
    """

    rebalance_id: str
    findings: Findings = field(default_factory=Findings)
    messages: int = 0
    ended: bool = False
    solved: int = 0
    lines: int = 0
    frozen: int = 0
    feasible: int = 0
    others: dict[str, int] = field(default_factory=dict)
    proved: int = 0
    undecided: int = 0
    with_settings: int = 0

    @property
    def portfolios(self) -> int:
        """All of them."""
        return self.solved + sum(self.others.values())


def verify_export(
    path: Path,
    prover: Prover | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Check an export; whatever is wrong is in the report.

    Args:
        path: the file.
        prover: solves each portfolio again, too.
        progress: is told how many portfolios are checked, of how many.

    Raises:
        NotAnExportError: there is nothing that could be checked.
    """
    file = ExportFile(path)
    checked = _Verification(file, prover)
    for _ in checked.read():
        progress(checked.report.portfolios, checked.portfolio_count)
    return checked.report


class _Verification:
    """One file being checked."""

    def __init__(self, file: ExportFile, prover: Prover | None) -> None:
        self.report = Report(file.rebalance_id)
        self.portfolio_count = 0
        self._file = file
        self._prover = prover
        self._findings = self.report.findings
        self._run: Run | None = None
        self._shared = Shared()

    def read(self) -> Iterator[None]:
        """Check message after message."""
        try:
            for message in self._file.messages():
                self._message(message)
                yield
        except _UNREADABLE as error:
            self._add(FILE, Check(f"line {self.report.messages + 2}", _said(error), "a message of a run"))
        except OSError as error:
            self._add(FILE, Check("reading it", error.strerror, "that it can be read"))
        self._add(FILE, Check("ends with the end of the run", self.report.ended, expected=True))
        self._add(FILE, Check("sha256 of its messages", self._file.digest, self._file.said_digest))

    def _message(self, message: Mapping[str, Any]) -> None:
        report = self.report
        report.messages += 1
        where = f"message {report.messages}"
        self._add(where, Check("sequences without gaps", str(message.get("sequence")), str(report.messages)))
        self._add(where, Check("nothing after the end of the run", report.ended, expected=False))
        kind = " ".join(sorted(message.keys() & _KINDS))
        fits = kind == "started" if report.messages == 1 else kind in _KINDS - {"started"}
        self._add(where, holds("kind", kind, "started, then portfolio, at last finished", when=fits))
        try:
            if "started" in message and not self._run:
                self._start(message["started"])
            elif "portfolio" in message and self._run:
                self._portfolio(message["portfolio"], self._run)
            elif "finished" in message:
                report.ended = True
                if self._run:
                    self._findings.add(RUN, self._run.end_checks(message["finished"]))
        except _UNREADABLE as error:
            told = message.get("portfolio")
            name = told.get("portfolioId") if isinstance(told, dict) else RUN
            self._add(str(name), Check("can be read", _said(error), "values as the contract has them"))

    def _start(self, started: Mapping[str, Any]) -> None:
        self._run = Run(started, self._file.rebalance_id)
        self.portfolio_count = whole(started["portfolioCount"])
        self._findings.add(RUN, self._run.start_checks())

    def _portfolio(self, message: Mapping[str, Any], run: Run) -> None:
        portfolio = read_portfolio(message)
        before = self._findings.count
        run.add(portfolio, self._findings)
        check_portfolio(portfolio, run.options, run.date, self._findings)
        self._shared.check(portfolio, self._findings)
        if portfolio.solution is None:
            others = self.report.others
            others[portfolio.state] = others.get(portfolio.state, 0) + 1
            return
        self.report.solved += 1
        self.report.lines += len(portfolio.lines)
        self.report.frozen += len(portfolio.frozen)
        self.report.feasible += not portfolio.solution.proven
        self.report.with_settings += portfolio.has_settings
        if self._prover and self._findings.count == before and not portfolio.has_settings:
            self._prove(portfolio, run.options, self._prover)

    def _prove(self, portfolio: Portfolio, options: Options, prover: Prover) -> None:
        proof = prover(portfolio, options)
        self._findings.add(portfolio.portfolio_id, proof.checks)
        self.report.proved += proof.decided
        self.report.undecided += not proof.decided

    def _add(self, where: str, check: Check) -> None:
        self._findings.add(where, [check])


def _said(error: Exception) -> str:
    """What is missing, or what is wrong with what there is."""
    return f"no {error}" if isinstance(error, KeyError) else str(error)
