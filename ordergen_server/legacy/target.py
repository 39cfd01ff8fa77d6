"""Where what is imported goes: our own stores, or nowhere, to see what would become of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from ordergen_server.domain.errors import AlreadyExists, Resource
from ordergen_server.domain.models import Model
from ordergen_server.legacy.runs import EndedRun
from ordergen_server.legacy.source import COLLECTIONS, MODELS
from ordergen_server.repositories.import_ledger import Imported, ImportLedger
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.run_store.ended_runs import EndedRuns

#: Portfolios that are asked for at once.
_ASKED_AT_ONCE = 1000


class NotTheTargetError(Exception):
    """The database has data of another service."""


@dataclass(frozen=True, slots=True)
class Present:
    """What there is already.

    Attributes:
        versions: of what is here, by id; None of what does not change.
        imported: what was imported before, by id.
    """

    versions: Mapping[str, int | None]
    imported: Mapping[str, Imported]


class Target(Protocol):
    """Takes what is imported; all methods raise DatabaseUnavailable."""

    def present(self, collection: str, ids: Collection[str]) -> Present:
        """Which of these there are."""

    def begin(self, collection: str, digests: Mapping[str, bytes]) -> None:
        """Note what is about to be added, by id."""

    def add_model(self, model: Model) -> bool:
        """Add a model; False where it is there. Raises AlreadyExists: its name or a portfolio is taken."""

    def add_run(self, run: EndedRun) -> bool:
        """Add a run; False where it is there."""

    def end(self, collection: str, ids: Collection[str]) -> None:
        """Note that these are added."""


class OurStores:
    """A Target: the database of this service, which may be serving meanwhile."""

    def __init__(self, models: Models, runs: EndedRuns, ledger: ImportLedger) -> None:
        self._models = models
        self._runs = runs
        self._ledger = ledger

    def present(self, collection: str, ids: Collection[str]) -> Present:
        """See Target.

        The ledger is read last: what another importer has added by then, it has noted before.
        """
        versions: Mapping[str, int | None] = (
            self._models.versions(ids) if collection == MODELS else dict.fromkeys(self._runs.existing(ids))
        )
        known = self._ledger.known([_name(collection, one) for one in ids])
        return Present(versions, {name.partition("/")[2]: one for name, one in known.items()})

    def begin(self, collection: str, digests: Mapping[str, bytes]) -> None:
        """See Target."""
        self._ledger.begin({_name(collection, key): digest for key, digest in digests.items()})

    def add_model(self, model: Model) -> bool:
        """See Target. The time of its last rebalance, which is kept elsewhere, never goes back."""
        added = self._models.add(model)
        if model.last_rebalance_time:
            self._models.mark_rebalanced(model.model_id, model.last_rebalance_time)
        return added

    def add_run(self, run: EndedRun) -> bool:
        """See Target."""
        return self._runs.add(run.rebalance, run.results)

    def end(self, collection: str, ids: Collection[str]) -> None:
        """See Target."""
        self._ledger.end([_name(collection, one) for one in ids])


@dataclass
class Rehearsal:
    """A Target that writes nothing, and says of everything what the other would.

    It remembers the names and portfolios of all models that it is given: some 100 bytes each.
    """

    database: Database
    stores: OurStores
    _names: dict[str, str] = field(default_factory=dict)
    _portfolios: dict[str, str] = field(default_factory=dict)

    def present(self, collection: str, ids: Collection[str]) -> Present:
        """See Target."""
        return self.stores.present(collection, ids)

    def begin(self, collection: str, digests: Mapping[str, bytes]) -> None:
        """See Target."""

    def add_model(self, model: Model) -> bool:
        """See Target."""
        self._check("name", [model.name], self._names, model.model_id)
        self._check("portfolio_ids", model.portfolio_ids, self._portfolios, model.model_id)
        self._names[model.name] = model.model_id
        self._portfolios.update(dict.fromkeys(model.portfolio_ids, model.model_id))
        return True

    def add_run(self, run: EndedRun) -> bool:
        """See Target."""
        del run
        return True

    def end(self, collection: str, ids: Collection[str]) -> None:
        """See Target."""

    def _check(
        self, field_name: str, values: Collection[str], taken: Mapping[str, str], model_id: str
    ) -> None:
        """Raises AlreadyExists where a value is taken, here or by a model that would be here by then."""
        kind = "Model" if field_name == "name" else "Portfolio"
        for value in values:
            if value in taken:
                raise _taken(kind, value, taken[value])
        asked = list(values)
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            which = {field_name: {"$in": asked[start : start + _ASKED_AT_ONCE]}}
            with self.database.operation():
                other = self.database.collection(MODELS).find_one(which)
            if other and str(other["_id"]) != model_id:
                owned = cast("Collection[str]", other[field_name])
                value = next(one for one in asked if one in owned)
                raise _taken(kind, value, str(other["_id"]))


def check_target(database: Database) -> None:
    """Look whether a database is one of this service, or empty.

    Raises:
        NotTheTargetError: it has models or rebalances of another service.
        DatabaseUnavailable: it does not answer.
    """
    with database.operation():
        if database.collection("migrations").find_one({}, {"_id": 1}):
            return
        if any(database.collection(name).find_one({}, {"_id": 1}) for name in COLLECTIONS):
            raise NotTheTargetError("the database to import into has models or rebalances of another service")


def _taken(kind: str, value: str, owner: str) -> AlreadyExists:
    return AlreadyExists(f"{kind} {value} is taken.", resource=Resource(kind, value, f"models/{owner}"))


def _name(collection: str, key: str) -> str:
    return f"{collection}/{key}"
