"""Who gets how many shares of a partial fill: pro rata by largest remainder.

The method is Hamilton's (M. L. Balinski and H. P. Young, Fair Representation: Meeting the Ideal of One Man,
One Vote, 1982). A portfolio that ordered a part of the block has the same part of the fill as its quota.
Everybody gets the whole shares of their quota, and the shares that are left go one each to the largest
remainders. So each is within one share of its quota (the quota rule), none gets more than it ordered, and the
sum is what was filled.

Where remainders are the same somebody has to come first, and nobody may choose whom once the fill is known:
the order is that of SHA-256 over a seed and the portfolio, and the seed is fixed before anything is traded.
It is the same each time, and favours none: another seed has another order.

The price of the quota rule is that a larger fill may give somebody a share less (the Alabama paradox): what
is shared out is a fill as a whole, and not one after the other.
"""

from collections.abc import Mapping
from hashlib import sha256


def allocated(ordered: Mapping[str, int], filled: int, seed: str) -> dict[str, int]:
    """What each portfolio gets of a fill.

    Args:
        ordered: whole shares that each portfolio ordered, at least 1.
        filled: whole shares that were filled of all of them together: from 0 to their sum.
        seed: fixes the order of those whose remainders are the same; to be settled before trading.

    Returns:
        Whole shares by portfolio, in the order of `ordered`; 0 or more, at most what it ordered.

    Raises:
        ValueError: somebody ordered less than a share, or it is not that many that were filled.
    """
    total = sum(ordered.values())
    if any(quantity < 1 for quantity in ordered.values()):
        raise ValueError("an order has at least one share")
    if not 0 <= filled <= total:
        raise ValueError(f"from 0 to {total} shares can be filled, not {filled}")
    if not total:
        return {}
    shares = {one: filled * quantity // total for one, quantity in ordered.items()}
    left = filled - sum(shares.values())
    remainders = {one: filled * quantity % total for one, quantity in ordered.items()}
    first = sorted(ordered, key=lambda one: (-remainders[one], _lot(seed, one)))
    for one in first[:left]:
        shares[one] += 1
    return shares


def _lot(seed: str, portfolio_id: str) -> bytes:
    """Where a portfolio stands among those whose remainders are the same."""
    return sha256(f"{seed}/{portfolio_id}".encode()).digest()
