"""Rules of models."""

from bson.decimal128 import Decimal128

from ordergen_server.domain.models import (
    MAXIMUM_NAME_LENGTH,
    MAXIMUM_PORTFOLIOS,
    MAXIMUM_POSITIONS,
    MAXIMUM_TARGET,
    TARGET_STEP,
)
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.validators.shared import ENTITY_ID, ONE, SPACES, ZERO, each_once

_SHAPE: Document = {
    "bsonType": "object",
    "required": ["name", "positions", "portfolio_ids", "version", "create_time", "update_time"],
    "properties": {
        "name": {"bsonType": "string", "maxLength": MAXIMUM_NAME_LENGTH, "pattern": f"[^{SPACES}]"},
        "version": {"bsonType": ["int", "long"], "minimum": 1},
        "positions": {
            "bsonType": "array",
            "maxItems": MAXIMUM_POSITIONS,
            "items": {
                "bsonType": "object",
                "required": ["security_id", "target", "low_drift", "high_drift"],
                "properties": {
                    "security_id": ENTITY_ID,
                    "target": {"bsonType": "decimal"},
                    "low_drift": {"bsonType": "decimal"},
                    "high_drift": {"bsonType": "decimal"},
                },
            },
        },
        "portfolio_ids": {
            "bsonType": "array",
            "maxItems": MAXIMUM_PORTFOLIOS,
            "items": ENTITY_ID,
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
                        {"$gt": ["$$one.target", ZERO]},
                        {"$eq": [{"$mod": ["$$one.target", Decimal128(TARGET_STEP)]}, ZERO]},
                        {"$gte": ["$$one.low_drift", ZERO]},
                        {"$lte": ["$$one.low_drift", "$$one.high_drift"]},
                        {"$lte": ["$$one.high_drift", ONE]},
                    ]
                },
            }
        }
    ]
}
_SUM_OF_TARGETS: Document = {
    "$reduce": {"input": _POSITIONS, "initialValue": ZERO, "in": {"$add": ["$$value", "$$this.target"]}}
}
_SECURITIES: Document = {"$map": {"input": _POSITIONS, "as": "one", "in": "$$one.security_id"}}
_PORTFOLIOS: Document = {"$ifNull": ["$portfolio_ids", []]}

MODEL_VALIDATOR: Document = {
    "$jsonSchema": _SHAPE,
    "$expr": {
        "$and": [
            _EACH_POSITION,
            {"$lte": [_SUM_OF_TARGETS, Decimal128(MAXIMUM_TARGET)]},
            each_once(_SECURITIES),
            each_once(_PORTFOLIOS),
        ]
    },
}
