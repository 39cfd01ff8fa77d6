"""How a caller asks for a list to be sorted."""

from collections.abc import Collection

from ordergen_server.domain.requests.violations import Violations

#: The fields that models are sorted by.
MODEL_ORDERS = ("model_id", "name", "last_rebalance_time")
MAXIMUM_TERMS = 32


def parse_order(order_by: str, fields: Collection[str], violations: Violations) -> dict[str, bool]:
    """The fields of an order_by in their order, and whether each is descending.

    A violation where a field is unknown, named twice, or its direction is neither `desc` nor a sign.
    """
    order: dict[str, bool] = {}
    terms = order_by.split(",")
    if len(terms) > MAXIMUM_TERMS:
        violations.add("order_by", f"must have at most {MAXIMUM_TERMS} terms", len(terms))
        return order
    for term in filter(None, (part.strip() for part in terms)):
        name, descending = _order_term(term)
        if name not in fields or name in order:
            rule = f"must name {', '.join(fields)}, each at most once, optionally with ` desc`"
            violations.add("order_by", rule, term)
        else:
            order[name] = descending
    return order


def _order_term(term: str) -> tuple[str, bool]:
    if term[0] in "+-":
        return term[1:], term[0] == "-"
    name, _, direction = term.partition(" ")
    return (name, True) if direction.strip() == "desc" else (term, False)
