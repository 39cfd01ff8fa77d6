"""Cases by the number, each answered by the package and judged by the oracle."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from tests.fuzz.case import Case
from tests.fuzz.generate import case as generated
from tests.fuzz.generate import rounded
from tests.fuzz.judge import Fault, judge
from tests.fuzz.oracle import Verdict, decide
from tests.fuzz.rules import Rules
from tests.fuzz.shrink import shrink
from tests.fuzz.subject import Said, ask, ask_batch, fits_batch

EVERY = 4
"""Each so many-th case is asked again under other names; each so many-th plain one as a batch."""


@dataclass(frozen=True)
class Effort:
    """How much is done for a case.

    Attributes:
        seconds: that the package may take.
        most: orders that the oracle's search may look at.
        work: deterministic seconds of CP-SAT for each aim.
        large: every so many-th case is large; 0 for none.
    """

    seconds: float = 2.0
    most: int = 20_000
    work: float = 0.2
    large: int = 20


@dataclass(frozen=True)
class Outcome:
    """A case, its answer, what is known of it, and what is wrong."""

    number: int
    case: Case
    said: Said
    verdict: Verdict
    faults: list[Fault]


@dataclass
class Report:
    """What a run has seen.

    Attributes:
        statuses: by class of case and status.
        decided: by who decided.
        undecided: numbers of the cases that the oracle did not decide.
        unproven: numbers of those that the oracle decided and the package did not.
        faults: by kind.
        smallest: by kind, the smallest case that shows it, and what is wrong with that.
        slowest: the longest that the package took, in seconds, and the number of that case.
    """

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    undecided: list[int] = field(default_factory=list)
    unproven: list[int] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    smallest: dict[str, tuple[int, Case, Fault]] = field(default_factory=dict)
    slowest: tuple[float, int] = (0, 0)

    @property
    def cases(self) -> int:
        """How many cases were judged."""
        return self.statuses.total()

    def add(self, outcome: Outcome, effort: Effort) -> None:
        """Count one, and shrink the first of each kind of fault."""
        self.statuses[class_of(outcome.case), outcome.said.status] += 1
        self.decided[outcome.verdict.by] += 1
        self.slowest = max(self.slowest, (outcome.said.seconds, outcome.number))
        if not outcome.verdict.is_decided:
            self.undecided.append(outcome.number)
        elif outcome.said.status in {"FEASIBLE", "UNDECIDED"}:
            self.unproven.append(outcome.number)
        for fault in outcome.faults:
            self.faults[fault.kind] += 1
            if fault.kind not in self.smallest:
                self.smallest[fault.kind] = (outcome.number, *_smallest(outcome.case, fault, effort))


def outcomes(seed: int, first: int, effort: Effort) -> Iterator[Outcome]:
    """One case after the other, without an end."""
    number = first
    while True:
        large = effort.large > 0 and number % effort.large == effort.large - 1
        case = generated(seed, number, large=large)
        outcome = examine(case, effort, number)
        faults = [*outcome.faults]
        if number % EVERY == 0:
            faults += renamed(outcome, effort)
        if case.is_plain and number % EVERY == 1:
            faults += batched(outcome, effort)
        yield replace(outcome, faults=faults)
        number += 1


def examine(case: Case, effort: Effort, number: int = 0, witness: Sequence[int] = ()) -> Outcome:
    """Answer and judge one case; a witness, orders known from elsewhere, is judged like the answer."""
    rules = Rules(case)
    said = ask(case, effort.seconds)
    known = [each for each in (said.orders, tuple(witness)) if each and not rules.broken(each)]
    start = min(known, key=rules.score, default=None)
    verdict = decide(rules, most=effort.most, work=effort.work, start=start)
    return Outcome(number, case, said, verdict, judge(rules, said, verdict))


def renamed(outcome: Outcome, effort: Effort) -> list[Fault]:
    """The same portfolio, listed otherwise and under other names, has the same proven objective."""
    order = list(range(len(outcome.case.positions)))
    Random(outcome.number).shuffle(order)  # noqa: S311 - test data, not secrets
    names = {one.id: f"N{order[index]:03}" for index, one in enumerate(outcome.case.positions)}
    other = replace(
        outcome.case,
        positions=tuple(
            replace(outcome.case.positions[index], id=names[outcome.case.positions[index].id])
            for index in order
        ),
        lots={names[key]: lot for key, lot in outcome.case.lots.items() if key in names},
        sides={names[key]: side for key, side in outcome.case.sides.items() if key in names},
        odd_sells=frozenset(names[key] for key in outcome.case.odd_sells if key in names),
        weights={names[key]: one for key, one in outcome.case.weights.items() if key in names},
        groups={
            key: replace(one, ids=tuple(names[each] for each in one.ids if each in names))
            for key, one in outcome.case.groups.items()
        },
    )
    said = ask(other, effort.seconds)
    if {said.status, outcome.said.status} == {"PROVEN_OPTIMAL"} and said.objective != outcome.said.objective:
        return [Fault("names change the answer", f"{outcome.said.objective} and, renamed, {said.objective}")]
    return judge(Rules(other), said, Verdict(infeasible=outcome.verdict.infeasible))


def batched(outcome: Outcome, effort: Effort) -> list[Fault]:
    """Rows of a batch are answered as the portfolios are alone, and those answers are right."""
    rows = [outcome.case, *_rows(outcome.case, Random(outcome.number))]  # noqa: S311 - test data, not secrets
    if not fits_batch(rows):
        return []
    try:
        answers = ask_batch(outcome.case.positions, rows, effort.seconds)
    except Exception as error:  # noqa: BLE001 - whatever it raises on a sound batch is what we look for
        return [Fault("error", f"batch: {type(error).__name__}: {error}")]
    found: list[Fault] = []
    for row, said in zip(rows, answers, strict=True):
        found += row_judged(row, said, effort)
    return found


def row_judged(row: Case, said: Said, effort: Effort) -> list[Fault]:
    """One row of a batch: refused where it is worth nothing or int64 does not hold its orders."""
    worth = Rules(row).market_value
    known = examine(row, effort) if worth > 0 else None
    too_long = known is not None and any(abs(order) >= 1 << 63 for order in known.said.orders)
    if known is None or too_long or said.status == "INVALID":
        right = (said.status == "INVALID") == (known is None or too_long)
        return (
            [] if right else [Fault("batch differs", f"{said.status} {said.error}, worth {worth}, of {row}")]
        )
    same = [(one.status, one.orders, one.reasons, one.objective) for one in (said, known.said)]
    if same[0] == same[1] or {said.status, known.said.status} & {"FEASIBLE", "UNDECIDED"}:
        return judge(Rules(row), said, known.verdict)
    return [Fault("batch differs", f"{same[0]}, alone {same[1]}, of {row}")]


def _rows(case: Case, random: Random) -> Iterator[Case]:
    """Other holdings and cash, with the same digits."""
    for _ in range(3):
        yield replace(
            case,
            positions=tuple(
                replace(
                    one, quantity=rounded(one.quantity * random.randint(0, 20) / 10, _places(one.quantity))
                )
                for one in case.positions
            ),
            cash=rounded(case.cash * random.randint(-5, 20) / 10, _places(case.cash)),
        )


def _places(number: object) -> int:
    return len(str(number).partition(".")[2]) if "E" not in str(number) else 8


def class_of(case: Case) -> str:
    """What couples or narrows the positions of a case."""
    rules = bool(case.lots or case.sides or case.minimum is not None)
    given = {
        "floor": case.floor is not None,
        "turnover": case.turnover is not None,
        "count": case.count is not None,
        "costs": bool(case.rate or case.fee),
        "rules": rules,
        "one side": case.only is not None,
        "weights": bool(case.weights),
        "groups": bool(case.groups),
    }
    names = [name for name, is_given in given.items() if is_given]
    return f"{case.strategy} {' + '.join(names) or 'plain'}"


def _smallest(case: Case, fault: Fault, effort: Effort) -> tuple[Case, Fault]:
    """The smallest case with the same kind of fault."""
    last = {}

    def goes_wrong(smaller: Case) -> bool:
        found = [one for one in examine(smaller, effort).faults if one.kind == fault.kind]
        if found:
            last[0] = found[0]
        return bool(found)

    if not goes_wrong(case):  # names or a batch: not to be seen in the case alone
        return case, fault
    return shrink(case, goes_wrong), last[0]
