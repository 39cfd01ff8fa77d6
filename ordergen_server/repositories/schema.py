"""What the collections look like: rules that the database itself enforces, and indexes.

The domain has every rule first; these refuse what another program, or a bug of ours, would break.
$jsonSchema has the shape. The numbers stand in $expr, which compares Decimal128 exactly everywhere, and what
must not be there twice.
"""

from datetime import datetime

from bson.decimal128 import Decimal128
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import OperationFailure

from ordergen_server.domain.desk import portfolio_settings
from ordergen_server.domain.models import (
    MAXIMUM_NAME_LENGTH,
    MAXIMUM_PORTFOLIOS,
    MAXIMUM_POSITIONS,
    MAXIMUM_TARGET,
    TARGET_STEP,
)
from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.rebalances.lines import Side
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

#: How long a request id is remembered.
REQUEST_SECONDS = 7 * 24 * 3600
#: What models had while the times of their last rebalances were theirs.
TIME_INDEXES = tuple(f"{TIME}+{second}" for second in ("_id", "_id-", "name", "name-"))
_INDEX_NOT_FOUND = 27
_ENTITY_ID = {"bsonType": "string", "pattern": "^[0-9A-Za-z]{24}$"}
#: What `str.strip` takes away; each database has its own idea of \s.
_SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
_ZERO, _ONE = Decimal128("0"), Decimal128("1")

_SHAPE: Document = {
    "bsonType": "object",
    "required": ["name", "positions", "portfolio_ids", "version", "create_time", "update_time"],
    "properties": {
        "name": {"bsonType": "string", "maxLength": MAXIMUM_NAME_LENGTH, "pattern": f"[^{_SPACES}]"},
        "version": {"bsonType": ["int", "long"], "minimum": 1},
        "positions": {
            "bsonType": "array",
            "maxItems": MAXIMUM_POSITIONS,
            "items": {
                "bsonType": "object",
                "required": ["security_id", "target", "low_drift", "high_drift"],
                "properties": {
                    "security_id": _ENTITY_ID,
                    "target": {"bsonType": "decimal"},
                    "low_drift": {"bsonType": "decimal"},
                    "high_drift": {"bsonType": "decimal"},
                },
            },
        },
        "portfolio_ids": {
            "bsonType": "array",
            "maxItems": MAXIMUM_PORTFOLIOS,
            "items": _ENTITY_ID,
        },
        "create_time": {"bsonType": "date"},
        "update_time": {"bsonType": "date"},
    },
}
_POSITIONS: Document = {"$ifNull": ["$positions", []]}
_EACH_POSITION: Document = {
    "$allElementsTrue": [
        {
            "$map": {
                "input": _POSITIONS,
                "as": "one",
                "in": {
                    "$and": [
                        {"$gt": ["$$one.target", _ZERO]},
                        {"$eq": [{"$mod": ["$$one.target", Decimal128(TARGET_STEP)]}, _ZERO]},
                        {"$gte": ["$$one.low_drift", _ZERO]},
                        {"$lte": ["$$one.low_drift", "$$one.high_drift"]},
                        {"$lte": ["$$one.high_drift", _ONE]},
                    ]
                },
            }
        }
    ]
}
_SUM_OF_TARGETS: Document = {
    "$reduce": {"input": _POSITIONS, "initialValue": _ZERO, "in": {"$add": ["$$value", "$$this.target"]}}
}
_SECURITIES: Document = {"$map": {"input": _POSITIONS, "as": "one", "in": "$$one.security_id"}}
_PORTFOLIOS: Document = {"$ifNull": ["$portfolio_ids", []]}


def _each_once(values: Document) -> Document:
    """No value stands in an array twice; uniqueItems takes some databases the square of its length."""
    return {"$eq": [{"$size": {"$setUnion": [values, []]}}, {"$size": values}]}


MODEL_VALIDATOR: Document = {
    "$jsonSchema": _SHAPE,
    "$expr": {
        "$and": [
            _EACH_POSITION,
            {"$lte": [_SUM_OF_TARGETS, Decimal128(MAXIMUM_TARGET)]},
            _each_once(_SECURITIES),
            _each_once(_PORTFOLIOS),
        ]
    },
}


