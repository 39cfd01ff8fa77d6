"""Imports that are repeated, broken off anywhere, run twice at once, and meet what is there already."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from bson import Decimal128

from ordergen_server.domain.errors import NotFound
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances.results import View
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.legacy import source as module
from ordergen_server.legacy.importing import CHANGED_THERE, NO_ID, NOT_IMPORTED
from ordergen_server.legacy.report import Finding, Outcome, Report
from ordergen_server.legacy.runs import EndedRun
from ordergen_server.legacy.source import COLLECTIONS, MODELS, REBALANCES, NotTheSourceError
from ordergen_server.legacy.target import NotTheTargetError, OurStores, Present, check_target
from tests.builders import NOW, content, portfolio_id
from tests.integration.legacy.conftest import Move
from tests.legacy_documents import (
    RAN,
    legacy_id,
    model_document,
    portfolio_document,
    rebalance_document,
)

MODEL, RUN = str(legacy_id(1)), str(legacy_id(1, RAN))
RUNS = (rebalance_document(1), rebalance_document(2, [portfolio_document(10)]))


def counted(report: Report, collection: str = MODELS) -> dict[Outcome, int]:
    return {one: n for one in Outcome if (n := report.counts[collection, one])}


def everything(move: Move) -> tuple[object, ...]:
    """All that is ours, but for what keeps the import itself."""
    names = (MODELS, REBALANCES, "portfolio_rebalances", "model_activity")
    return tuple(list(move.new.collection(name).find().sort("_id", 1)) for name in names)


def test_what_is_imported_is_there_the_second_time_and_the_third(move: Move) -> None:
    move.has(model_document(1), model_document(2), runs=RUNS)
    first = move.imported()
    assert (counted(first), counted(first, REBALANCES)) == ({Outcome.TAKEN: 2}, {Outcome.TAKEN: 2})
    stored = everything(move)
    for _ in range(2):
        again = move.imported()
        assert (counted(again), counted(again, REBALANCES)) == ({Outcome.THERE: 2}, {Outcome.THERE: 2})
        assert (again.complete, again.findings) == (True, [])
    assert everything(move) == stored


def test_what_is_imported_is_read_as_ours(move: Move) -> None:
    move.has(model_document(1), runs=RUNS)
    move.imported()
    model = move.models.get(MODEL)
    assert (model.name, model.version, model.last_rebalance_time) == ("Model 1", 4, RAN)
    assert move.models.of_portfolio(portfolio_id(10)).model_id == MODEL
    page = move.models.find(PageRequest(), "last_rebalance_time desc", portfolio_id(11))
    assert [one.model_id for one in page.items] == [MODEL]
    runs = move.runs.find(PageRequest(), MODEL, [portfolio_id(11)])
    assert [one.rebalance_id for one in runs.items] == [RUN]
    told = move.runs.portfolios_after(RUN, 0, 10)
    assert [(one.sequence, one.portfolio_id) for one in told] == [
        (2, portfolio_id(10)),
        (3, portfolio_id(11)),
    ]
    listed = move.runs.find_portfolios(RUN, PageRequest(), None).items
    assert [one.transactions for one in listed] == [one.transactions for one in told]
    assert move.runs.get_portfolio(RUN, portfolio_id(11)) == told[1]
    alone = str(legacy_id(2, RAN))
    assert move.runs.portfolios_after(alone, 1, 10)[0].positions == told[0].positions
    assert move.runs.get_portfolio(alone, portfolio_id(10), View.BASIC).positions == ()
    move.runs.delete(RUN, 1)
    assert move.new.collection("portfolio_rebalances").count_documents({}) == 0


def test_what_was_changed_or_deleted_here_stays_so(move: Move) -> None:
    move.has(model_document(1), model_document(2), runs=RUNS)
    move.imported()
    changed = move.models.change(MODEL, 4, lambda one: replace(one, name="Ours"), NOW)
    move.models.delete(str(legacy_id(2)), 4)
    move.runs.delete(RUN, 1)
    again = move.imported()
    assert counted(again) == {Outcome.CHANGED_HERE: 1, Outcome.REMOVED_HERE: 1}
    assert counted(again, REBALANCES) == {Outcome.THERE: 1, Outcome.REMOVED_HERE: 1}
    assert again.complete
    assert move.models.get(MODEL) == changed
    with pytest.raises(NotFound):
        move.models.get(str(legacy_id(2)))


@pytest.mark.parametrize("version", [4, 4.0, "4", Decimal128("4.0")])
def test_what_nobody_changed_is_there_however_its_version_is_written(move: Move, version: object) -> None:
    move.has({**model_document(1), "version": version})
    assert counted(move.imported()) == {Outcome.TAKEN: 1}
    assert counted(move.imported()) == {Outcome.THERE: 1}


def test_what_was_changed_there_since_is_told(move: Move) -> None:
    move.has(model_document(1))
    move.imported()
    move.old.collection(MODELS).update_one({"_id": legacy_id(1)}, {"$set": {"name": "Theirs", "version": 5}})
    again = move.imported()
    assert counted(again) == {Outcome.NOT_TAKEN: 1}
    assert again.findings == [Finding(MODELS, MODEL, "", CHANGED_THERE, "", taken=False)]
    assert not again.complete
    assert move.models.get(MODEL).name == "Model 1"


def test_names_and_portfolios_that_are_taken_are_told(move: Move) -> None:
    """The service before let a portfolio follow two models. A rehearsal finds the same."""
    ours = move.models.create(content(portfolio_ids=(portfolio_id(30),)), NOW)
    move.has(
        model_document(1),
        model_document(2, portfolios=[portfolio_id(20), portfolio_id(11)]),
        model_document(3),
        model_document(4, name="Growth"),
    )
    expected = [
        (legacy_id(2), "portfolios", MODEL, portfolio_id(11)),
        (legacy_id(3), "portfolios", ours.model_id, portfolio_id(30)),
        (legacy_id(4), "name", ours.model_id, "Growth"),
    ]
    for report in (move.rehearsed(), move.imported(), move.imported()):
        assert report.findings == [
            Finding(
                MODELS, str(one), field, f"must belong to no other model, and {owner} has it", value, False
            )
            for one, field, owner, value in expected
        ]
    move.models.change(MODEL, 0, lambda one: replace(one, portfolio_ids=()), NOW)
    assert counted(move.imported()) == {Outcome.CHANGED_HERE: 1, Outcome.TAKEN: 1, Outcome.NOT_TAKEN: 2}


def test_a_rehearsal_writes_nothing_and_foretells(move: Move) -> None:
    move.has(model_document(1), model_document(2, version=0), runs=RUNS)
    before = {name: move.new.collection(name).count_documents({}) for name in (*COLLECTIONS, "imports")}
    foretold = move.rehearsed()
    assert before == {name: move.new.collection(name).count_documents({}) for name in before}
    done = move.imported()
    assert (foretold.counts, foretold.findings) == (done.counts, done.findings)
    assert counted(move.rehearsed()) == {Outcome.THERE: 1, Outcome.NOT_TAKEN: 1}


def test_ids_that_are_none_or_another_s(move: Move) -> None:
    move.has(
        model_document(1),
        model_document(2, _id="growth"),
        model_document(3, _id=str(legacy_id(3))),
        runs=(rebalance_document(1), rebalance_document(2, _id=7)),
    )
    theirs = Model(MODEL, content(), 1, NOW, NOW)
    assert move.models.add(theirs)
    report = move.imported()
    assert {(one.id, one.field, one.rule) for one in report.findings} == {
        (MODEL, "_id", NOT_IMPORTED),
        ("growth", "_id", NO_ID),
        ("7", "_id", NO_ID),
    }
    assert move.models.get(MODEL) == theirs
    assert move.models.get(str(legacy_id(3))).name == "Model 3"


class BrokenOff(Exception):
    """As if the process had been killed."""


class Breaking:
    """A Target that is broken off after so many steps of another."""

    def __init__(self, stores: OurStores, steps: int) -> None:
        self._stores = stores
        self._steps = iter(range(steps))

    def present(self, collection: str, ids: Collection[str]) -> Present:
        return self._stores.present(collection, ids)

    def begin(self, collection: str, digests: Mapping[str, bytes]) -> None:
        self._broken_off(lambda: self._stores.begin(collection, digests))

    def add_model(self, model: Model) -> bool:
        return self._broken_off(lambda: self._stores.add_model(model))

    def add_run(self, run: EndedRun) -> bool:
        return self._broken_off(lambda: self._stores.add_run(run))

    def end(self, collection: str, ids: Collection[str]) -> None:
        self._broken_off(lambda: self._stores.end(collection, ids))

    def _broken_off(self, step: Callable[[], object]) -> bool:
        if next(self._steps, None) is None:
            raise BrokenOff
        return step() is not False


STEPS = 8  # of two models and two runs: begin, add, add, end


@pytest.mark.parametrize("steps", range(STEPS))
def test_an_import_that_is_broken_off_goes_on(move: Move, steps: int) -> None:
    move.has(model_document(1), model_document(2), runs=RUNS)
    with pytest.raises(BrokenOff):
        move.imported(Breaking(move.stores, steps))
    assert move.imported().complete
    again = move.imported()
    assert (counted(again), counted(again, REBALANCES)) == ({Outcome.THERE: 2}, {Outcome.THERE: 2})
    assert [move.models.get(str(legacy_id(one))).last_rebalance_time for one in (1, 2)] == [RAN, RAN]
    assert len(move.runs.portfolios_after(RUN, 0, 10)) == 2


def test_a_run_whose_results_are_there_without_it_is_completed(move: Move) -> None:
    """The header is what is stored last."""
    move.has(runs=RUNS[:1])
    move.imported()
    move.new.collection(REBALANCES).delete_many({})
    move.new.collection("imports").update_many({}, {"$set": {"done": False}})
    move.new.collection("portfolio_rebalances").delete_one({"portfolio_id": portfolio_id(11)})
    assert counted(move.imported(), REBALANCES) == {Outcome.TAKEN: 1}
    assert [one.portfolio_id for one in move.runs.portfolios_after(RUN, 0, 10)] == [
        portfolio_id(10),
        portfolio_id(11),
    ]


def test_several_importers_at_once_take_each_once(move: Move) -> None:
    models = [model_document(one) for one in range(1, 21)]
    move.has(*models, runs=tuple(rebalance_document(one) for one in range(1, 21)))
    with ThreadPoolExecutor(3) as importers:
        reports = list(importers.map(lambda _: move.imported(), range(3)))
    for name in COLLECTIONS:
        assert all(counted(one, name).keys() <= {Outcome.TAKEN, Outcome.THERE} for one in reports)
        assert sum(one.counts[name, Outcome.TAKEN] for one in reports) == 20
        assert move.new.collection(name).count_documents({}) == 20
    assert move.new.collection("portfolio_rebalances").count_documents({}) == 40
    assert counted(move.imported()) == {Outcome.THERE: 20}


def test_documents_are_read_some_at_a_time_in_the_order_of_their_ids(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    move.has(*(model_document(one) for one in (5, 3, 1, 4, 2)))
    monkeypatch.setattr(module, "BATCH_DOCUMENTS", 2)
    batches = [[one.key for one in batch] for batch in move.source.batches(MODELS)]
    ids = [str(legacy_id(one)) for one in range(1, 6)]
    assert batches == [ids[:2], ids[2:4], ids[4:]]
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    assert [len(batch) for batch in move.source.batches(MODELS)] == [1] * 5


def test_databases_that_are_not_the_right_ones_are_refused(move: Move) -> None:
    with pytest.raises(NotTheSourceError, match="neither models nor rebalances"):
        move.source.check()
    with pytest.raises(NotTheSourceError, match="one of this service itself"):
        module.Source(move.new).check()
    move.has(model_document(1))
    move.source.check()
    check_target(move.new)
    with pytest.raises(NotTheTargetError, match="of another service"):
        check_target(move.old)


def test_only_so_many_findings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordergen_server.legacy.report.KEPT_FINDINGS", 2)
    report = Report()
    for number in range(5):
        report.find(Finding(MODELS, str(number), "", "", "", taken=False))
    assert [one.id for one in report.findings] == ["0", "1"]
    assert report.more_findings == 3


def test_a_last_rebalance_of_ours_is_not_turned_back(move: Move) -> None:
    move.models.mark_rebalanced(MODEL, NOW)
    move.has(model_document(1))
    move.imported()
    assert move.models.get(MODEL).last_rebalance_time == NOW


def test_digits_stay_as_they_are_stored(move: Move) -> None:
    line = {
        "security_id": "A" * 24,
        "target": Decimal128("0.30000"),
        "high_drift": 1,
        "low_drift": 0.1,
    }
    move.has(model_document(1, positions=[line]))
    move.imported()
    (found,) = move.models.get(MODEL).positions
    numbers = (found.target, found.low_drift, found.high_drift)
    assert tuple(map(str, numbers)) == ("0.30000", "0.1", "1")
    assert found.low_drift == Decimal("0.1")
