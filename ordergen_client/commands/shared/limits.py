"""Limits on weights, as options of a command have them."""

from collections.abc import Sequence
from decimal import Decimal

import click

from ordergen_client.client import Client
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.decimals import weight
from ordergen_client.records.options.weight_limits import GroupLimit, SecurityLimit

_SECURITY, _GROUP = "--security-limit", "--group-limit"


def security_limits(client: Client, given: Sequence[str]) -> dict[str, SecurityLimit]:
    """What is given as SECURITY=MIN:MAX, by the security's id. Raises click.UsageError for what cannot be."""
    pairs = [one.partition("=") for one in given]
    for security, _sign, sides in pairs:
        if not (security and sides):
            raise click.UsageError(f"{_SECURITY} must be SECURITY=MIN:MAX, not {security + _sign + sides!r}")
    ids = finding.securities(client, [security for security, _sign, _sides in pairs]) if pairs else {}
    found: dict[str, SecurityLimit] = {}
    for security, _sign, sides in pairs:
        if ids[security] in found:
            raise click.UsageError(f"{_SECURITY} names {security} twice")
        found[ids[security]] = SecurityLimit(*_sides(sides, _SECURITY))
    return found


def group_limits(client: Client, given: Sequence[str]) -> dict[str, GroupLimit]:
    """What is given as NAME=MIN:MAX=SECURITY,..., by name. Raises click.UsageError for what cannot be."""
    split = [_split(one) for one in given]
    asked = list(dict.fromkeys(one for _name, _sides, securities in split for one in securities))
    ids = finding.securities(client, asked) if asked else {}
    found: dict[str, GroupLimit] = {}
    for name, sides, securities in split:
        if name in found:
            raise click.UsageError(f"{_GROUP} names {name} twice")
        found[name] = GroupLimit([ids[one] for one in securities], *_sides(sides, _GROUP))
    return found


def _split(given: str) -> tuple[str, str, list[str]]:
    name, sides, securities = (*given.split("=", 2), "", "")[:3]
    members = [one.strip() for one in securities.split(",")]
    if not (name and sides and all(members)):
        raise click.UsageError(f"{_GROUP} must be NAME=MIN:MAX=SECURITY,SECURITY, not {given!r}")
    return name, sides, members


def _sides(text: str, option: str) -> tuple[Decimal | None, Decimal | None]:
    """The least and the greatest weight of MIN:MAX, of which one may be empty."""
    least, sign, most = text.partition(":")
    if not sign or not (least or most):
        raise click.UsageError(f"{option}: {text!r} is no MIN:MAX, such as 2%:10%, :10% or 2%:")
    return (weight(least) if least else None), (weight(most) if most else None)
