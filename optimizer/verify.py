"""The last gate: no answer leaves the package unless every requirement holds exactly."""

from collections.abc import Sequence

from optimizer.problem import Line, Problem


class VerificationError(RuntimeError):
    """An answer broke a requirement: a defect of this package, never of the problem."""


def verify(problem: Problem, shares: Sequence[int]) -> None:
    """Check whole shares after trading against the problem, in integers.

    Raises:
        VerificationError: naming the security or the floor.
    """
    total = 0
    for line, count, position in zip(problem.lines, shares, problem.positions, strict=True):
        value = count * line[0] + line[1]
        total += value
        if count < 0 or not (line[3] <= value <= line[4] or _residual(line, count)):
            raise VerificationError(f"security {position.security_id}: {count} shares break the band")
    if problem.spendable is not None and total > problem.spendable:
        raise VerificationError("the cash floor is broken")


def _residual(line: Line, count: int) -> bool:
    """Whether the fraction that no whole order trades away is all that is left of a zero band."""
    return count == 0 and line.high == 0
