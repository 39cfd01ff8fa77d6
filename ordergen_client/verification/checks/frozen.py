"""What must hold of lines without a usable price: they stay as they are, and nothing follows from a price."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from ordergen_client.verification.checks.options import Options
from ordergen_client.verification.findings import Check, holds
from ordergen_client.verification.reading.records import Date, FrozenLine

_PROBLEMS: Final = ("MISSING_DATA", "BAD_DATA", "STALE_PRICE")


def frozen_checks(line: FrozenLine, options: Options, date: Date) -> Iterator[Check]:
    """Its quantity, why it is frozen, and that the run's options have it so; `date` is that of the run."""
    yield Check("frozen, by the options", options.freezes, expected=True)
    yield Check("adjusted_quantity of a frozen line", line.adjusted_quantity, line.original_quantity)
    for name in line.of_a_price:
        yield Check(f"{name} of a frozen line", "a value", "none")
    if not line.target and not line.original_quantity:
        yield Check("quantity outside the model", line.original_quantity, "not 0")
    yield holds("price_problem", line.problem, ", ".join(_PROBLEMS), when=line.problem in _PROBLEMS)
    if line.problem == "STALE_PRICE":
        yield from _age(line, options, date)
    else:
        yield Check("price_date of a line without a price", line.price_date, None)


def _age(line: FrozenLine, options: Options, date: Date) -> Iterator[Check]:
    days = options.maximum_price_age_days
    if days is None:
        yield Check("price_problem", line.problem, "another: prices of any age will do")
        return
    oldest = dt.date(*date) - dt.timedelta(days=days)
    stale = line.price_date is None or dt.date(*line.price_date) < oldest
    yield holds("price_date of a frozen line", line.price_date, f"before {oldest}, or none", when=stale)
