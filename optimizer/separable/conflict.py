"""Why a problem has no answer, and the least change that would help, in exact numbers."""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from enum import Enum
from fractions import Fraction

from optimizer.problem.constraints import LotSize
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.separable.closed_form import band

_WIDE = Context(prec=200)
_CENT, _WEIGHT = Decimal("0.01"), Decimal("0.0001")


class ConflictKind(Enum):
    """What cannot be met."""

    BAND = "BAND"
    """No whole-share order brings the position inside its band."""
    LOT_SIZE = "LOT_SIZE"
    """The band holds whole shares, but no whole lot reaches them."""
    CASH_FLOOR = "CASH_FLOOR"
    """Even with every position at the bottom of its band, too little cash is left."""
    TURNOVER = "TURNOVER"
    """Bringing every position inside its band takes more turnover than allowed."""
    TRADE_COUNT = "TRADE_COUNT"
    """Bringing every position inside its band takes more trades than allowed."""
    COMBINATION = "COMBINATION"
    """Each limit can be met, but not all of them together."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """One requirement that no whole-share orders meet.

    The `needed_*` values are exact and least: each alone resolves this conflict, and nothing smaller does
    (a floor or a weight on the other side: nothing larger).

    Attributes:
        security_id: the security; None for a limit of the whole portfolio.
        kind: what cannot be met.
        low_value: bottom of the band in money; for a limit, the least use of it (a trade count: trades).
        high_value: top of the band in money; for a limit, the most that is allowed.
        price: of one share; None for a limit.
        needed_high_drift: least high drift that admits the next whole share above; None if nothing does.
        needed_low_drift: least low drift that admits the next whole share below; None if nothing does.
        needed_market_value: least market value above the present one at which the band admits a share.
        needed_cash_floor: greatest cash floor that can be met.
        needed_turnover: least maximum turnover, as a weight, that can be met.
        needed_trade_count: least maximum trade count that can be met.
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
    needed_turnover: Fraction | None = None
    needed_trade_count: int | None = None
    description: str = ""

    def __str__(self) -> str:
        return self.description


def position_conflict(problem: Problem, index: int) -> Conflict:
    """The conflict of a position that no allowed order brings inside its band."""
    line, position = problem.lines[index], problem.positions[index]
    lots = [one for one in problem.constraints if isinstance(one, LotSize)]
    lot = next((one.shares for one in lots if one.security_id == position.security_id), 1)
    terms = position.terms
    target, high = Fraction(terms.target, terms.weight), Fraction(terms.high, terms.weight)
    above, below = (
        None if shares is None else Fraction(line.value(shares), problem.unit)
        for shares in _neighbours(line, lot)
    )
    conflict = Conflict(
        security_id=position.security_id,
        kind=ConflictKind.LOT_SIZE if band(line) else ConflictKind.BAND,
        low_value=Fraction(max(0, line.low), problem.unit),
        high_value=Fraction(line.high, problem.unit),
        price=Fraction(line.price, problem.unit),
        needed_high_drift=None if above is None else above * problem.unit / problem.market_value - target,
        needed_low_drift=None if below is None else target - below * problem.unit / problem.market_value,
        needed_market_value=None if above is None else above / high,
    )
    return replace(conflict, description=_band_sentence(conflict, lot, whole=line.residual == 0))


def _neighbours(line: Line, lot: int) -> tuple[int | None, int | None]:
    """The reachable shares next above and next below the band."""
    allowed = band(line)
    above = allowed.stop + (line.held - allowed.stop) % lot if allowed else allowed.start
    above += (line.held - above) % lot
    below = max(above - lot, 0) if allowed.start > 0 else None
    return above, below


def _band_sentence(conflict: Conflict, lot: int, *, whole: bool) -> str:
    span = f"[{_money(conflict.low_value, ROUND_CEILING)}, {_money(conflict.high_value, ROUND_FLOOR)}]"
    price = _money(conflict.price or Fraction(), ROUND_CEILING)
    if conflict.kind is ConflictKind.LOT_SIZE:
        holds = f"is not reached by whole lots of {lot} shares at {price}"
    else:
        holds = f"holds no {'multiple' if whole else 'whole-share value at a price'} of {price}"
    needs = [
        f"{words} >= {text}"
        for words, text in (
            ("high drift", _weight(conflict.needed_high_drift)),
            ("low drift", _weight(conflict.needed_low_drift)),
            ("a market value", _money(conflict.needed_market_value or Fraction(), ROUND_CEILING)),
        )
        if text
    ]
    return f"security {conflict.security_id}: band {span} {holds}; needs {' or '.join(needs)}"


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


def turnover_conflict(problem: Problem, least: int, most: int) -> Conflict:
    """The conflict of a turnover limit that repairing the bands exceeds."""
    needed = Fraction(least, problem.market_value)
    low, high = Fraction(least, problem.unit), Fraction(most, problem.unit)
    return Conflict(
        security_id=None,
        kind=ConflictKind.TURNOVER,
        low_value=low,
        high_value=high,
        needed_turnover=needed,
        description=(
            f"bringing every position inside its band takes a turnover of {_money(low, ROUND_CEILING)} where"
            f" {_money(high, ROUND_FLOOR)} is allowed; needs a maximum turnover >= {_weight(needed)}"
        ),
    )


def count_conflict(least: int, most: int) -> Conflict:
    """The conflict of a limit on the number of trades that repairing the bands exceeds."""
    return Conflict(
        security_id=None,
        kind=ConflictKind.TRADE_COUNT,
        low_value=Fraction(least),
        high_value=Fraction(most),
        needed_trade_count=least,
        description=(
            f"bringing every position inside its band takes {least} trades where {most} are allowed;"
            f" needs a maximum trade count >= {least}"
        ),
    )


def combination_conflict() -> Conflict:
    """The conflict of limits that no orders meet together."""
    return Conflict(
        security_id=None,
        kind=ConflictKind.COMBINATION,
        low_value=Fraction(),
        high_value=Fraction(),
        description=(
            "each limit can be met, but no orders meet cash floor, maximum turnover and maximum trade count"
            " together; needs a looser one of them"
        ),
    )


def _weight(value: Fraction | None) -> str:
    return "" if value is None else str(_rounded(value, _WEIGHT, ROUND_CEILING))


def _money(value: Fraction, rounding: str) -> str:
    return f"{_rounded(value, _CENT, rounding):,}"


def _rounded(value: Fraction, step: Decimal, rounding: str) -> Decimal:
    """To a multiple of `step` in the given direction; finer where that would lose the number."""
    while 0 < abs(value) < 10 * Fraction(step):
        step = step / 10
    count = value / Fraction(step)
    whole = -(-count.numerator // count.denominator) if rounding == ROUND_CEILING else int(count // 1)
    return _WIDE.multiply(Decimal(whole), step)
