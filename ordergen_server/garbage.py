"""When Python looks for garbage: seldom, for each collection stops every thread of the process."""

import gc

#: Objects that are made before the young ones are collected.
COLLECTED_AFTER = 50_000


def collect_seldom() -> None:
    """For a process that goes on for long, once it has imported what it needs: that stays."""
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
