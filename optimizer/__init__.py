"""Exact whole-share rebalancing: proven optimal orders for a portfolio, and reasons for each of them.

    from optimizer import Position, Problem, Status, solve

Pure mathematics on numbers passed in: no I/O, no clock but the time limit, no settings.
"""

from optimizer.batch import Batch
from optimizer.batch_solver import BatchSolution, BatchStatus, solve_batch
from optimizer.conflict import Conflict, ConflictKind
from optimizer.constraints import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    Restriction,
    Side,
)
from optimizer.errors import OptimizerError
from optimizer.position import Position
from optimizer.problem import Problem, Strategy
from optimizer.reason import Reason
from optimizer.solution import Answer, Breach, Solution, Status
from optimizer.solver import solve
from optimizer.verify import VerificationError

__all__ = [
    "Answer",
    "Batch",
    "BatchSolution",
    "BatchStatus",
    "Breach",
    "Conflict",
    "ConflictKind",
    "Constraint",
    "LotSize",
    "MaximumTradeCount",
    "MaximumTurnover",
    "MinimumTradeValue",
    "OptimizerError",
    "Position",
    "Problem",
    "Reason",
    "Restriction",
    "Side",
    "Solution",
    "Status",
    "Strategy",
    "VerificationError",
    "solve",
    "solve_batch",
]
