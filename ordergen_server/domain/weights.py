"""What a line of a portfolio weighs, and how far that is from its target."""

from decimal import Decimal

from ordergen_server.domain.numbers import EXACT

#: Decimals of the weight of one line, and of its drift.
WEIGHT_PLACES = 4
_STEPS = 10**WEIGHT_PLACES


class LineWeights:
    """Weights of lines of one portfolio, in integers: a run has a hundred of them a portfolio.

    Args:
        worth: what the weights are of, market value plus cash flow, in money, not 0.
    """

    def __init__(self, worth: Decimal) -> None:
        self._worth, self._worth_unit = worth.as_integer_ratio()

    def of(self, value: Decimal, target: Decimal) -> tuple[Decimal, Decimal | None]:
        """The weight of a line, and its drift: 1 - weight / target, None where the target is 0.

        Both are rounded half to even, from the unrounded weight.

        Args:
            value: of the line, in money.
            target: its weight in the model.
        """
        amount, unit = value.as_integer_ratio()
        over, under = amount * self._worth_unit, self._worth * unit  # the weight
        wanted, target_unit = target.as_integer_ratio()
        wanted *= under
        drift = _rounded(wanted - over * target_unit, wanted) if wanted else None
        return _rounded(over, under), drift


def _rounded(numerator: int, denominator: int) -> Decimal:
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    whole, rest = divmod(numerator * _STEPS, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        whole += 1
    return EXACT.scaleb(Decimal(whole), -WEIGHT_PLACES)
