"""Changes of the schema: each runs once, at the start of whichever server is first."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from ordergen_server.repositories import schema
from ordergen_server.repositories.database import Database, Documents, translated

#: A server that holds the lock for longer is taken to be dead; each migration may safely run again.
LOCK_SECONDS = 60
_WAIT_SECONDS = 0.05

#: In order; what has been released is never changed, only added to. Each can run again where it broke off.
MIGRATIONS: dict[int, Callable[[Database], None]] = {
    1: schema.create_collections,
    2: schema.enforce_model_rules,
    3: schema.lease_runs,
}


def migrate(database: Database) -> None:
    """Bring the database to today's schema; several servers may do so at once.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    applied = database.collection("migrations")
    with translated():
        for number, migration in MIGRATIONS.items():
            while not applied.find_one({"_id": number}):
                _run_alone(database, applied, number, migration)


def _run_alone(
    database: Database, applied: Documents, number: int, migration: Callable[[Database], None]
) -> None:
    """Run a migration if we get the lock and nobody has run it; wait a moment where another has the lock."""
    owner = ObjectId()
    if not _lock(applied, owner):
        time.sleep(_WAIT_SECONDS)
        return
    try:
        if not applied.find_one({"_id": number}):
            migration(database)
            applied.insert_one({"_id": number, "name": migration.__name__, "time": datetime.now(UTC)})
    finally:
        applied.delete_one({"_id": "lock", "owner": owner})


def _lock(applied: Documents, owner: ObjectId) -> bool:
    now = datetime.now(UTC)
    held = {"owner": owner, "until": now + timedelta(seconds=LOCK_SECONDS)}
    try:
        applied.update_one({"_id": "lock", "until": {"$lt": now}}, {"$set": held}, upsert=True)
    except DuplicateKeyError:
        return False  # another has it: the upsert would have made a second
    return True
