"""Changes of the schema: each runs once, at the start of whichever server is first."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from ordergen_server.repositories import schema
from ordergen_server.repositories.mongodb.database import Database, Documents
from ordergen_server.repositories.mongodb.driver_errors import translated

Migration = Callable[[Database], None]

#: A server that holds the lock for longer is taken to be dead; each migration may safely run again.
LOCK_SECONDS = 60
#: An index over very many documents takes longer to build than any call may take.
MIGRATION_SECONDS = 3600
_WAIT_SECONDS = 0.05

#: In order; what has been released is never changed, only added to. Each can run again where it broke off.
MIGRATIONS: dict[int, Migration] = {
    1: schema.create_collections,
    2: schema.enforce_model_rules,
    3: schema.lease_runs,
    4: schema.index_states,
    5: schema.enforce_model_rules,  # again, for models have a maximum of portfolios now
    6: schema.separate_activity,
    7: schema.keep_markets,
    8: schema.share_runs,
    9: schema.keep_settings,
    10: schema.keep_reviews,
    11: schema.keep_orders,
    12: schema.enforce_setting_rules,  # again, for settings have limits of securities now
}


def migrate(
    database: Database, migrations: Mapping[int, Migration] = MIGRATIONS, lock_seconds: float = LOCK_SECONDS
) -> None:
    """Bring the database to today's schema; several servers may do so at once.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    applied = database.collection("migrations")
    with translated():
        for number, migration in migrations.items():
            while not applied.find_one({"_id": number}):
                if not _run_alone(database, applied, number, migration, lock_seconds):
                    time.sleep(_WAIT_SECONDS)


def _run_alone(
    database: Database, applied: Documents, number: int, migration: Migration, lock_seconds: float
) -> bool:
    """Run a migration if nobody has; False where another has the lock."""
    owner = ObjectId()
    if not _lock(database, applied, owner, lock_seconds):
        return False
    try:
        if not applied.find_one({"_id": number}):
            with database.time_limit(MIGRATION_SECONDS):
                migration(database)
            done = {"name": migration.__name__, "time": datetime.now(UTC)}
            # Another may have run it meanwhile, where it took us so long that the lock was taken over.
            applied.update_one({"_id": number}, {"$setOnInsert": done}, upsert=True)
    finally:
        applied.delete_one({"_id": "lock", "owner": owner})
    return True


def _lock(database: Database, applied: Documents, owner: ObjectId, seconds: float) -> bool:
    now = database.now()
    held = {"owner": owner, "until": now + timedelta(seconds=seconds)}
    try:
        applied.update_one({"_id": "lock", "until": {"$lt": now}}, {"$set": held}, upsert=True)
    except DuplicateKeyError:
        return False  # another has it: the upsert would have made a second
    return True
