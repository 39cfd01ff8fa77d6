"""`ordergen doctor`: what is wrong between here and the server, and beyond it, and how to mend it."""

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.shared.failures import REFUSED, UNREACHABLE, told, unreachable
from ordergen_client.commands.shared.options import OTHERS, VARIABLES, with_output, with_server
from ordergen_client.commands.shared.servers import Server
from ordergen_client.connecting.reaching import way_to
from ordergen_client.errors import OrderGenerationError, PermissionDenied, Unauthenticated, Unsupported
from ordergen_client.records.diagnoses import Diagnosis
from ordergen_client.records.states import CredentialType, DependencyState
from ordergen_client.showing.columns import Column
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.variables import misspelt

#: A clock that is so far from the server's makes tokens invalid and times misleading.
_CLOCK_SECONDS: Final = 5.0
_COLUMNS: Final = (
    Column("check", "Check"),
    Column("state", "State"),
    Column("told", "Found"),
    Column("advice", "What to do"),
)
_OK, _WRONG = "ok", "WRONG"
_Check = dict[str, object]


@click.command()
@with_output
@with_server
def doctor(*, server: Server, output: Output) -> None:
    """Check the way to the server, who we are to it, its clock, and what it depends on.

    Ends with 0 where all is well, 1 where something is wrong, and 4 where the server is not reached.
    """
    way = list(_way(server))
    checks = [*_here(), *way]
    if not any(one["state"] == _WRONG for one in way):
        checks += _beyond(server)
    output.listing(Listing("checks", f"The server at {server.target}", _COLUMNS, checks))
    wrong = [one for one in checks if one["state"] == _WRONG]
    if output.form is Form.TABLE and not output.quiet:
        told_all = f"{len(wrong)} wrong of {len(checks)}." if wrong else "All is well."
        output.console.print(told_all, highlight=False)
    if wrong:
        sys.exit(UNREACHABLE if any(one["check"] in _REACH for one in wrong) else REFUSED)


#: Checks that fail where nothing is heard of the server.
_REACH: Final = {"Name", "Connection", "Protocol", "TLS", "Call"}


def _here() -> Iterator[_Check]:
    for given, meant in misspelt(os.environ, VARIABLES, OTHERS).items():
        yield _wrong("Variables", f"{given} is no variable of ordergen", f"Is {meant} meant?")


def _way(server: Server) -> Iterator[_Check]:
    for step in way_to(server.target, server.tls):
        yield _wrong(step.name, step.told, step.advice) if step.failed else _ok(step.name, step.told)


def _beyond(server: Server) -> Iterator[_Check]:
    try:
        with server.client() as client:
            began = time.monotonic()
            found = _diagnosis(client)
            halfway = timedelta(seconds=(time.monotonic() - began) / 2)
    except OrderGenerationError as error:
        if isinstance(error, Unauthenticated | PermissionDenied):
            yield _wrong("Credentials", told(error), "Give what it asks for: --token-file, --certificate.")
        elif error.reason:
            yield _wrong("Answer", told(error), "The server's log has more.")
        elif isinstance(error, Unsupported):
            advice = "Is it the right server, and as new as this command?"
            yield _wrong("Answer", "what answers has no such call", advice)
        else:
            failure = unreachable(server.target, server.tls, server.timeout_seconds, error)
            yield _wrong(
                "Call", failure.message.partition("\n")[0], "Try again, or give it longer: --timeout."
            )
        return
    yield _version(found)
    yield _clock(found, halfway)
    yield _caller(found)
    yield from _dependencies(found)


def _diagnosis(client: Client) -> Diagnosis:
    return client.server.diagnose()


def _version(found: Diagnosis) -> _Check:
    ours, theirs = version("globeco-ordergen-client"), found.server_version
    if ours.split(".")[0] == theirs.split(".")[0]:
        return _ok("Version", f"server {theirs}, command {ours}")
    return _wrong(
        "Version", f"server {theirs}, command {ours}", "Install the command of the server's version."
    )


def _clock(found: Diagnosis, halfway: timedelta) -> _Check:
    """Clocks compared at the middle of the call, exact to half of what it took."""
    ahead = (datetime.now(UTC) - halfway - found.server_time).total_seconds()
    told_clock = f"ours is {abs(ahead):.1f} s {'ahead of' if ahead >= 0 else 'behind'} the server's"
    if abs(ahead) - halfway.total_seconds() <= _CLOCK_SECONDS:
        return _ok("Clock", told_clock)
    return _wrong("Clock", told_clock, "Set the clocks by NTP: tokens are judged by them.")


def _caller(found: Diagnosis) -> _Check:
    caller = found.caller
    if caller.credential is CredentialType.NONE:
        return _ok("Caller", "the server asks for no credentials: everything is allowed")
    scopes = ", ".join(caller.scopes) or "no scope"
    return _ok(
        "Caller", f"{caller.actor or 'nobody in particular'}, by {caller.credential.lower()}: {scopes}"
    )


def _dependencies(found: Diagnosis) -> Iterator[_Check]:
    for one in found.dependencies:
        name = one.name.capitalize()
        if one.state is DependencyState.AVAILABLE:
            yield _ok(name, f"answered in {one.seconds * 1000:,.0f} ms")
        else:
            yield _wrong(name, one.problem or str(one.state), one.advice)


def _ok(check: str, text: str) -> _Check:
    return {"check": check, "state": _OK, "told": text, "advice": ""}


def _wrong(check: str, text: str, advice: str) -> _Check:
    return {"check": check, "state": _WRONG, "told": text, "advice": advice}
