"""Exact whole-share rebalancing: proven optimal orders for a portfolio, and reasons for each of them.

    from optimizer import Position, Problem, Status, solve

Pure mathematics on numbers passed in: no I/O, no clock but the time limit, no settings.
"""

from optimizer.answer.limit_breaches import LimitBreach
from optimizer.answer.solution import Answer, Breach, Solution, Status
from optimizer.answer.verify import VerificationError
from optimizer.batch.batch import Batch
from optimizer.batch.solve_batch import BatchSolution, BatchStatus, solve_batch
from optimizer.problem.constraints import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    Restriction,
    Side,
    Sides,
    TradingCosts,
)
from optimizer.problem.errors import OptimizerError
from optimizer.problem.exact import MAX_DIGITS
from optimizer.problem.position import Position
from optimizer.problem.problem import Problem, Strategy
from optimizer.problem.reason import Reason
from optimizer.problem.weight_limits import GroupLimit, SecurityLimit
from optimizer.rules.prices import RulePrice, rule_prices
from optimizer.rules.relaxations import Relaxations, relaxations
from optimizer.rules.rule import CashFloor, Rule, rules_of
from optimizer.separable.conflict import Conflict, ConflictKind
from optimizer.solver import solve

__all__ = [
    "MAX_DIGITS",
    "Answer",
    "Batch",
    "BatchSolution",
    "BatchStatus",
    "Breach",
    "CashFloor",
    "Conflict",
    "ConflictKind",
    "Constraint",
    "GroupLimit",
    "LimitBreach",
    "LotSize",
    "MaximumTradeCount",
    "MaximumTurnover",
    "MinimumTradeValue",
    "OneSided",
    "OptimizerError",
    "Position",
    "Problem",
    "Reason",
    "Relaxations",
    "Restriction",
    "Rule",
    "RulePrice",
    "SecurityLimit",
    "Side",
    "Sides",
    "Solution",
    "Status",
    "Strategy",
    "TradingCosts",
    "VerificationError",
    "relaxations",
    "rule_prices",
    "rules_of",
    "solve",
    "solve_batch",
]
