"""Variables of the environment that look like ours and are not."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

_PREFIX: Final = "ORDERGEN_"
#: How alike two names are of which one is a slip: `ORDERGEN_TAGRET`. The server's own are not so near.
_ALIKE: Final = 0.8


def misspelt(environment: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Variables that are none of ours and nearly are, and which each is taken to mean."""
    ours = {name.removeprefix(_PREFIX): name for name in known}
    found = {}
    for name in environment:
        if name.startswith(_PREFIX) and name not in ours.values():
            near = get_close_matches(name.removeprefix(_PREFIX), ours, 1, _ALIKE)
            if near:
                found[name] = ours[near[0]]
    return found
