"""Why a problem has no answer, and the least change that would help, in exact numbers."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from enum import Enum
from fractions import Fraction

from optimizer.problem import Problem
from optimizer.separable import band

_WIDE = Context(prec=200)
_CENT, _WEIGHT = Decimal("0.01"), Decimal("0.0001")


class ConflictKind(Enum):
    """What cannot be met."""

    BAND = "BAND"
    """No whole-share order brings the position inside its band."""
    CASH_FLOOR = "CASH_FLOOR"
    """Even with every position at the bottom of its band, too little cash is left."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """One requirement that no whole-share orders meet.

    The `needed_*` values are exact and least: each alone resolves this conflict, and nothing smaller does
    (a floor or a weight on the other side: nothing larger).

    Attributes:
        security_id: the security; None for the cash floor.
        kind: what cannot be met.
        low_value: bottom of the band in money; for the cash floor, the least that all positions are worth.
        high_value: top of the band in money; for the cash floor, the most that they may be worth.
        price: of one share; None for the cash floor.
        needed_high_drift: least high drift that admits the next whole share above; None if nothing does.
        needed_low_drift: least low drift that admits the next whole share below; None if nothing does.
        needed_market_value: least market value above the present one at which the band admits a share.
        needed_cash_floor: greatest cash floor that can be met; None for a band.
        description: the same as a sentence; suggested numbers are rounded to the safe side.
    """

    security_id: str | None
    kind: ConflictKind
    low_value: Fraction
    high_value: Fraction
    price: Fraction | None = None
    needed_high_drift: Fraction | None = None
    needed_low_drift: Fraction | None = None
    needed_market_value: Fraction | None = None
    needed_cash_floor: Fraction | None = None
    description: str = ""

    def __str__(self) -> str:
        return self.description


def band_conflict(problem: Problem, index: int) -> Conflict:
    """The conflict of a position whose band holds no whole share."""
    line, position = problem.lines[index], problem.positions[index]
    target, _, high_drift = (Fraction(*number) for number in position.weight_ratios)
    allowed = band(line)
    above = Fraction(allowed.start * line.price + line.residual)
    below = Fraction((allowed.start - 1) * line.price + line.residual) if allowed.start > 0 else None
    needed_high = above / problem.market_value - target
    needed_low = None if below is None else target - below / problem.market_value
    needed_value = above / problem.unit / (target + high_drift)
    low, high = Fraction(max(0, line.low), problem.unit), Fraction(line.high, problem.unit)
    price = Fraction(line.price, problem.unit)
    shares = "no multiple of" if line.residual == 0 else "no value of whole-share orders at a price of"
    lower = "" if needed_low is None else f", a low drift >= {_rounded(needed_low, _WEIGHT, ROUND_CEILING)}"
    span = f"[{_money(low, ROUND_CEILING)}, {_money(high, ROUND_FLOOR)}]"
    return Conflict(
        security_id=position.security_id,
        kind=ConflictKind.BAND,
        low_value=low,
        high_value=high,
        price=price,
        needed_high_drift=needed_high,
        needed_low_drift=needed_low,
        needed_market_value=needed_value,
        description=(
            f"security {position.security_id}: band {span} holds {shares} {_money(price, ROUND_CEILING)};"
            f" needs high drift >="
            f" {_rounded(needed_high, _WEIGHT, ROUND_CEILING)}{lower} or a market value >="
            f" {_money(needed_value, ROUND_CEILING)}"
        ),
    )


def cash_conflict(problem: Problem, least_value: int) -> Conflict:
    """The conflict of a cash floor that the bottoms of all bands together do not leave."""
    floor = Fraction(problem.market_value - (problem.spendable or 0), problem.unit)
    needed = Fraction(problem.market_value - least_value, problem.unit)
    least, most = Fraction(least_value, problem.unit), Fraction(problem.spendable or 0, problem.unit)
    return Conflict(
        security_id=None,
        kind=ConflictKind.CASH_FLOOR,
        low_value=least,
        high_value=most,
        needed_cash_floor=needed,
        description=(
            f"cash floor {_money(floor, ROUND_FLOOR)} leaves {_money(most, ROUND_FLOOR)} for positions whose"
            f" bands need at least {_money(least, ROUND_CEILING)}; needs a cash floor <="
            f" {_money(needed, ROUND_FLOOR)}"
        ),
    )


def _money(value: Fraction, rounding: str) -> str:
    return f"{_rounded(value, _CENT, rounding):,}"


def _rounded(value: Fraction, step: Decimal, rounding: str) -> Decimal:
    """To a multiple of `step` in the given direction; finer where that would lose the number."""
    while 0 < abs(value) < 10 * Fraction(step):
        step = step / 10
    count = value / Fraction(step)
    whole = -(-count.numerator // count.denominator) if rounding == ROUND_CEILING else int(count // 1)
    return _WIDE.multiply(Decimal(whole), step)
