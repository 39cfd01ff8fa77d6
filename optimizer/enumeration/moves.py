"""Moves of positions away from a base, the limits they keep to, and what a search over sets of them says."""

from typing import NamedTuple

Aims = tuple[int, int, int]
"""First aim, second aim and number of trades, or changes of them."""


class Move(NamedTuple):
    """Leaving the base of a position: what that changes, in exact numbers.

    Attributes:
        place: the position.
        key: what the caller knows the move by.
        aims: changes of the aims.
        uses: change of use, one a limit.
    """

    place: int
    key: int
    aims: Aims
    uses: tuple[int, ...]


class Weights(NamedTuple):
    """Multipliers of a relaxation: of the first aim, and of the use of each limit; none negative."""

    aim: int
    uses: tuple[int, ...]


class Task(NamedTuple):
    """What is asked.

    Attributes:
        spare: what the base leaves of each limit; negative where it is broken.
        relaxations: multipliers that exclude; any are right, good ones exclude more.
        value: the first aim of the best answer known, against the base; None: none is known.
    """

    spare: tuple[int, ...]
    relaxations: tuple[Weights, ...]
    value: int | None = None


class Outcome(NamedTuple):
    """What was found.

    Attributes:
        sets: of equal aims, no worse than the value known; () if none.
        exhaustive: whether no set of a lesser first aim exists, nor any at all where none was found.
        settled: whether no other set is as good in all aims.
    """

    sets: tuple[tuple[Move, ...], ...]
    exhaustive: bool
    settled: bool


NONE_KNOWN = Outcome((), exhaustive=False, settled=False)
"""Nothing found, and nothing excluded."""
