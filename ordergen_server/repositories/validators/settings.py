"""Rules of settings of portfolios."""

from ordergen_server.domain.desk import portfolio_settings
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.settings_store import setting_documents
from ordergen_server.repositories.validators.shared import ENTITY_ID, ONE, SPACES, ZERO, each_once


def _or_zero(field: str) -> Document:
    """The number of a field, 0 where it has none."""
    return {"$ifNull": [f"${field}", ZERO]}


_NUMBER = {"bsonType": ["decimal", "null"]}
_SETTINGS_SHAPE: Document = {
    "bsonType": "object",
    "required": ["version"],
    "properties": {
        "_id": ENTITY_ID,
        "version": {"bsonType": ["int", "long"], "minimum": 1},
        "do_not_trade": {
            "bsonType": ["object", "null"],
            "required": ["reason"],
            "properties": {
                "reason": {"bsonType": "string", "pattern": f"[^{SPACES}]"},
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
                    "security_id": ENTITY_ID,
                    "type": {"enum": ["DO_NOT_BUY", "DO_NOT_SELL", "HOLD"]},
                },
            },
        },
        "maximum_turnover_weight": _NUMBER,
        "security_limits": {
            "bsonType": "array",
            "maxItems": portfolio_settings.MAXIMUM_SECURITY_LIMITS,
            "items": {
                "bsonType": "object",
                "required": ["security_id", "minimum_weight", "maximum_weight"],
                "properties": {
                    "security_id": ENTITY_ID,
                    "minimum_weight": _NUMBER,
                    "maximum_weight": _NUMBER,
                },
            },
        },
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
_LIMITS: Document = {"$ifNull": ["$security_limits", []]}
_RESTRICTED: Document = {
    "$map": {"input": {"$ifNull": ["$restrictions", []]}, "as": "one", "in": "$$one.security_id"}
}
_LIMITED: Document = {"$map": {"input": _LIMITS, "as": "one", "in": "$$one.security_id"}}
#: A side that is not there is as wide as can be.
_LEAST, _MOST = {"$ifNull": ["$$one.minimum_weight", ZERO]}, {"$ifNull": ["$$one.maximum_weight", ONE]}
_EACH_LIMIT: Document = {
    "$allElementsTrue": [
        {
            "$map": {
                "input": _LIMITS,
                "as": "one",
                "in": {
                    "$and": [
                        {"$gte": [_LEAST, ZERO]},
                        {"$lte": [_LEAST, _MOST]},
                        {"$lte": [_MOST, ONE]},
                        # One of the two is there.
                        {"$ne": [{"$ifNull": ["$$one.minimum_weight", "$$one.maximum_weight"]}, None]},
                    ]
                },
            }
        }
    ]
}
SETTINGS_VALIDATOR: Document = {
    "$jsonSchema": _SETTINGS_SHAPE,
    "$expr": {
        "$and": [
            *(
                {"$gte": [_or_zero(field), ZERO]}
                for field in (
                    "minimum_cash_amount",
                    "minimum_cash_weight",
                    "minimum_trade_value",
                    "maximum_turnover_weight",
                )
            ),
            {"$lte": [_or_zero("minimum_cash_weight"), ONE]},
            each_once(_RESTRICTED),
            each_once(_LIMITED),
            _EACH_LIMIT,
            *(
                {"$lte": [{"$strLenBytes": {"$ifNull": [text, ""]}}, portfolio_settings.MAXIMUM_TEXT_BYTES]}
                for text in ("$note", "$do_not_trade.reason")
            ),
        ]
    },
}
