"""`ordergen import-legacy`: starts the server's program that takes over what the service before stored."""

import os
import sys
from importlib.util import find_spec

import click

#: What that program needs beside the client, of the extra `server`.
_NEEDED = ("pymongo", "msgspec", "pydantic_settings", "tenacity", "urllib3", "structlog")


@click.command("import-legacy")
@click.option(
    "--from",
    "source",
    envvar="ORDERGEN_LEGACY_MONGODB_URI",
    help="mongodb:// address to import from; other users of the machine see it, so with a password better set"
    " the variable. [ORDERGEN_LEGACY_MONGODB_URI]",
)
@click.option(
    "--from-database",
    "source_database",
    envvar="ORDERGEN_LEGACY_MONGODB_DATABASE",
    help="Name of the database there, if the address has none. [ORDERGEN_LEGACY_MONGODB_DATABASE]",
)
@click.option("--to", "target", help="mongodb:// address to import to. [ORDERGEN_MONGODB_URI, as the server]")
@click.option(
    "--to-database",
    "target_database",
    help="Name of the database there. [ORDERGEN_MONGODB_DATABASE, as the server]",
)
@click.option("--dry-run", is_flag=True, help="Write nothing, and say what would become of everything.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
def import_legacy(
    *,
    source: str | None,
    source_database: str | None,
    target: str | None,
    target_database: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import the models and rebalances of the service before, exactly, with a report of what cannot be.

    It can be interrupted, repeated, and run beside a server that serves. Ends with 0 where everything is
    here, with 3 where something was not taken, and with 1 where it could not go on.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise click.UsageError(
            f"import-legacy needs {', '.join(missing)}, which this Python lacks:"
            " install globeco-ordergen[server]."
        )
    given = {
        "ORDERGEN_LEGACY_MONGODB_URI": source,
        "ORDERGEN_LEGACY_MONGODB_DATABASE": source_database,
        "ORDERGEN_MONGODB_URI": target,
        "ORDERGEN_MONGODB_DATABASE": target_database,
    }
    variables = {**os.environ, **{name: value for name, value in given.items() if value is not None}}
    for name, value in given.items():
        if value is not None:
            variables.pop(f"{name}_FILE", None)
    flags = [name for name, wanted in (("--dry-run", dry_run), ("--json", as_json)) if wanted]
    # Addresses go by variables, which other users do not see. It takes our place, and all signals for us.
    command = [sys.executable, "-m", "ordergen_server.legacy", *flags]
    os.execve(sys.executable, command, variables)  # noqa: S606 - our own program
