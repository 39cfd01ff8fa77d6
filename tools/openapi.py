"""Makes docs/openapi.json, and the contract's comments that it and the REST front's pages have.

python -m tools.openapi generate    write both again
python -m tools.openapi check       fail if they are not what the contract and the code make today
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from ordergen_server.rest.app import create_app
from ordergen_server.rest.settings import RestSettings
from tools import protos

DOCUMENT = protos.ROOT / "docs" / "openapi.json"
COMMENTS = protos.ROOT / "ordergen_server" / "rest" / "v2" / "comments.json"
PACKAGE = "globeco.ordergen.v1"
#: Where a file's descriptor has what is commented, and what of that is, by the numbers of their fields.
_PARTS = {4: ("message_type", {2: "field"}), 5: ("enum_type", {2: "value"}), 6: ("service", {2: "method"})}


def document() -> str:
    """The document of the REST front that has no settings of its own."""
    return _text(create_app(RestSettings()).openapi())


def comments() -> str:
    """The comments of the contract, by full names."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "descriptors"
        protos.describe(target)
        files = FileDescriptorSet.FromString(target.read_bytes()).file
    return _text(dict(sorted(pair for one in files if one.package == PACKAGE for pair in _commented(one))))


def stale() -> list[str]:
    """Name the files that are not what they would be made today."""
    made = ((COMMENTS, comments), (DOCUMENT, document))
    return [str(path.relative_to(protos.ROOT)) for path, make in made if _read(path) != make()]


def generate() -> None:
    """Write both; the document has the comments in it."""
    COMMENTS.write_text(comments())
    DOCUMENT.write_text(document())


def _commented(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        name = _name(file, list(location.path))
        if name and location.leading_comments:
            lines = [line.strip() for line in location.leading_comments.strip().splitlines()]
            yield f"{file.package}.{name}", "\n".join(lines)


def _name(file: FileDescriptorProto, path: list[int]) -> str:
    """What a path leads to, below the package; empty for what has no name of its own here."""
    if len(path) not in (2, 4) or path[0] not in _PARTS:
        return ""
    kind, inner = _PARTS[path[0]]
    owner = getattr(file, kind)[path[1]]
    if len(path) == 2:  # noqa: PLR2004 - a kind and a place in it
        return str(owner.name)
    return f"{owner.name}.{getattr(owner, inner[path[2]])[path[3]].name}" if path[2] in inner else ""


def _text(content: object) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def main() -> int:
    """Run the command line; the exit code is 1 where something is stale."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.openapi",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("generate", "check"))
    if parser.parse_args().command == "generate":
        generate()
        return 0
    found = stale()
    print("\n".join(f"stale: {name}" for name in found) or "The document is current.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
