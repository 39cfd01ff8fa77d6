"""Rules of reviews and orders."""

from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.validators.shared import ENTITY_ID, each_once

_NAMES: Document = {"bsonType": "array", "items": {"bsonType": "string"}}
#: A submission may make the document of a portfolio that nobody has decided of: it has a version alone.
REVIEW_VALIDATOR: Document = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["rebalance_id", "portfolio_id", "version"],
        "properties": {
            "rebalance_id": {"bsonType": "string"},
            "portfolio_id": ENTITY_ID,
            "approved_by": _NAMES,
            "rejected_by": _NAMES,
            "version": {"bsonType": ["int", "long"], "minimum": 1},
        },
    },
    # Nobody is in both lists, or in one twice.
    "$expr": each_once(
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
            "portfolio_id": ENTITY_ID,
            "security_id": ENTITY_ID,
            "side": {"enum": [side.value for side in Side]},
            "quantity": {"bsonType": ["int", "long"], "minimum": 1},
            "state": {"enum": [state.value for state in OrderState]},
            "attempt_count": {"bsonType": ["int", "long"], "minimum": 0},
        },
    }
}
