"""What the collections look like: rules that the database itself enforces, and indexes.

The domain has every rule first; these refuse what another program, or a bug of ours, would break.
$jsonSchema has the shape. The numbers stand in $expr, which compares Decimal128 exactly everywhere, and what
must not be there twice.
"""

from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import OperationFailure

from ordergen_server.repositories.model_store.activity import (
    ACTIVITY,
    REMEMBERED_SECONDS,
    TIME,
    ModelActivity,
)
from ordergen_server.repositories.model_store.model_pages import LISTING_SECONDS
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database, Documents
from ordergen_server.repositories.order_store.order_documents import (
    BATCHES,
    ORDERS,
    PORTFOLIOS,
    SUBMISSIONS,
    TURNS,
)
from ordergen_server.repositories.review_store.events import EVENTS
from ordergen_server.repositories.review_store.reviews import REVIEWS
from ordergen_server.repositories.settings_store import setting_documents
from ordergen_server.repositories.validators.models import MODEL_VALIDATOR
from ordergen_server.repositories.validators.orders import ORDER_VALIDATOR, REVIEW_VALIDATOR
from ordergen_server.repositories.validators.settings import SETTINGS_VALIDATOR

#: How long a request id is remembered.
REQUEST_SECONDS = 7 * 24 * 3600
#: What models had while the times of their last rebalances were theirs.
TIME_INDEXES = tuple(f"{TIME}+{second}" for second in ("_id", "_id-", "name", "name-"))
_INDEX_NOT_FOUND = 27


def _index(name: str, *fields: str, **options: object) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name=name, **options)


ORDER_INDEXES: dict[str, list[IndexModel]] = {
    SUBMISSIONS: [
        _index(
            "request",
            "request.request_id",
            unique=True,
            partialFilterExpression={"request.request_id": {"$gt": ""}},
        ),
        _index("lease", "state", "lease.until"),
    ],
    PORTFOLIOS: [
        _index("portfolio", "rebalance_id", "portfolio_id", unique=True),
        _index("left", "submission_id", "left", "place"),
        _index("told", "submission_id", "sequence", partialFilterExpression={"sequence": {"$gt": 0}}),
    ],
    ORDERS: [
        _index("order", "rebalance_id", "portfolio_id", "security_id", unique=True),
        _index("state", "rebalance_id", "state", "portfolio_id", "security_id"),
        _index("sequence", "submission_id", "sequence"),
        _index("batch", "batch_id"),
    ],
    BATCHES: [
        # What makes an order findable in the order service: never given twice, and never deleted.
        _index("mark", "mark", unique=True),
        _index("open", "submission_id", "mark", partialFilterExpression={"open": True}),
        _index("doubt", "doubted_at", sparse=True),
    ],
    TURNS: [],
}

INDEXES: dict[str, list[IndexModel]] = {
    "models": [
        IndexModel([("name", ASCENDING)], name="name", unique=True),
        IndexModel(
            [("portfolio_ids", ASCENDING)],
            name="portfolio",
            unique=True,
            # Without it two models without portfolios would collide on the empty array.
            partialFilterExpression={"portfolio_ids": {"$gt": ""}},
        ),
    ],
    "model_listings": [
        IndexModel([("create_time", ASCENDING)], name="expiry", expireAfterSeconds=LISTING_SECONDS)
    ],
    "requests": [IndexModel([("create_time", ASCENDING)], name="expiry", expireAfterSeconds=REQUEST_SECONDS)],
    "rebalances": [IndexModel([("model_id", ASCENDING), ("_id", DESCENDING)], name="model")],
    "portfolio_rebalances": [
        IndexModel([("rebalance_id", ASCENDING), ("portfolio_id", ASCENDING)], name="result", unique=True),
        IndexModel([("rebalance_id", ASCENDING), ("sequence", ASCENDING)], name="sequence", unique=True),
        IndexModel([("portfolio_id", ASCENDING), ("rebalance_id", DESCENDING)], name="portfolio"),
    ],
}


def create_collections(database: Database) -> None:
    """Make the collections and indexes that are not there yet."""
    for name, indexes in INDEXES.items():
        database.create_collection(name)
        database.collection(name).create_indexes(indexes)


def lease_runs(database: Database) -> None:
    """What runs need that are leased, may be repeated, and are one at a time for a model."""
    database.create_collection("rebalance_work")
    database.collection("rebalance_work").create_indexes(
        [
            IndexModel([("rebalance_id", ASCENDING), ("number", ASCENDING)], name="work", unique=True),
            # Of a run that was never begun, because its server died in between.
            IndexModel([("create_time", ASCENDING)], name="expiry", expireAfterSeconds=REQUEST_SECONDS),
        ]
    )
    database.collection("rebalances").create_indexes(
        [
            IndexModel(
                [("active_model_id", ASCENDING)],
                name="active",
                unique=True,
                partialFilterExpression={"active_model_id": {"$gt": ""}},
            ),
            IndexModel(
                [("request.request_id", ASCENDING)],
                name="request",
                unique=True,
                partialFilterExpression={"request.request_id": {"$gt": ""}},
            ),
            IndexModel([("state", ASCENDING), ("lease.until", ASCENDING)], name="lease"),
        ]
    )


