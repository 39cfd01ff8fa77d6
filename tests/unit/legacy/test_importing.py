"""Documents that cannot even be decoded are told like all others."""

import hashlib
from collections.abc import Collection, Iterator, Mapping

from bson import encode

from ordergen_server.domain.models import Model
from ordergen_server.legacy.importing import UNREADABLE, import_all
from ordergen_server.legacy.report import Finding, Outcome, Report
from ordergen_server.legacy.runs import EndedRun
from ordergen_server.legacy.source import MODELS, Source, Stored
from ordergen_server.legacy.target import Present
from tests.legacy_documents import model_document


class Batches(Source):
    """A source that has these models."""

    def __init__(self, *models: bytes) -> None:
        self._models = [
            Stored(f"{n:024}", has_id=True, version=1, digest=hashlib.sha256(one).digest(), data=one)
            for n, one in enumerate(models)
        ]

    def count(self) -> int:
        return 0  # an estimate

    def batches(self, collection: str) -> Iterator[list[Stored]]:
        yield self._models if collection == MODELS else []


class Nowhere:
    """A target that has nothing, and takes everything."""

    def present(self, collection: str, ids: Collection[str]) -> Present:
        del collection, ids
        return Present({}, {})

    def begin(self, collection: str, digests: Mapping[str, bytes]) -> None: ...

    def add_model(self, model: Model) -> bool:
        return model.version > 0

    def add_run(self, run: EndedRun) -> bool:
        return run.rebalance.version > 0

    def end(self, collection: str, ids: Collection[str]) -> None: ...


def test_text_that_is_no_text_is_told() -> None:
    good = encode(model_document(1, name="Gr\u00f6sse"))
    report = Report()
    progress: list[tuple[int, int]] = []
    damaged = good.replace("\u00f6".encode(), b"\xff\xfe")
    import_all(Batches(good, damaged), Nowhere(), report, lambda *told: progress.append(told))
    assert report.findings == [Finding(MODELS, f"{1:024}", "", UNREADABLE, "", taken=False)]
    assert report.counts == {(MODELS, Outcome.TAKEN): 1, (MODELS, Outcome.NOT_TAKEN): 1}
    assert progress == [(2, 2), (2, 2)]
