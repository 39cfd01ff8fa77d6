"""Settings of portfolios: what is to hold in every run, and how it is joined with the options of one."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from ordergen_server.domain.errors import NotToBeTraded, Violation
from ordergen_server.domain.rebalances.options import (
    MinimumCash,
    RebalanceOptions,
    Restriction,
    RestrictionType,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.weight_limits import (
    SecurityLimit,
    check_security_limits,
    stricter_sides,
)
from ordergen_server.domain.requests.ids import check_entity_id
from ordergen_server.domain.requests.violations import Violations

#: The fields that callers change, as an update mask names them, and what they are called here.
FIELDS: dict[str, tuple[str, ...]] = {
    "do_not_trade": ("do_not_trade",),
    "minimum_cash": ("minimum_cash_amount", "minimum_cash_weight"),
    "minimum_trade_value": ("minimum_trade_value",),
    "restrictions": ("restrictions",),
    "maximum_turnover_weight": ("maximum_turnover_weight",),
    "note": ("note",),
    "security_limits": ("security_limits",),
}
#: A run of 100,000 portfolios keeps those of all of them.
MAXIMUM_RESTRICTIONS = 250
MAXIMUM_SECURITY_LIMITS = 1000
MAXIMUM_TEXT_BYTES = 1024


@dataclass(frozen=True, slots=True)
class DoNotTrade:
    """A portfolio is not to be traded, up to and including a day (UTC); None is without end."""

    reason: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SettingsContent:
    """What callers say of a portfolio; the rest of its settings is ours.

    Attributes:
        minimum_cash_amount: cash to keep, in money.
        minimum_cash_weight: cash to keep, as a weight of market value plus cash flow; the greater of the two
            holds.
        minimum_trade_value: no smaller trades, in money; full exits and repairs of a band are exempt.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value plus cash flow.
        note: for people; empty where it was not read.
        security_limits: what securities may be worth after the trades, each at most once.
    """

    do_not_trade: DoNotTrade | None = None
    minimum_cash_amount: Decimal | None = None
    minimum_cash_weight: Decimal | None = None
    minimum_trade_value: Decimal | None = None
    restrictions: tuple[Restriction, ...] = ()
    maximum_turnover_weight: Decimal | None = None
    note: str = ""
    security_limits: tuple[SecurityLimit, ...] = ()

    @property
    def floor(self) -> MinimumCash | None:
        """The cash to keep; None where nothing is said of it."""
        if self.minimum_cash_amount is None and self.minimum_cash_weight is None:
            return None
        return MinimumCash(self.minimum_cash_amount, self.minimum_cash_weight)


@dataclass(frozen=True, slots=True)
class PortfolioSettings:
    """Settings as stored.

    Times are UTC, to the millisecond; `version` counts the changes from 1; `actor` made the last.
    """

    portfolio_id: str
    content: SettingsContent
    version: int
    create_time: datetime
    update_time: datetime
    actor: str = ""


@dataclass(frozen=True, slots=True)
class AppliedSettings:
    """What a run keeps of the settings of a portfolio, as they were when it began."""

    version: int
    content: SettingsContent

    def not_to_be_traded(self, portfolio_id: str, day: date) -> NotToBeTraded | None:
        """Why the portfolio is not traded by a run of such a date; None where it is."""
        order = self.content.do_not_trade
        if order is None or (order.until and day > order.until):
            return None
        end = f", until {order.until} (UTC) inclusive" if order.until else ""
        rule = f"must be tradable, which its settings say it is not{end}: {order.reason}"
        return NotToBeTraded(
            f"Portfolio {portfolio_id} is not to be traded{end}: {order.reason}",
            metadata={"portfolio_id": portfolio_id, "settings_version": str(self.version)},
            violations=[Violation(portfolio_id, rule, "DO_NOT_TRADE")],
        )


def take_fields(
    given: SettingsContent, fields: Collection[str]
) -> Callable[[SettingsContent], SettingsContent]:
    """Replace the named fields with those of `given`."""
    names = [name for field in fields for name in FIELDS[field]]
    return lambda content: replace(content, **{name: getattr(given, name) for name in names})


def joined(options: RebalanceOptions, content: SettingsContent) -> RebalanceOptions:
    """The options of a run as they hold for a portfolio with such settings: of each rule the stricter.

    A security may have two limits in them: a minimum of the one, and a maximum of the other.
    """
    own, of_settings = stricter_sides(options.security_limits, content.security_limits)
    return replace(
        options,
        minimum_cash_amount=_greater(options.minimum_cash_amount, content.minimum_cash_amount),
        minimum_cash_weight=_greater(options.minimum_cash_weight, content.minimum_cash_weight),
        allow_overdraft=options.allow_overdraft and content.floor is None,
        minimum_trade_value=_greater(options.minimum_trade_value, content.minimum_trade_value),
        restrictions=_united(options.restrictions, content.restrictions),
        maximum_turnover_weight=_lesser(options.maximum_turnover_weight, content.maximum_turnover_weight),
        security_limits=(*own, *of_settings),
    )


def held_for(result: PortfolioRebalance, options: RebalanceOptions) -> RebalanceOptions:
    """The options of a run as they held for a portfolio: what its settings kept then is in its result."""
    floor = result.settings_floor or MinimumCash()
    kept = SettingsContent(
        minimum_cash_amount=floor.amount,
        minimum_cash_weight=floor.weight,
        security_limits=result.settings_limits,
    )
    return joined(options, kept)


def check_settings(content: SettingsContent, path: str, violations: Violations) -> None:
    """Check every rule of settings; their fields are named below `path`."""
    if content.do_not_trade:
        _check_reason(content.do_not_trade.reason, f"{path}.do_not_trade.reason", violations)
    for name, number in (
        ("minimum_cash.amount", content.minimum_cash_amount),
        ("minimum_trade_value", content.minimum_trade_value),
        ("maximum_turnover_weight", content.maximum_turnover_weight),
    ):
        if number is not None and number < 0:
            violations.add(f"{path}.{name}", "must not be negative", number)
    weight = content.minimum_cash_weight
    if weight is not None and not 0 <= weight <= 1:
        violations.add(f"{path}.minimum_cash.weight", "must be from 0 to 1", weight)
    _check_restrictions(content.restrictions, f"{path}.restrictions", violations)
    limits = f"{path}.security_limits"
    _check_number(content.security_limits, MAXIMUM_SECURITY_LIMITS, limits, violations)
    check_security_limits(content.security_limits, limits, violations)
    _check_length(content.note, f"{path}.note", violations)


def _check_reason(reason: str, path: str, violations: Violations) -> None:
    if not reason.strip():
        violations.add(path, "must not be blank", reason)
    _check_length(reason, path, violations)


def _check_length(text: str, path: str, violations: Violations) -> None:
    length = len(text.encode())
    if length > MAXIMUM_TEXT_BYTES:
        violations.add(path, f"must have at most {MAXIMUM_TEXT_BYTES:,} bytes", length)


def _check_number(entries: Collection[object], most: int, path: str, violations: Violations) -> None:
    if len(entries) > most:
        violations.add(path, f"must have at most {most:,} entries", len(entries))


def _check_restrictions(restrictions: Collection[Restriction], path: str, violations: Violations) -> None:
    _check_number(restrictions, MAXIMUM_RESTRICTIONS, path, violations)
    seen: set[str] = set()
    for index, one in enumerate(restrictions):
        check_entity_id(one.security_id, f"{path}[{index}].security_id", violations)
        if one.security_id in seen:
            violations.add(f"{path}[{index}].security_id", "must be in the list only once", one.security_id)
        seen.add(one.security_id)


def _greater(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _lesser(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _united(one: Iterable[Restriction], other: Iterable[Restriction]) -> tuple[Restriction, ...]:
    """What either forbids."""
    found: dict[str, RestrictionType] = {}
    for restriction in (*one, *other):
        before = found.setdefault(restriction.security_id, restriction.type)
        if before is not restriction.type:
            found[restriction.security_id] = RestrictionType.HOLD
    return tuple(Restriction(security_id, kind) for security_id, kind in found.items())
