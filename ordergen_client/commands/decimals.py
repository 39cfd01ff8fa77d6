"""Numbers of options and files, read digit for digit."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import click


def exact(text: str, *, is_weight: bool) -> Decimal | None:
    """The number that a text is, with all its digits; of a weight `5%` is 0.05. None where it is none."""
    text = text.strip()
    percent = is_weight and text.endswith("%")
    try:
        number = Decimal(text.removesuffix("%").strip() if percent else text)
    except InvalidOperation:
        return None
    if not (percent and number.is_finite()):
        return number if number.is_finite() else None
    sign, digits, exponent = number.as_tuple()
    return Decimal((sign, digits, int(exponent) - 2))


class DecimalOption(click.ParamType):
    """A number of an option."""

    def __init__(self, name: str, *, is_weight: bool) -> None:
        self.name = name
        self._is_weight = is_weight

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:  # noqa: ANN401 - click's
        """See ParamType."""
        number = value if isinstance(value, Decimal) else exact(str(value), is_weight=self._is_weight)
        if number is None:
            like = "0.05 or 5%" if self._is_weight else "1000.50"
            self.fail(f"{value!r} is no number, such as {like}.", param, ctx)
        return number


WEIGHT: Final = DecimalOption("weight", is_weight=True)
MONEY: Final = DecimalOption("money", is_weight=False)
