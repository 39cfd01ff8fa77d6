"""Exact whole-share rebalancing: proven optimal orders for a portfolio, and reasons for each of them.

    from optimizer import Position, Problem, Status, solve

Pure mathematics on numbers passed in: no I/O, no clock but the time limit, no settings.
"""

from optimizer.conflict import Conflict, ConflictKind
from optimizer.errors import OptimizerError
from optimizer.problem import Position, Problem
from optimizer.reason import Reason
from optimizer.solution import Solution, Status
from optimizer.solver import solve
from optimizer.verify import VerificationError

__all__ = [
    "Conflict",
    "ConflictKind",
    "OptimizerError",
    "Position",
    "Problem",
    "Reason",
    "Solution",
    "Status",
    "VerificationError",
    "solve",
]
