"""Variables of the environment that nearly have a name of ours: a slip that would change nothing, unseen."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

_PREFIX: Final = "ORDERGEN_"
#: How alike two names are of which one is a slip: `ORDERGEN_TAGRET`. The server's own are not so near.
_ALIKE: Final = 0.8


def misspelt(
    environment: Mapping[str, str], known: Iterable[str], others: tuple[str, ...] = ()
) -> dict[str, str]:
    """Variables that are none of ours and nearly are, and which each is taken to mean.

    Args:
        environment: all variables.
        known: ours.
        others: how those of other programs begin.
    """
    ours = {name.removeprefix(_PREFIX): name for name in known}
    found = {}
    for name in environment:
        if name.startswith(_PREFIX) and name not in ours.values() and not name.startswith(others):
            near = get_close_matches(name.removeprefix(_PREFIX), ours, 1, _ALIKE)
            if near:
                found[name] = ours[near[0]]
    return found
