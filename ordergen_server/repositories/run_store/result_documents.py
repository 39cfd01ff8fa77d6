"""What became of a portfolio, as it is stored: fields, and its lines as two blobs.

All portfolios of a run have the same prices and weights: they stand once, in the table of the run
(`markets.RunTable`), and a line refers to them by their place there.

    trades  who trades how much: what a listing shows
    lines   what was held, and why, and what is frozen: read for whole results alone

A security that the table does not have stands in the blobs itself. `packing` has the form of blobs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import cast

import msgspec

from ordergen_server.domain.errors import StoredDataDamaged
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity
from ordergen_server.domain.rebalances.lines import (
    UNKNOWN_REASON,
    RebalancePosition,
    RunSecurity,
    positions_of,
    transactions_of,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document, to_document
from ordergen_server.repositories.run_store import earlier_results
from ordergen_server.repositories.run_store.earlier_results import earlier_result
from ordergen_server.repositories.run_store.market.layouts import OwnSecurity
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.packing import pack, unpack

#: The projection that leaves out lines, but for their trades.
WITHOUT_LINES: Document = {"_id": 0, "lines": 0, **earlier_results.WITHOUT_LINES}

#: Reasons by their number in blobs: names of an optimizer's Reason, and none. Never changed, only added to.
REASONS = (
    "TRADED_TO_TARGET",
    "ROUNDED_TO_NEAREST_SHARE",
    "CLIPPED_AT_BAND",
    "ALREADY_NEAREST",
    "REDUCED_FOR_CASH",
    "NOT_IN_MODEL",
    "RESTRICTED",
    "BELOW_MINIMUM_TRADE",
    "ROUNDED_TO_LOT",
    "FRACTIONAL_RESIDUAL",
    "TURNOVER_LIMIT",
    "TRADE_COUNT_LIMIT",
    "TRADED_TO_BAND",
    "INSIDE_BAND",
    UNKNOWN_REASON,
    "SIDES",
    "COSTS",
    "SECURITY_LIMIT",
    "GROUP_LIMIT",
)
_NUMBERS = {name: number for number, name in enumerate(REASONS)}
#: Of a whole number that is stored as one; more digits are text.
_MOST_DIGITS = 18
_BY_ID = attrgetter("security.security_id")
#: What stands in blobs, or follows from what does.
_IN_BLOBS = {"positions", "transactions", "frozen", "settings_limits"}
_FIELDS = tuple(one.name for one in fields(PortfolioRebalance) if one.name not in _IN_BLOBS)
_values = attrgetter(*_FIELDS)


class _Trades(msgspec.Struct, array_like=True):
    """Securities in the order of lines below, and what each trades.

    Attributes:
        leading: of the first so many the place in the table is their number here.
        others: of the rest, the place in the table, or the id of one that stands in `_Lines.securities`.
        quantities: whole shares bought (above 0) or sold (below 0), of all.
    """

    leading: int
    others: list[int | str]
    quantities: Sequence[int]


class _Lines(msgspec.Struct, array_like=True):
    """The rest of the lines, in the order of `_Trades`.

    Attributes:
        securities: those that the table does not have: ticker, price, target, low and high drift.
        quantities: shares held before; text where they are no whole number of few digits, or below 0.
        reasons: by their numbers.
        price_dates: of `securities`, the days of which their prices are, empty where not known; none at all
            of results stored before these were.
        by_settings: the lines, by their place here, whose reason is a rule of the portfolio's settings.
        frozen: besides those, securities without a usable price and the shares held: by their place among
            the frozen ones of the table, or as the texts of one that it does not have.
        settings_limits: of lines, by their place here, the least and the greatest weight by the settings;
            empty where there is no such side.
    """

    securities: list[OwnSecurity]
    quantities: list[int | str]
    reasons: list[int]
    price_dates: list[str] = []
    by_settings: list[int] = []
    frozen: list[tuple[int | list[str], int | str]] = []
    settings_limits: list[tuple[int, str, str]] = []


def result_document(result: PortfolioRebalance, table: RunTable) -> Document:
    """The document of a result of the run whose table it is."""
    document = to_document(dict(zip(_FIELDS, _values(result), strict=True)))
    if not (result.positions or result.frozen):
        return document
    trades, lines = _packed(result.positions, result.settings_limits, table)
    which = [_frozen_name(one.security, table) for one in result.frozen]
    lines.frozen = list(zip(which, _quantities(one.quantity for one in result.frozen), strict=True))
    return {**document, "trades": pack(trades), "lines": pack(lines)}


def result_of(document: Document, table: RunTable) -> PortfolioRebalance:
    """The result of a document; without lines where the document was read `WITHOUT_LINES`.

    Raises:
        StoredDataDamaged: it is not what was stored.
    """
    if "positions" in document:
        return earlier_result(document)
    found = from_document(document, PortfolioRebalance)
    if "trades" not in document:
        return found
    what = f"the result of portfolio {found.portfolio_id} in rebalance {found.rebalance_id}"
    trades = unpack(cast("bytes", document["trades"]), _Trades, what)
    lines = unpack(cast("bytes", document["lines"]), _Lines, what) if "lines" in document else None
    try:
        return _with_lines(found, trades, lines, table)
    except IndexError as error:  # a place that the table does not have
        raise StoredDataDamaged(
            f"{what[:1].upper()}{what[1:]} refers to securities that are not kept with the run.",
            metadata={"what": what},
        ) from error


def _with_lines(
    found: PortfolioRebalance, trades: _Trades, lines: _Lines | None, table: RunTable
) -> PortfolioRebalance:
    positions = _positions(trades, lines, table) if lines else ()
    limits = _limits(lines, positions) if lines else ()
    orders: Iterable[tuple[str, int]] = _orders(trades, table)
    if trades.others or trades.leading > table.ascending:  # what the model does not list stands last
        positions = tuple(sorted(positions, key=_BY_ID))
        orders = sorted(orders)
    return replace(
        found,
        positions=positions,
        transactions=transactions_of(orders, found.trade_date),
        frozen=tuple(_frozen(one, table) for one in lines.frozen) if lines else (),
        settings_limits=limits,
    )


def _frozen_name(security: FrozenSecurity, table: RunTable) -> int | list[str]:
    place = table.frozen_place(security)
    return list(security.texts) if place is None else place


def _frozen(packed: tuple[int | list[str], int | str], table: RunTable) -> FrozenPosition:
    which, quantity = packed
    security = table.frozen[which] if isinstance(which, int) else FrozenSecurity.of_texts(which)
    return FrozenPosition(security, Decimal(quantity))


def _packed(
    positions: Sequence[RebalancePosition], limits: Iterable[SecurityLimit], table: RunTable
) -> tuple[_Trades, _Lines]:
    layout = table.layout([line.security for line in positions])
    if layout.order:
        positions = [positions[n] for n in layout.order]
    _, held, traded, reasons, by_settings = zip(*positions, strict=True) if positions else ((),) * 5
    return (
        _Trades(layout.leading, layout.others, traded),
        _Lines(
            layout.own,
            _quantities(held),
            [_NUMBERS[one] for one in reasons],
            layout.own_dates,
            [place for place, bound in enumerate(by_settings) if bound],
            settings_limits=list(_packed_limits(positions, limits)),
        ),
    )


def _packed_limits(
    positions: Iterable[RebalancePosition], limits: Iterable[SecurityLimit]
) -> Iterator[tuple[int, str, str]]:
    known = {one.security_id: one for one in limits}
    for place, line in enumerate(positions if known else ()):
        if one := known.get(line.security.security_id):
            least, most = one.minimum_weight, one.maximum_weight
            yield place, "" if least is None else str(least), "" if most is None else str(most)


def _limits(lines: _Lines, positions: Sequence[RebalancePosition]) -> tuple[SecurityLimit, ...]:
    """The limits of settings, by security; the positions are those of the lines, in their order."""
    found = (
        SecurityLimit(
            positions[place].security.security_id,
            Decimal(least) if least else None,
            Decimal(most) if most else None,
        )
        for place, least, most in lines.settings_limits
    )
    return tuple(sorted(found, key=attrgetter("security_id")))


def _quantities(values: Iterable[Decimal]) -> list[int | str]:
    texts = map(str, values)
    return [int(one) if one.isdigit() and len(one) <= _MOST_DIGITS else one for one in texts]


def _orders(trades: _Trades, table: RunTable) -> Iterator[tuple[str, int]]:
    """The ids of what trades, and how much."""
    known = [one.security_id for one in table.leading(trades.leading)]
    others = [one if isinstance(one, str) else table.securities[one].security_id for one in trades.others]
    return compress(zip(known + others, trades.quantities, strict=True), trades.quantities)


def _positions(trades: _Trades, lines: _Lines, table: RunTable) -> tuple[RebalancePosition, ...]:
    own = zip(lines.securities, chain(lines.price_dates, repeat("")), strict=False)
    others = [
        _security(one, *next(own)) if isinstance(one, str) else table.securities[one] for one in trades.others
    ]
    reasons = [REASONS[number] for number in lines.reasons]
    bound = [False] * len(reasons)
    for place in lines.by_settings:
        bound[place] = True
    securities = [*table.leading(trades.leading), *others]
    return positions_of(securities, map(Decimal, lines.quantities), trades.quantities, reasons, bound)


def _security(security_id: str, own: OwnSecurity, day: str) -> RunSecurity:
    return RunSecurity(security_id, *own, date.fromisoformat(day) if day else None)