def index_states(database: Database) -> None:
    """Results of a run in one state, page by page."""
    keys = [("rebalance_id", ASCENDING), ("state", ASCENDING), ("portfolio_id", ASCENDING)]
    database.collection("portfolio_rebalances").create_indexes([IndexModel(keys, name="state")])


def keep_markets(database: Database) -> None:
    """The markets of runs, kept with them; and the results of runs of one portfolio, in their headers."""
    database.create_collection("rebalance_markets")
    keys = [("rebalance_id", ASCENDING), ("part", ASCENDING)]
    database.collection("rebalance_markets").create_indexes([IndexModel(keys, name="market", unique=True)])
    result = IndexModel([("result.portfolio_id", ASCENDING)], name="result", sparse=True)
    database.collection("rebalances").create_indexes([result])


def share_runs(database: Database) -> None:
    """Runs in chunks: results are numbered by their place in one, and a place in the run is one chunk's."""
    results, work = database.collection("portfolio_rebalances"), database.collection("rebalance_work")
    if "sequence" in results.index_information():
        results.drop_index("sequence")  # results in chunks have none, and would collide on that
    results.create_indexes(
        [
            _partial("numbered", "sequence", {"$gt": 0}),
            IndexModel(
                [("rebalance_id", ASCENDING), ("chunk", ASCENDING), ("place", ASCENDING)],
                name="chunk",
                partialFilterExpression={"chunk": {"$gte": 0}},
            ),
        ]
    )
    work.create_indexes(
        [
            _partial("published", "first_sequence", {"$gt": 0}, unique=True),
            _partial("state", "state", {"$gt": ""}),
            _partial("attempt", "token", {"$gt": ""}),
        ]
    )


def keep_reviews(database: Database) -> None:
    """Who approves and rejects what, one document a portfolio; and events of runs, in their order."""
    by_portfolio, by_number = (
        [("rebalance_id", ASCENDING), (second, ASCENDING)] for second in ("portfolio_id", "number")
    )
    for name, index in (
        (REVIEWS, IndexModel(by_portfolio, name="review", unique=True)),
        (EVENTS, IndexModel(by_number, name="event", unique=True)),
    ):
        database.create_collection(name)
        database.collection(name).create_indexes([index])
    database.command({"collMod": REVIEWS, "validator": REVIEW_VALIDATOR})


def keep_orders(database: Database) -> None:
    """Submissions, their portfolios, orders and batches; what can be there once, an index says."""
    for name, indexes in ORDER_INDEXES.items():
        database.create_collection(name)
        if indexes:
            database.collection(name).create_indexes(indexes)
    database.command({"collMod": ORDERS, "validator": ORDER_VALIDATOR})


def _partial(name: str, field: str, rule: Document, *, unique: bool = False) -> IndexModel:
    """An index of a run's documents that have a field."""
    keys = [("rebalance_id", ASCENDING), (field, ASCENDING)]
    return IndexModel(keys, name=name, unique=unique, partialFilterExpression={field: rule})


def enforce_model_rules(database: Database) -> None:
    """Let the database refuse models that break a rule."""
    database.command({"collMod": "models", "validator": MODEL_VALIDATOR})


def keep_settings(database: Database) -> None:
    """Settings of portfolios, and for a while the versions of those that were deleted."""
    name, deleted = setting_documents.SETTINGS, setting_documents.DELETED
    database.create_collection(name)
    expiry = IndexModel(
        [(deleted, ASCENDING)], name="expiry", expireAfterSeconds=setting_documents.REMEMBERED_SECONDS
    )
    database.collection(name).create_indexes([expiry])
    enforce_setting_rules(database)


def enforce_setting_rules(database: Database) -> None:
    """Let the database refuse settings that break a rule."""
    database.command({"collMod": setting_documents.SETTINGS, "validator": SETTINGS_VALIDATOR})


def separate_activity(database: Database) -> None:
    """Move the times of last rebalances out of the models, into a collection of their own.

    What a server of before marks meanwhile, or later, stays with its model, and is read there.
    """
    expiry = IndexModel([("delete_time", ASCENDING)], name="expiry", expireAfterSeconds=REMEMBERED_SECONDS)
    database.create_collection(ACTIVITY)
    database.collection(ACTIVITY).create_indexes([expiry])
    enforce_model_rules(database)
    models = database.collection("models")
    _move_times(models, ModelActivity(database))
    for name in TIME_INDEXES:
        _drop_index(models, name)


def _move_times(models: Documents, activity: ModelActivity) -> None:
    for found in list(models.find({TIME: {"$exists": True}}, {TIME: 1}).hint("_id_")):
        time = found[TIME]
        if isinstance(time, datetime):
            activity.mark(str(found["_id"]), time)
        # A model may be older than a rule that it breaks.
        models.update_one(found, {"$unset": {TIME: ""}}, bypass_document_validation=True)


def _drop_index(collection: Documents, name: str) -> None:
    """Drop an index; one that is not there is as good."""
    try:
        collection.drop_index(name)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:
            raise
