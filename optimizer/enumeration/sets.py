"""Decides which set of moves, at most one a position, is best under all limits: met in the middle.

    minimise   sum aims(move)   subject to   sum use_l(move) <= spare_l   for every limit l

All sets are listed in two halves of the positions (Horowitz and Sahni, "Computing Partitions with
Applications to the Knapsack Problem", J. ACM 21, 1974), each without the sets that no set of the other half
can complete: those that use too much whatever the others do, and those whose penalties exceed the gap of a
relaxation. For multipliers w >= 0 and s >= 0, with V the first aim of the best answer known, a set that is no
worse obeys

    s cost + sum_l w_l use_l <= s V,   and   w_l (spare_l - use_l) <= gap - penalty

so it neither frees too little nor too much. The sets of one half are then looked up in the order of what they
use, and what remains is judged in exact integers.
"""

from optimizer.enumeration.enumeration import Clock, Enumeration
from optimizer.enumeration.halves import SetSearch
from optimizer.enumeration.moves import NONE_KNOWN, Move, Outcome, Task
from optimizer.enumeration.pairs import Pairs


def best_sets(
    moves: Enumeration[Move], task: Task, size: int, expired: Clock, *, ties: bool = True
) -> Outcome:
    """The best sets of moves, by all aims in turn.

    Args:
        moves: listed; what is said to be exhaustive is so only if they are.
        task: what is asked.
        size: sets in a half, at most; beyond that positions stay at their base, and nothing is exhaustive.
        expired: whether time is up.
        ties: whether sets of an equal first aim matter.
    """
    search = SetSearch(moves, task, expired)
    halves = search.halves(size)
    if halves is None:
        return NONE_KNOWN
    pairs = Pairs(search, halves.other, ties=ties)
    for one in search.pieces(halves, size):
        pairs.meet(one)
    return pairs.outcome()
