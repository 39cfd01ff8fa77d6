"""The answers of a batch: what the float grid decides block by block, and `solve` for every other row.

Every row that may have a tie, that the floor binds or that has no answer is solved in integers. The arrays of
a block stay in the processor's cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.answer.solution import Answer, Solution, Status
from optimizer.batch.batch import Batch, Integers
from optimizer.batch.grid import Grid, block_rows
from optimizer.batch.grid_rows import CODES, REASONS, GridRows
from optimizer.problem.errors import OptimizerError
from optimizer.separable.conflict import Conflict
from optimizer.solver import ZERO, solve

_TOO_LONG = "an order of 2^63 shares or more is not for arrays of 64 bits; solve the row by itself"


class BatchStatus(IntEnum):
    """What is known of one row, as the small number that the status array holds."""

    PROVEN_OPTIMAL = 0
    FEASIBLE = 1
    INFEASIBLE = 2
    INVALID = 3
    """Bad numbers: asked for its answer, the row says which."""


class Kept(NamedTuple):
    """What is remembered of a row that `solve` answered, beside its status and its orders.

    Attributes:
        codes: of the reasons, a byte each; empty if infeasible.
        objective: in money; None if infeasible.
        lower_bound: in money; None if infeasible.
        conflicts: () unless infeasible.
        tie_broken: as in `Answer`.
    """

    codes: bytes
    objective: Fraction | None
    lower_bound: Fraction | None
    conflicts: tuple[Conflict, ...]
    tie_broken: bool


@dataclass(frozen=True, eq=False)
class BatchSolution:
    """The answers of a batch, row by row.

    Attributes:
        batch: what was solved; its arrays must not be changed while answers are asked for.
        statuses: (P,) uint8, values of `BatchStatus`.
        orders: (P, N) int64, whole shares; zeros where infeasible or invalid.
        kept: the rows that `solve` answered.
        errors: what is wrong with invalid rows.
    """

    batch: Batch
    statuses: NDArray[np.uint8]
    orders: Integers
    kept: Mapping[int, Kept] = field(default_factory=dict, repr=False)
    errors: Mapping[int, OptimizerError] = field(default_factory=dict, repr=False)

    def answer(self, row: int) -> Answer:
        """What `solve(batch.problem(row)).answer` says, without solving again.

        Rows are worked out in blocks and one block is remembered: cheap where rows are asked for in turn.

        Raises:
            IndexError: no such row.
            OptimizerError: the row is invalid.
        """
        if not 0 <= row < len(self.statuses):
            raise IndexError(f"row {row} of {len(self.statuses)}")
        if row in self.errors:
            raise self.errors[row]
        kept = self.kept.get(row)
        status = Status[BatchStatus(self.statuses[row]).name]
        if status is Status.INFEASIBLE and kept:
            return Answer(status, (), (), None, None, kept.conflicts)
        orders = tuple(self.orders[row].tolist())
        if kept:
            reasons = tuple([REASONS[code] for code in kept.codes])
            return Answer(
                status, orders, reasons, kept.objective, kept.lower_bound, tie_broken=kept.tie_broken
            )
        decided = self._decided.row(row)
        reasons = tuple([REASONS[code] for code in decided.codes])
        drift = Fraction(decided.drift, self._decided.unit)
        return Answer(status, orders, reasons, drift, drift, tie_broken=True)

    def solution(self, row: int) -> Solution:
        """One row in full, with its problem and all that can be derived from it. Made when asked for.

        Raises:
            IndexError: no such row.
            OptimizerError: the row is invalid.
        """
        answer = self.answer(row)
        return Solution(
            self.batch.problem(row),
            answer.status,
            answer.orders,
            answer.objective,
            answer.lower_bound,
            answer.conflicts,
            tie_broken=answer.tie_broken,
        )

    @cached_property
    def _decided(self) -> GridRows:
        return GridRows(self.batch, self.orders)


def solve_batch(batch: Batch, *, timeout_seconds: float = 30.0, tolerance: Decimal = ZERO) -> BatchSolution:
    """The same answers as `solve` gives portfolio by portfolio, for all rows at once.

    Args:
        batch: the portfolios.
        timeout_seconds: for each row that needs a search.
        tolerance: in money; a row's search may stop once its answer is as near to its lower bound.

    Returns:
        Orders and statuses as arrays; `answer(row)` and `solution(row)` for the details of a row. A row of
        bad numbers, or of orders beyond 64 bits, is `INVALID`, and no matter to the others.

    Raises:
        OptimizerError: a tolerance that is not a Decimal >= 0.
    """
    count, width = batch.quantities.shape
    orders = np.zeros((count, width), dtype=np.int64)
    statuses = np.zeros(count, dtype=np.uint8)
    kept: dict[int, Kept] = {}
    errors: dict[int, OptimizerError] = {}
    grid = Grid(batch)
    rows = block_rows(width)
    for start in range(0, count, rows):
        span = slice(start, min(start + rows, count))
        undecided = np.flatnonzero(~grid.solve(span, orders[span])) + start
        for row in map(int, undecided):
            try:
                problem = batch.problem(row)
            except OptimizerError as error:
                errors[row] = OptimizerError(f"row {row}: {error}")
                continue
            answer = solve(problem, timeout_seconds=timeout_seconds, tolerance=tolerance).answer
            if any(abs(order) >> 63 for order in answer.orders):
                errors[row] = OptimizerError(f"row {row}: {_TOO_LONG}")
                continue
            statuses[row] = BatchStatus[answer.status.name]
            orders[row] = answer.orders or 0
            kept[row] = _kept(answer)
    statuses[list(errors)] = BatchStatus.INVALID
    return BatchSolution(batch, statuses, orders, kept, errors)


def _kept(answer: Answer) -> Kept:
    codes = bytes([CODES[reason] for reason in answer.reasons])
    return Kept(codes, answer.objective, answer.lower_bound, answer.conflicts, answer.tie_broken)
