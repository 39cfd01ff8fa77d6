"""What lines of a portfolio weigh, and how far that is from their targets."""

from collections.abc import Iterable
from decimal import (
    ROUND_05UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)

from ordergen_server.domain.numbers import EXACT

#: Decimals of the weight of one line, and of its drift.
WEIGHT_PLACES = 4
_ONE = 10**WEIGHT_PLACES
#: A quotient that is cut off ends in another digit than 0 or 5: it can be rounded again, as if it were whole.
_QUOTIENTS = Context(prec=EXACT.prec, rounding=ROUND_05UP, traps=[InvalidOperation, DivisionByZero, Overflow])


def line_weights(worth: Decimal, lines: Iterable[tuple[Decimal, Decimal]]) -> list[tuple[int, int | None]]:
    """The weight of each line and its drift: 1 - weight / target, None where the target is 0.

    Both are rounded half to even, from the unrounded weight, and counted in steps of their last decimal.

    Args:
        worth: what the weights are of, market value plus cash flow, in money, not 0.
        lines: the value of each in money, and its target, a weight in the model.
    """
    with localcontext(_QUOTIENTS):  # once for all of them: a run has a hundred lines a portfolio
        step = worth.scaleb(-WEIGHT_PLACES)
        return [
            (round(value / step), _ONE - round(value / (target * step)) if target else None)
            for value, target in lines
        ]


def weight(steps: int) -> Decimal:
    """The weight, or the drift, of so many steps."""
    return EXACT.scaleb(Decimal(steps), -WEIGHT_PLACES)
