"""Why a line trades, or does not, in words."""

_REASONS = {
    "TRADED_TO_TARGET": "exactly on target",
    "ROUNDED_TO_NEAREST_SHARE": "nearest whole share to target",
    "CLIPPED_AT_BAND": "last share inside its band",
    "ALREADY_NEAREST": "already the best number of shares",
    "REDUCED_FOR_CASH": "fewer shares, to keep cash above its floor",
    "NOT_IN_MODEL": "not in the model",
    "RESTRICTED": "restricted",
    "BELOW_MINIMUM_TRADE": "below the minimum trade",
    "ROUNDED_TO_LOT": "nearest lot to target",
    "FRACTIONAL_RESIDUAL": "a fraction remains that whole orders cannot trade",
    "TURNOVER_LIMIT": "turnover limit",
    "TRADE_COUNT_LIMIT": "limit of transactions",
    "TRADED_TO_BAND": "edge of its band",
    "INSIDE_BAND": "inside its band",
    "SIDES": "on the side that is not traded",
    "COSTS": "not sold, as that would cost more cash than it frees",
    "SECURITY_LIMIT": "limit of its weight",
    "GROUP_LIMIT": "limit of a group",
    "FROZEN": "frozen",
}
_PROBLEMS = {
    "MISSING_DATA": "it has no price",
    "BAD_DATA": "its price is none that can be",
    "STALE_PRICE": "its price is too old",
}


def reason(name: str, bound_by: str = "", price_problem: str = "") -> str:
    """A reason in words; its own name where a newer server has more of them.

    A rule that is the reason and is `bound_by` SETTINGS is named as the portfolio's own; what is FROZEN is so
    for its `price_problem`.
    """
    told = "" if name == "UNSPECIFIED" else _REASONS.get(name, name)
    if name == "FROZEN" and price_problem:
        return f"{told}: {_PROBLEMS.get(price_problem, price_problem)}"
    return f"{told}, by the portfolio's settings" if bound_by == "SETTINGS" else told
