"""`ordergen portfolios settings`: what is to hold for portfolios in every run."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

import click

from ordergen_client.client import Client
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.asking import ask
from ordergen_client.commands.shared.decimals import money as money_option
from ordergen_client.commands.shared.decimals import weight as weight_option
from ordergen_client.commands.shared.failures import Failure
from ordergen_client.commands.shared.limits import security_limits
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.securities import by_security, restriction
from ordergen_client.commands.shared.servers import Server
from ordergen_client.errors import NotFound
from ordergen_client.records.desk.settings import DoNotTrade, PortfolioSettings
from ordergen_client.records.states import Restriction
from ordergen_client.showing.output import Listing, Output
from ordergen_client.showing.settings import (
    MORE,
    SECURITIES,
    SETTINGS,
    limit_rows,
    restriction_rows,
    security_rows,
    settings_details,
    settings_row,
)

Rule = TypeVar("Rule")

_DATE: Final = click.DateTime(["%Y-%m-%d"])
#: What each option of `unset` takes away.
_UNSET: Final[Mapping[str, Mapping[str, object]]] = {
    "do_not_trade": {"do_not_trade": None},
    "minimum_cash": {"minimum_cash_amount": None, "minimum_cash_weight": None},
    "minimum_trade_value": {"minimum_trade_value": None},
    "restrictions": {"restrictions": None},
    "maximum_turnover": {"maximum_turnover_weight": None},
    "security_limits": {"security_limits": None},
    "note": {"note": ""},
}
#: Portfolios whose names are asked for at once.
_TOGETHER: Final = 1000


@click.group()
def settings() -> None:
    """Settings: what is to hold for portfolios in every run. Of a setting and an option the stricter does."""


@settings.command()
@click.argument("portfolio")
@with_client
def show(*, client: Client, server: Server, output: Output, portfolio: str) -> None:
    """Show the settings of PORTFOLIO."""
    del server
    found = _existing(client, portfolio)
    record = _record(client, found)
    rows: Any = record["restrictions"]
    limits: Any = record["security_limits"]
    securities = security_rows(rows, limits)
    listing = Listing("securities", "", SECURITIES, securities) if securities else None
    output.record(record, settings_details(found, str(record["portfolio_name"])), listing)


@settings.command("list")
@with_client
def list_settings(*, client: Client, server: Server, output: Output) -> None:
    """List every portfolio that has settings."""
    del server
    found = client.portfolios.settings.list(page_size=_TOGETHER)
    output.listing(Listing("settings", "Settings", SETTINGS, _rows(client, found), MORE))


@settings.command("set")
@click.argument("portfolio")
@click.option("--do-not-trade", metavar="REASON", help="It is not to be traded, and why.")
@click.option(
    "--until", type=_DATE, metavar="DATE", help="The last day (UTC) on which it is not traded: 2026-12-31."
)
@click.option("--minimum-cash", type=money_option, help="Cash to keep, in money.")
@click.option("--minimum-cash-weight", type=weight_option, help="Cash to keep, as a weight: 0.02 or 2%.")
@click.option("--minimum-trade-value", type=money_option, help="No smaller trades, in money.")
@click.option(
    "--restrict",
    "restrictions",
    multiple=True,
    metavar="SECURITY=HOLD",
    help="What may not be done with a security: DO_NOT_BUY, DO_NOT_SELL or HOLD. Repeatable; others stay.",
)
@click.option(
    "--maximum-turnover", type=weight_option, help="Buys and sells at most, as a weight: 0.1 or 10%."
)
@click.option(
    "--security-limit",
    "security_limits",
    multiple=True,
    metavar="SECURITY=MIN:MAX",
    help="What a security may be worth, as weights: 2%:10%, :10% or 2%:. Repeatable; others stay.",
)
@click.option("--note", help="A text for people.")
@with_client
def set_settings(
    *,
    client: Client,
    server: Server,
    output: Output,
    portfolio: str,
    **given: Any,  # noqa: ANN401 - the options above
) -> None:
    """Make settings of PORTFOLIO, or change those that are given; the others stay as they are."""
    del server
    portfolio_id = _portfolio_id(client, portfolio)
    before = _settings(client, portfolio_id)
    changes = _changes(client, before, given)
    if not changes:
        raise click.UsageError("Give at least one setting: --help has all of them.")
    made = client.portfolios.settings.update(portfolio_id, before.version if before else 0, **changes)
    told = "Changed" if before else "Made"
    output.done(lambda: _record(client, made), f"{told} the settings of {portfolio}: version {made.version}.")


@settings.command("unset")
@click.argument("portfolio")
@click.option("--do-not-trade", is_flag=True, help="It may be traded again.")
@click.option("--minimum-cash", is_flag=True, help="No cash to keep, neither money nor weight.")
@click.option("--minimum-trade-value", is_flag=True, help="No least trade.")
@click.option(
    "--restrict", "released", multiple=True, metavar="SECURITY", help="This security is free. Repeatable."
)
@click.option("--restrictions", is_flag=True, help="Every security is free.")
@click.option("--maximum-turnover", is_flag=True, help="No limit of turnover.")
@click.option(
    "--security-limit",
    "unlimited",
    multiple=True,
    metavar="SECURITY",
    help="No limit of this security's weight. Repeatable.",
)
@click.option("--security-limits", is_flag=True, help="No limit of any security's weight.")
@click.option("--note", is_flag=True, help="No text.")
@with_client
def unset(
    *,
    client: Client,
    server: Server,
    output: Output,
    portfolio: str,
    released: tuple[str, ...],
    unlimited: tuple[str, ...],
    **flags: bool,
) -> None:
    """Take settings of PORTFOLIO away; the others stay as they are."""
    del server
    if flags["restrictions"] and released:
        raise click.UsageError("--restrictions has those of --restrict in it: give one of the two.")
    if flags["security_limits"] and unlimited:
        raise click.UsageError("--security-limits has those of --security-limit in it: give one of the two.")
    if not (released or unlimited or any(flags.values())):
        raise click.UsageError("Name at least one setting: --help has all of them.")
    before = _existing(client, portfolio)
    changes: dict[str, Any] = {}
    for flag, is_set in flags.items():
        changes |= _UNSET[flag] if is_set else {}
    if released:
        changes["restrictions"] = _without(client, before.restrictions, released, "restricted")
    if unlimited:
        changes["security_limits"] = _without(client, before.security_limits, unlimited, "limited")
    made = client.portfolios.settings.update(before.portfolio_id, before.version, **changes)
    told = f"Changed the settings of {portfolio}: version {made.version}."
    output.done(lambda: _record(client, made), told)


@settings.command()
@click.argument("portfolio")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_client
def delete(*, client: Client, server: Server, output: Output, portfolio: str, yes: bool) -> None:
    """Delete all settings of PORTFOLIO."""
    del server
    found = _existing(client, portfolio)
    ask(f"Delete the settings of portfolio {portfolio} ({found.portfolio_id})?", yes=yes)
    client.portfolios.settings.delete(found.portfolio_id, found.version)
    output.done(
        lambda: {"portfolio_id": found.portfolio_id, "deleted": True}, f"Deleted the settings of {portfolio}."
    )


def _changes(client: Client, before: PortfolioSettings | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be replaced, by the names of `client.portfolios.settings.update`."""
    changes = {
        "minimum_cash_amount": given["minimum_cash"],
        "minimum_cash_weight": given["minimum_cash_weight"],
        "minimum_trade_value": given["minimum_trade_value"],
        "maximum_turnover_weight": given["maximum_turnover"],
        "note": given["note"],
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if before and ("minimum_cash_amount" in changes or "minimum_cash_weight" in changes):
        # The two are one setting: what is not given of it stays.
        changes.setdefault("minimum_cash_amount", before.minimum_cash_amount)
        changes.setdefault("minimum_cash_weight", before.minimum_cash_weight)
    if given["do_not_trade"] is not None or given["until"]:
        changes["do_not_trade"] = _order(before, given["do_not_trade"], given["until"])
    if given["restrictions"]:
        known = before.restrictions if before else {}
        changes["restrictions"] = {**known, **_restrictions(client, given["restrictions"])}
    if given["security_limits"]:
        limits = before.security_limits if before else {}
        changes["security_limits"] = {**limits, **security_limits(client, given["security_limits"])}
    return changes


def _order(before: PortfolioSettings | None, reason: str | None, until: datetime | None) -> DoNotTrade:
    known = before.do_not_trade if before else None
    if reason is None and known:
        reason = known.reason
    if reason is None:
        raise click.UsageError("--until goes with --do-not-trade, which says why.")
    return DoNotTrade(reason, until.date() if until else None)


def _restrictions(client: Client, given: tuple[str, ...]) -> dict[str, Restriction]:
    found = by_security(client, given, "--restrict", Restriction.HOLD)
    try:
        return {key: restriction(value) for key, value in found.items()}
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _without(
    client: Client, known: Mapping[str, Rule], released: tuple[str, ...], state: str
) -> dict[str, Rule]:
    # One that is named may be gone elsewhere: its id is enough.
    others = [one for one in released if one not in known]
    ids = {**{one: one for one in released}, **finding.securities(client, others)}
    for asked, security_id in ids.items():
        if security_id not in known:
            raise Failure(f"{asked} is not {state}: ordergen portfolios settings show has what is.")
    gone = set(ids.values())
    return {key: value for key, value in known.items() if key not in gone}


def _portfolio_id(client: Client, asked: str) -> str:
    return finding.portfolios(client, [asked])[asked]


def _settings(client: Client, portfolio_id: str) -> PortfolioSettings | None:
    try:
        return client.portfolios.settings.get(portfolio_id)
    except NotFound:
        return None


def _existing(client: Client, portfolio: str) -> PortfolioSettings:
    """The settings of a portfolio. Raises Failure where it has none."""
    found = _settings(client, _portfolio_id(client, portfolio))
    if found is None:
        raise Failure(f"{portfolio} has no settings: ordergen portfolios settings set makes some.")
    return found


def _record(client: Client, found: PortfolioSettings) -> dict[str, object]:
    """Settings for programs, with the portfolio's name and the tickers of securities."""
    (row,) = _rows(client, [found])
    tickers = finding.tickers(client, {**found.restrictions, **found.security_limits})
    return {
        **row,
        "restrictions": restriction_rows(found, tickers),
        "security_limits": limit_rows(found, tickers),
    }


def _rows(client: Client, found: Iterable[PortfolioSettings]) -> Iterator[dict[str, object]]:
    """A row a portfolio; names are asked for many at once."""
    rest = iter(found)
    while part := list(islice(rest, _TOGETHER)):
        names = finding.portfolio_names(client, [one.portfolio_id for one in part]) or {}
        yield from (settings_row(one, names.get(one.portfolio_id, "")) for one in part)
