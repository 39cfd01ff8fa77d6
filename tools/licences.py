"""Makes docs/licences.md from what the locked releases say of themselves.

python -m tools.licences generate    write the page again
python -m tools.licences check       fail if it is not what is locked and installed

A release that is locked for other platforms alone is not installed here: its row stays as it is, and is
written by hand once. So the check says the same on every platform.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution, metadata

from packaging.utils import canonicalize_name

from tools import locks
from tools.locks import Pin

PAGE = locks.ROOT / "docs" / "licences.md"
UNKNOWN = "unknown"
#: What obliges who passes a copy on to pass on the source of the whole, too.
_COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
_LONGEST = 60
_ROW = re.compile(r"(?m)^\| (?P<name>[a-z0-9-]+) \| (?P<version>\S+) \| (?P<licence>.+?) \|$")
INTRODUCTION = """\
# Licences

What each locked release says of its own licence: its expression, or its classifiers, or the first words of
its text. Made by `python -m tools.licences generate`. **Bold** is copyleft of the GPL's kind. None is in the
image: SecantusDB is the embedded database (the extra `embedded`), which only the images of the sandbox and of
development have, and hadolint lints the Dockerfile in the tests. Both are started as programs of their own,
and never imported. Who passes on an image that has SecantusDB owes its source by the GPL. Docutils, which
builds the site of these pages, is in the public domain and under BSD; the GPL is that of a mode for Emacs,
which its release here does not have.
"""


def page(known: Mapping[Pin, str]) -> str:
    """The whole page; `known` are the licences of what is not installed here."""
    server, sandbox = locks.pins(locks.SERVER), locks.pins(locks.SANDBOX)
    embedded = [pin for pin in sandbox if pin not in server]
    others = [pin for pin in locks.pins(locks.ALL) if pin not in (*server, *embedded)]
    parts = [INTRODUCTION, *_table("The image (requirements-server.txt)", server, known)]
    parts += ["", *_table("The sandbox's image, beside these (requirements-sandbox.txt)", embedded, known)]
    parts += ["", *_table("Development and tests, beside both (requirements.txt)", others, known), ""]
    return "\n".join(parts)


def rows(text: str) -> dict[Pin, str]:
    """The licence of each release that a page has a row of, without emphasis."""
    found = [one for one in _ROW.finditer(text) if one["name"] != "package"]
    return {Pin(canonicalize_name(one["name"]), one["version"]): one["licence"].strip("*") for one in found}


def is_copyleft(licence: str) -> bool:
    """Whether a licence is of the GPL's kind; those of the LGPL's leave what uses a library alone."""
    return bool(_COPYLEFT.search(licence)) and "exception" not in licence.lower()


def installed(pin: Pin) -> str | None:
    """What a release says of its licence; None where it is not installed in that version."""
    try:
        told = metadata(pin.name)
    except PackageNotFoundError:
        return None
    if told["Version"] != pin.version:
        return None
    if expression := _first(told, "License-Expression"):
        return _cell(expression)
    classified = [
        one for one in told.get_all("Classifier") or () if one.startswith("License :: OSI Approved ::")
    ]
    if classified:
        return _cell(", ".join(sorted(one.rpartition(" :: ")[2] for one in classified)))
    text = _first(told, "License").strip() or _licence_file(pin.name, _first(told, "License-File")).strip()
    return _cell((text.splitlines() or [UNKNOWN])[0])


def _licence_file(name: str, file: str) -> str:
    """The text that a release brings along; empty where it has none."""
    return (file and distribution(name).read_text(f"licenses/{file}")) or ""


def _first(told: PackageMetadata, field: str) -> str:
    found: list[str] = told.get_all(field) or [""]
    return found[0]


def _table(title: str, pins: list[Pin], known: Mapping[Pin, str]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| package | version | licence |"
    yield "|---|---|---|"
    for pin in pins:
        licence = installed(pin) or known.get(pin, UNKNOWN)
        yield f"| {pin.name} | {pin.version} | {f'**{licence}**' if is_copyleft(licence) else licence} |"


def _cell(text: str) -> str:
    text = text.replace("|", "/").strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def main() -> int:
    """Run the command line; the exit code is 1 where the page is stale."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.licences",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("generate", "check"))
    current = PAGE.read_text() if PAGE.exists() else ""
    made = page(rows(current))
    if parser.parse_args().command == "generate":
        PAGE.write_text(made)
        return 0
    print("The page is current." if current == made else "stale: docs/licences.md; generate it again")
    return current != made


if __name__ == "__main__":
    sys.exit(main())
