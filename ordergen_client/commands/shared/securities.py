"""What options give of securities, by ticker or id."""

from collections.abc import Sequence

import click

from ordergen_client.client import Client
from ordergen_client.commands.shared import finding
from ordergen_client.records.states import Restriction


def by_security(client: Client, given: Sequence[str], option: str, like: str) -> dict[str, str]:
    """What is given as SECURITY=VALUE, by the security's id."""
    pairs = [one.partition("=") for one in given]
    for security, _sign, value in pairs:
        if not (security and value):
            raise click.UsageError(f"{option} must be SECURITY={like}, not {security + _sign + value!r}")
    ids = finding.securities(client, [security for security, _sign, _value in pairs]) if pairs else {}
    found: dict[str, str] = {}
    for security, _sign, value in pairs:
        if ids[security] in found:
            raise click.UsageError(f"{option} names {security} twice")
        found[ids[security]] = value
    return found


def restriction(name: str) -> Restriction:
    """What may not be done, in any case of its letters. Raises ValueError."""
    upper = name.upper()
    if upper not in list(Restriction):
        raise ValueError(f"--restrict: {name!r} is none of {', '.join(Restriction)}")
    return Restriction(upper)
