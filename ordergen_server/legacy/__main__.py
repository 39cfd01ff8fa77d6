"""Imports what the service before stored: `ordergen import-legacy`, or `python -m ordergen_server.legacy`.

ORDERGEN_LEGACY_MONGODB_URI says where from; where to is said by the variables of the server.
"""

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from pydantic import ValidationError
from rich.console import Console

from ordergen_client.telling.printable import output_console
from ordergen_client.telling.progress import slow_progress
from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.configuration.setting_errors import told
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.legacy.importing import import_all
from ordergen_server.legacy.report import Report
from ordergen_server.legacy.settings import LegacySettings
from ordergen_server.legacy.source import COLLECTIONS, NotTheSourceError, Source, SourceUnavailableError
from ordergen_server.legacy.target import NotTheTargetError, OurStores, Rehearsal, Target, check_target
from ordergen_server.legacy.telling import told_report
from ordergen_server.repositories.import_ledger import ImportLedger
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.ended_runs import EndedRuns

FAILED, INTERRUPTED = 1, 130
#: It has ended, and something was not taken.
INCOMPLETE = 3
#: One reads, one writes.
_CONNECTIONS = 2
_FROM, _INTO = "the database to import from", "the database to import into"
_NO_TARGET = "nothing says where to import to: give --to, or set ORDERGEN_MONGODB_URI"


def main() -> int:
    """Import; 0 where everything is here, 3 where something was not taken, 1 where it could not go on."""
    parser = argparse.ArgumentParser(prog="python -m ordergen_server.legacy", description=__doc__)
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, and say what would become of it"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one line of JSON")
    options = parser.parse_args()
    report = Report(dry_run=options.dry_run)
    try:
        with (
            _terminated_is_interrupted(),
            logging_to(sys.stderr, "WARNING", "console"),
            _parts(dry_run=options.dry_run) as (source, target),
            slow_progress("Importing", Console(stderr=True)) as progress,
        ):
            import_all(source, target, report, progress)
    except ValidationError as error:
        return _refuse(told(error))
    except SourceUnavailableError as error:
        return _refuse(f"{_FROM}: {error}{_so_far(report)}")
    except OrderGenerationError as error:
        return _refuse(f"{_INTO}: {error}{_so_far(report)}")
    except (NotTheSourceError, NotTheTargetError, OSError, ValueError) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        _refuse(f"It was interrupted.{_so_far(report)}")
        return INTERRUPTED
    _print(report, as_json=options.json)
    return 0 if report.complete else INCOMPLETE


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """A block in which SIGTERM does what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _parts(*, dry_run: bool) -> Iterator[tuple[Source, Target]]:
    """The databases, looked at before anything is written.

    Raises:
        SourceUnavailableError, DatabaseUnavailable: one of them does not answer.
        NotTheSourceError, NotTheTargetError, ValueError: one of them is none, or not the right one.
    """
    settings = Settings()
    old_uri, old_name = LegacySettings().source
    if settings.mongodb_uri is None:
        raise ValueError(_NO_TARGET)
    new_uri = settings.mongodb_uri.get_secret_value()
    with (
        closing(_database(settings, old_uri, old_name, _FROM)) as old,
        closing(_database(settings, new_uri, settings.mongodb_database, _INTO)) as new,
    ):
        source = Source(old)
        source.check()
        check_target(new)
        if not dry_run:
            migrate(new)
        yield source, _target(new, dry_run=dry_run)


def _database(settings: Settings, uri: str, name: str, which: str) -> Database:
    seconds = settings.mongodb_timeout_seconds
    try:
        return Database(uri, name, pool_size=_CONNECTIONS, timeout_seconds=seconds)
    except ValueError as error:
        raise ValueError(f"{which}: {error}") from None


def _target(database: Database, *, dry_run: bool) -> Target:
    models = Models(database, PageTokens(b""))  # it reads no pages
    stores = OurStores(models, EndedRuns(database), ImportLedger(database))
    return Rehearsal(database, stores) if dry_run else stores


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.as_dict(COLLECTIONS)))  # noqa: T201 - the command's output
        return
    console = output_console()
    for part in told_report(report):
        console.print(part, soft_wrap=isinstance(part, str), highlight=False)


def _so_far(report: Report) -> str:
    return f" After {report.read:,} documents: start it again, and it goes on." if report.read else ""


def _refuse(reason: str) -> int:
    print(f"import-legacy: {reason}", file=sys.stderr)  # noqa: T201 - the command's output
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
