"""Builds the documentation site, without a network.

python -m tools.site                  into .build/site
python -m tools.site --output FOLDER  into another folder

Every warning is an error. The exit code is that of Sphinx.
"""

import argparse
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from tools.protos import ROOT

SOURCE = ROOT / "docs"
OUTPUT = ROOT / ".build" / "site"
#: Of what was read, beside the pages: it is no part of the site.
READ = "{}.doctrees"


def build(output: Path) -> int:
    """Build the site into a folder, from the beginning; what is wrong is on standard error."""
    folders = ["-d", READ.format(output), str(SOURCE), str(output)]
    # -E: what is made from the code has no file of its own whose time would say that it is newer.
    return build_main(["-b", "html", "-E", "-q", "-n", "-W", "--keep-going", *folders])


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.site",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder of the site (.build/site)")
    output: Path = parser.parse_args().output
    code = build(output)
    if not code:
        print(output / "index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
