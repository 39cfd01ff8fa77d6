"""The smallest case that still goes wrong in the same way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from time import monotonic

from tests.fuzz.case import NUMBERS, Case, Holding
from tests.fuzz.generate import rounded
from tests.fuzz.rules import Rules

MOST_TRIES = 400
"""Smaller cases tried before the smallest so far is taken."""

MOST_SECONDS = 20.0
"""The same in time: some cases take seconds each."""


def shrink(case: Case, goes_wrong: Callable[[Case], bool]) -> Case:
    """Take away, then simplify, as long as what is left still goes wrong."""
    tries, start = 0, monotonic()
    smaller = True
    while smaller:
        smaller = False
        for simpler in _simpler(case):
            tries += 1
            if tries > MOST_TRIES or monotonic() - start > MOST_SECONDS:
                return case
            if simpler != case and Rules(simpler).market_value > 0 and goes_wrong(simpler):
                case, smaller = simpler, True
                break
    return case


def _simpler(case: Case) -> Iterator[Case]:
    """Cases with a little less in them, those with much less first."""
    for index, one in enumerate(case.positions):
        rest = case.positions[:index] + case.positions[index + 1 :]
        yield replace(case, positions=rest)
        yield replace(case, positions=rest, cash=case.cash + one.price * one.quantity)
    if case.odd_sells:
        yield replace(case, odd_sells=frozenset())
    for change in ({"minimum": None}, {"turnover": None}, {"count": None}, {"floor": None}, {"only": None}):
        yield replace(case, **change)  # type: ignore[arg-type] # each is optional
    for name in ("rate", "fee"):
        if getattr(case, name):
            yield replace(case, **{name: Decimal(0)})  # type: ignore[arg-type] # a name of a Decimal
    for key in case.lots:
        yield replace(case, lots={other: lot for other, lot in case.lots.items() if other != key})
    for key in case.sides:
        yield replace(case, sides={other: side for other, side in case.sides.items() if other != key})
    yield from _with_fewer_limits(case)
    yield from _rounder(case)


def _with_fewer_limits(case: Case) -> Iterator[Case]:
    for key in case.weights:
        yield replace(case, weights={other: one for other, one in case.weights.items() if other != key})
    for key, group in case.groups.items():
        yield replace(case, groups={other: one for other, one in case.groups.items() if other != key})
        for member in group.ids:
            fewer = replace(group, ids=tuple(one for one in group.ids if one != member))
            yield replace(case, groups={**case.groups, key: fewer})


def _rounder(case: Case) -> Iterator[Case]:
    """Cases whose numbers have fewer digits."""
    for name in ("cash", "floor", "minimum", "turnover", "rate", "fee"):
        number = getattr(case, name)
        if number is not None:
            for shorter in _shorter(number):
                yield replace(case, **{name: shorter})  # type: ignore[arg-type] # a name of a Decimal
    for index, one in enumerate(case.positions):
        for name in NUMBERS:
            for shorter in _shorter(getattr(one, name)):
                if shorter or name != "price":
                    yield _with(case, index, replace(one, **{name: shorter}))  # type: ignore[arg-type]


def _with(case: Case, index: int, one: Holding) -> Case:
    return replace(case, positions=(*case.positions[:index], one, *case.positions[index + 1 :]))


def _shorter(number: Decimal) -> Iterator[Decimal]:
    """Zero, and the number with fewer decimals."""
    exponent = number.as_tuple().exponent
    if number and isinstance(exponent, int):
        yield Decimal(0)
        places = -exponent
        for fewer in sorted({0, places // 2, places - 1}):
            if 0 <= fewer < places:
                yield rounded(number, fewer)
