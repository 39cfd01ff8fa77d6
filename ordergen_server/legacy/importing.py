"""Imports document after document: each is taken as it is, found to be there, or not taken and told why.

Everything can be done again at any time, by several at once, and beside a server that serves: what is there
is left as it is, whatever became of it since.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ordergen_server.domain.errors import AlreadyExists
from ordergen_server.legacy.fields import exact
from ordergen_server.legacy.flaws import Flaw, Flaws
from ordergen_server.legacy.models import model_of
from ordergen_server.legacy.report import Finding, Outcome, Report
from ordergen_server.legacy.runs import run_of
from ordergen_server.legacy.source import MODELS, REBALANCES, Source, Stored
from ordergen_server.legacy.target import Present, Target
from ordergen_server.repositories.mongodb.codec import Document

Value = TypeVar("Value")

CHANGED_THERE = "was changed there since it was imported: what was imported stays as it is"
NOT_IMPORTED = "must not be the id of something that is here and was not imported"
NO_ID = "must be an ObjectId, or the 24 lower-case hexadecimal characters of one"
UNREADABLE = "must have text in UTF-8"
#: The fields of the source that hold what must be unique here.
_UNIQUE = {"Model": "name", "Portfolio": "portfolios"}


def import_all(
    source: Source, target: Target, report: Report, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Import models, then runs; what becomes of each is told to the report.

    Args:
        source: what is read.
        target: where it goes.
        report: what becomes of it.
        progress: is told how many documents are done, of how many.

    Raises:
        SourceUnavailableError, DatabaseUnavailable: one of the databases does not answer.
    """
    count = source.count()
    imports = (
        _Import(MODELS, model_of, target.add_model, target, report),
        _Import(REBALANCES, run_of, target.add_run, target, report),
    )
    for one in imports:
        for batch in source.batches(one.collection):
            one.take(batch)
            progress(report.read, max(count, report.read))


@dataclass(frozen=True)
class _Import(Generic[Value]):
    """The import of a collection.

    Attributes:
        read: makes ours of a document, or notes its flaws.
        add: stores it; False where it is there. Raises AlreadyExists.
    """

    collection: str
    read: Callable[[Document, Flaws], Value]
    add: Callable[[Value], bool]
    target: Target
    report: Report

    def take(self, batch: Sequence[Stored]) -> None:
        """Import what is not there of some documents."""
        stored = [one for one in batch if self._has_id(one)]
        present = self.target.present(self.collection, [one.key for one in stored])
        missing = [one for one in stored if self._is_missing(one, present)]
        self.target.begin(self.collection, {one.key: one.digest for one in missing})
        self.target.end(self.collection, [one.key for one in missing if self._take(one, present)])

    def _has_id(self, stored: Stored) -> bool:
        if not stored.has_id:
            self._refuse(stored, [Flaw("_id", NO_ID, stored.key)])
        return stored.has_id

    def _is_missing(self, stored: Stored, present: Present) -> bool:
        """Whether it is not here, or was begun; of all else it is told what becomes of it."""
        known, here = present.imported.get(stored.key), stored.key in present.versions
        if known is None:
            if here:
                self._refuse(stored, [Flaw("_id", NOT_IMPORTED, stored.key)])
            return not here
        if known.digest != stored.digest and (here or known.done):
            self._refuse(stored, [Flaw("", CHANGED_THERE)])
        elif known.done:
            self.report.count(self.collection, _still(stored, present) if here else Outcome.REMOVED_HERE)
        else:
            return True
        return False

    def _take(self, stored: Stored, present: Present) -> bool:
        """Import one; whether it is here now."""
        flaws = Flaws()
        document = stored.decoded()
        if document is None:
            flaws.add("", UNREADABLE)
        value = None if document is None else self.read(document, flaws)
        if value is None or flaws.broken:
            self._refuse(stored, flaws.broken)
            return False
        try:
            added = self.add(value)
        except AlreadyExists as error:
            self._refuse(stored, [_taken(error)])
            return False
        added = added and stored.key not in present.versions
        self.report.count(self.collection, Outcome.TAKEN if added else _still(stored, present))
        self._find(stored, flaws.left_out, taken=True)
        return True

    def _refuse(self, stored: Stored, flaws: Sequence[Flaw]) -> None:
        self.report.count(self.collection, Outcome.NOT_TAKEN)
        self._find(stored, flaws, taken=False)

    def _find(self, stored: Stored, flaws: Sequence[Flaw], *, taken: bool) -> None:
        for flaw in flaws:
            finding = Finding(self.collection, stored.key, flaw.field, flaw.rule, flaw.value, taken)
            self.report.find(finding)


def _still(stored: Stored, present: Present) -> Outcome:
    """Of what is here: whether it is as it was imported."""
    version = present.versions.get(stored.key)
    changed = version is not None and version != exact(stored.version)
    return Outcome.CHANGED_HERE if changed else Outcome.THERE


def _taken(error: AlreadyExists) -> Flaw:
    """What is taken here, and by which model."""
    what = error.resource
    if what is None:
        raise error
    owner = what.owner.removeprefix("models/") or "another model"
    return Flaw(_UNIQUE[what.type], f"must belong to no other model, and {owner} has it", what.name)