def _or_zero(field: str) -> Document:
    """The number of a field, 0 where it has none."""
    return {"$ifNull": [f"${field}", _ZERO]}


_NUMBER = {"bsonType": ["decimal", "null"]}
_SETTINGS_SHAPE: Document = {
    "bsonType": "object",
    "required": ["version"],
    "properties": {
        "_id": _ENTITY_ID,
        "version": {"bsonType": ["int", "long"], "minimum": 1},
        "do_not_trade": {
            "bsonType": ["object", "null"],
            "required": ["reason"],
            "properties": {
                "reason": {"bsonType": "string", "pattern": f"[^{_SPACES}]"},
                "until": {"bsonType": ["string", "null"], "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
            },
        },
        "minimum_cash_amount": _NUMBER,
        "minimum_cash_weight": _NUMBER,
        "minimum_trade_value": _NUMBER,
        "restrictions": {
            "bsonType": "array",
            "maxItems": portfolio_settings.MAXIMUM_RESTRICTIONS,
            "items": {
                "bsonType": "object",
                "required": ["security_id", "type"],
                "properties": {
                    "security_id": _ENTITY_ID,
                    "type": {"enum": ["DO_NOT_BUY", "DO_NOT_SELL", "HOLD"]},
                },
            },
        },
        "maximum_turnover_weight": _NUMBER,
        "note": {"bsonType": "string"},
        "create_time": {"bsonType": "date"},
        "update_time": {"bsonType": "date"},
        "actor": {"bsonType": "string"},
        setting_documents.DELETED: {"bsonType": "date"},
    },
    # Settings have what is read of them; what was deleted has its version alone.
    "anyOf": [
        {"required": ["restrictions", "note", "create_time", "update_time", "actor"]},
        {"required": [setting_documents.DELETED]},
    ],
}
_RESTRICTED: Document = {
    "$map": {"input": {"$ifNull": ["$restrictions", []]}, "as": "one", "in": "$$one.security_id"}
}
SETTINGS_VALIDATOR: Document = {
    "$jsonSchema": _SETTINGS_SHAPE,
    "$expr": {
        "$and": [
            *(
                {"$gte": [_or_zero(field), _ZERO]}
                for field in (
                    "minimum_cash_amount",
                    "minimum_cash_weight",
                    "minimum_trade_value",
                    "maximum_turnover_weight",
                )
            ),
            {"$lte": [_or_zero("minimum_cash_weight"), _ONE]},
            _each_once(_RESTRICTED),
            *(
                {"$lte": [{"$strLenBytes": {"$ifNull": [text, ""]}}, portfolio_settings.MAXIMUM_TEXT_BYTES]}
                for text in ("$note", "$do_not_trade.reason")
            ),
        ]
    },
}
_NAMES: Document = {"bsonType": "array", "items": {"bsonType": "string"}}
#: A submission may make the document of a portfolio that nobody has decided of: it has a version alone.
REVIEW_VALIDATOR: Document = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["rebalance_id", "portfolio_id", "version"],
        "properties": {
            "rebalance_id": {"bsonType": "string"},
            "portfolio_id": _ENTITY_ID,
            "approved_by": _NAMES,
            "rejected_by": _NAMES,
            "version": {"bsonType": ["int", "long"], "minimum": 1},
        },
    },
    # Nobody is in both lists, or in one twice.
    "$expr": _each_once(
        {"$concatArrays": [{"$ifNull": ["$approved_by", []]}, {"$ifNull": ["$rejected_by", []]}]}
    ),
}

ORDER_VALIDATOR: Document = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["rebalance_id", "submission_id", "portfolio_id", "security_id", "quantity", "state"],
        "properties": {
            "rebalance_id": {"bsonType": "string"},
            "submission_id": {"bsonType": "string"},
            "portfolio_id": _ENTITY_ID,
            "security_id": _ENTITY_ID,
            "side": {"enum": [side.value for side in Side]},
            "quantity": {"bsonType": ["int", "long"], "minimum": 1},
            "state": {"enum": [state.value for state in OrderState]},
            "attempt_count": {"bsonType": ["int", "long"], "minimum": 0},
        },
    }
}


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
        _index("sequence", "submission_id", "sequence"),
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
    database.command({"collMod": name, "validator": SETTINGS_VALIDATOR})


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
