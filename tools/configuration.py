"""Makes docs/configuration.md from the settings of the server and of its REST front.

python -m tools.configuration generate    write the page again
python -m tools.configuration check       fail if it is not what the settings make today
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from ordergen_server.configuration import secret_files
from ordergen_server.configuration.settings import Settings
from ordergen_server.rest.settings import RestSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
INTRODUCTION = """\
# Configuration

The server is configured by environment variables alone. It reads them once, as it starts; one that it
cannot read ends it with exit code 1 and a message that names the variable. A secret can be in a file instead,
which a second variable names; giving both is an error. The table is made from
`ordergen_server/configuration/settings.py` by `python -m tools.configuration generate`.
"""
REST = """
## REST front

`python -m ordergen_server.rest` is a process of its own, with variables of its own
(`ordergen_server/rest/settings.py`).
"""
TABLES: tuple[type[BaseSettings], ...] = (Settings, RestSettings)


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_rows(Settings), REST, *_rows(RestSettings), ""])


def variable(field: str, settings: type[BaseSettings] = Settings) -> str:
    """The variable of a field of the settings."""
    return secret_files.variable(settings, field)


def variables() -> set[str]:
    """Every variable that the server and the front read."""
    return {variable(field, settings) for settings in TABLES for field in _fields(settings)}


def _fields(settings: type[BaseSettings]) -> set[str]:
    files = {f"{field}{secret_files.SUFFIX}" for field in secret_files.secret_fields(settings)}
    return {*settings.model_fields, *files}


def _rows(settings: type[BaseSettings]) -> Iterator[str]:
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in settings.model_fields.items():
        described = _cell(field.description or "") + _file(settings, name)
        yield f"| `{variable(name, settings)}` | {_default(field)} | {described} |"


def _file(settings: type[BaseSettings], name: str) -> str:
    if name not in secret_files.secret_fields(settings):
        return ""
    return f" Or in a file: `{variable(name + secret_files.SUFFIX, settings)}`."


def _default(field: FieldInfo) -> str:
    value: object = field.get_default()
    return "unset" if value in (None, "", ()) else f"`{_cell(str(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Run the command line; the exit code is 1 where the page is stale."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.configuration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("generate", "check"))
    if parser.parse_args().command == "generate":
        PAGE.write_text(page())
        return 0
    current = PAGE.exists() and PAGE.read_text() == page()
    print("The page is current." if current else "stale: docs/configuration.md; generate it again")
    return not current


if __name__ == "__main__":
    sys.exit(main())
