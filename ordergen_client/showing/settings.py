"""Settings of portfolios as rows, and for eyes."""

from collections.abc import Iterable, Mapping
from typing import Final

from ordergen_client.records.desk.settings import PortfolioSettings
from ordergen_client.showing.columns import Column, Kind, money, percent, time

SETTINGS: Final = (
    Column("portfolio_name", "Portfolio"),
    Column("portfolio_id", "Id", Kind.ID, 4),
    Column("not_traded_until", "Not traded until", Kind.ID),
    Column("minimum_cash_amount", "Least cash", Kind.MONEY, 2),
    Column("minimum_cash_weight", "or weight", Kind.PERCENT, 2, "Least cash weight"),
    Column("minimum_trade_value", "Least trade", Kind.MONEY, 3),
    Column("maximum_turnover_weight", "Turnover", Kind.PERCENT, 3),
    Column("restrictions_count", "Restricted", Kind.COUNT, 1),
    Column("security_limits_count", "Limited", Kind.COUNT, 2),
    Column("note", "Note", Kind.TEXT, 3),
    Column("version", "Version", Kind.COUNT, 5),
)
_OF_BOTH: Final = ("type", "minimum_weight", "maximum_weight")
Rows = Iterable[Mapping[str, object]]
#: What programs get beside these.
MORE: Final = ("do_not_trade_reason", "do_not_trade_until", "update_time", "actor")
#: What is said of single securities.
SECURITIES: Final = (
    Column("ticker", "Ticker"),
    Column("security_id", "Security", Kind.ID, 1),
    Column("type", "Restriction", Kind.ID),
    Column("minimum_weight", "At least", Kind.PERCENT),
    Column("maximum_weight", "At most", Kind.PERCENT),
)


def settings_row(found: PortfolioSettings, name: str) -> dict[str, object]:
    """Settings without the single restrictions and limits."""
    order = found.do_not_trade
    end = (order.until.isoformat() if order.until else "without end") if order else None
    return {
        "portfolio_id": found.portfolio_id,
        "portfolio_name": name,
        "not_traded_until": end,
        "do_not_trade_reason": order.reason if order else None,
        "do_not_trade_until": order.until if order else None,
        "minimum_cash_amount": found.minimum_cash_amount,
        "minimum_cash_weight": found.minimum_cash_weight,
        "minimum_trade_value": found.minimum_trade_value,
        "maximum_turnover_weight": found.maximum_turnover_weight,
        "restrictions_count": len(found.restrictions),
        "security_limits_count": len(found.security_limits),
        "note": found.note,
        "version": found.version,
        "create_time": found.create_time,
        "update_time": found.update_time,
        "actor": found.actor,
    }


def restriction_rows(found: PortfolioSettings, tickers: Mapping[str, str]) -> list[dict[str, object]]:
    """The restrictions, by ticker, with the tickers that are known."""
    rows: list[dict[str, object]] = [
        {"security_id": key, "ticker": tickers.get(key, ""), "type": kind}
        for key, kind in found.restrictions.items()
    ]
    return sorted(rows, key=_by_ticker)


def limit_rows(found: PortfolioSettings, tickers: Mapping[str, str]) -> list[dict[str, object]]:
    """The limits of securities, likewise."""
    rows: list[dict[str, object]] = [
        {
            "security_id": key,
            "ticker": tickers.get(key, ""),
            "minimum_weight": limit.minimum_weight,
            "maximum_weight": limit.maximum_weight,
        }
        for key, limit in found.security_limits.items()
    ]
    return sorted(rows, key=_by_ticker)


def security_rows(restrictions: Rows, limits: Rows) -> list[dict[str, object]]:
    """Both together, a row a security."""
    found: dict[object, dict[str, object]] = {}
    for row in (*restrictions, *limits):
        found.setdefault(row["security_id"], dict.fromkeys(_OF_BOTH)).update(row)
    return sorted(found.values(), key=_by_ticker)


def _by_ticker(row: Mapping[str, object]) -> tuple[str, str]:
    return str(row["ticker"]), str(row["security_id"])


def settings_details(found: PortfolioSettings, name: str) -> dict[str, object]:
    """What eyes see of settings, by name; what is not set is left out."""
    order = found.do_not_trade
    end = f", until {order.until} inclusive (UTC)" if order and order.until else ""
    by = f", by {found.actor}" if found.actor else ""
    least, turnover = found.minimum_trade_value, found.maximum_turnover_weight
    told = {
        "Portfolio": f"{name}  {found.portfolio_id}".strip(),
        "Not to be traded": f"{order.reason}{end}" if order else "",
        "Minimum cash": _cash(found),
        "Minimum trade": "" if least is None else money(least),
        "Maximum turnover": "" if turnover is None else f"{percent(turnover)} of market value",
        "Note": found.note,
        "Version": f"{found.version}, of {time(found.update_time)} UTC{by}",
    }
    return {key: value for key, value in told.items() if value}


def _cash(found: PortfolioSettings) -> str:
    amount, weight = found.minimum_cash_amount, found.minimum_cash_weight
    floors = [] if amount is None else [money(amount)]
    floors += [] if weight is None else [f"{percent(weight)} of market value"]
    return " or ".join(floors) + (", the greater of the two" if len(floors) > 1 else "")
