"""What became of everything that was to be imported."""

from collections import Counter
from dataclasses import asdict, dataclass
from enum import Enum

#: Findings that are kept; all are counted.
KEPT_FINDINGS = 10_000


class Outcome(Enum):
    """What became of a document."""

    TAKEN = "taken"
    THERE = "already there"
    CHANGED_HERE = "there, changed here since"
    REMOVED_HERE = "removed here since"
    NOT_TAKEN = "not taken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was not taken, and why.

    Attributes:
        id: of the document.
        field: its path; empty where it is all of the document.
        rule: that it breaks.
        value: what stands there.
        taken: whether the rest of the document was.
    """

    collection: str
    id: str
    field: str
    rule: str
    value: str
    taken: bool


class Report:
    """Collects what became of documents.

    Attributes:
        dry_run: nothing was written: it says what would become of them.
        counts: documents by collection and outcome.
        findings: the first `KEPT_FINDINGS`, in the order of collections and ids.
        more_findings: how many there were beyond those.
    """

    def __init__(self, *, dry_run: bool = False) -> None:
        self.dry_run = dry_run
        self.counts: Counter[tuple[str, Outcome]] = Counter()
        self.findings: list[Finding] = []
        self.more_findings = 0

    def count(self, collection: str, outcome: Outcome) -> None:
        """One more document."""
        self.counts[collection, outcome] += 1

    def find(self, finding: Finding) -> None:
        """One more finding."""
        if len(self.findings) < KEPT_FINDINGS:
            self.findings.append(finding)
        else:
            self.more_findings += 1

    @property
    def read(self) -> int:
        """Documents so far."""
        return self.counts.total()

    @property
    def complete(self) -> bool:
        """Whether everything is here, was changed here, or was removed here."""
        return not any(outcome is Outcome.NOT_TAKEN for (_, outcome), count in self.counts.items() if count)

    def of(self, collection: str) -> dict[str, int]:
        """The counts of a collection, by outcome."""
        return {one.value: self.counts[collection, one] for one in Outcome}

    def as_dict(self, collections: tuple[str, ...]) -> dict[str, object]:
        """All of it, for programs."""
        return {
            "dry_run": self.dry_run,
            **{
                name: {outcome.name.lower(): self.counts[name, outcome] for outcome in Outcome}
                for name in collections
            },
            "findings": [asdict(one) for one in self.findings],
            "more_findings": self.more_findings,
        }
