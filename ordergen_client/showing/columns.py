"""Columns: what a value of each kind looks like to eyes, and which columns a narrow terminal does without."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from rich.text import Text

from ordergen_client.telling.printable import printable

#: Where there is no value.
NONE: Final = "-"


class Kind(Enum):
    """What a column has; all but TEXT stand whole, whatever the width."""

    TEXT = "text"
    ID = "id"
    MONEY = "money"
    PRICE = "price"
    PERCENT = "percent"
    COUNT = "count"
    TIME = "time"
    SIDE = "side"

    @property
    def is_number(self) -> bool:
        """Whether it stands at the right."""
        return self in {Kind.MONEY, Kind.PRICE, Kind.PERCENT, Kind.COUNT}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of rows.

    Attributes:
        key: of the value in a row, and the heading for programs.
        title: the heading for eyes.
        kind: what it has.
        spare: 0 is never left out; of others those with the highest number go first.
        alone: the heading for eyes where the column before it is left out, whose heading it goes on from.
    """

    key: str
    title: str
    kind: Kind = Kind.TEXT
    spare: int = 0
    alone: str = ""

    @property
    def name(self) -> str:
        """The heading for eyes where no other column stands before it."""
        return self.alone or self.title


def shown(value: object, kind: Kind) -> Text:
    """A value for eyes."""
    text = NONE if value is None or value == "" else _SHOWN[kind](value)
    return Text(printable(text), style=_STYLES.get(text, "") if kind is Kind.SIDE else "")


def money(value: Decimal | None) -> str:
    """Money to the cent; a dash where there is none."""
    return NONE if value is None else f"{value:,.2f}"


def price(value: Decimal) -> str:
    """A price to the cent, or with four decimals where it has more than two."""
    return f"{value:,.2f}" if value == round(value, 2) else f"{value:,.4f}"


def percent(value: Decimal | None) -> str:
    """A weight as a percentage with two decimals; a dash where there is none."""
    return NONE if value is None else f"{value:,.2%}"


def count(value: Decimal | int) -> str:
    """A number of things or shares, with all its digits."""
    return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"


def time(value: date) -> str:
    """A date, or a time to the second."""
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value.isoformat()


_SHOWN: Final[dict[Kind, Callable[[Any], str]]] = {
    Kind.TEXT: str,
    Kind.ID: str,
    Kind.MONEY: money,
    Kind.PRICE: price,
    Kind.PERCENT: percent,
    Kind.COUNT: count,
    Kind.TIME: time,
    Kind.SIDE: str,
}
#: Told apart by those who see no red or green, too.
_STYLES: Final = {"BUY": "bold cyan", "SELL": "bold yellow"}
