"""Pages of docs/ whose commands are run: in order, in one shell, exactly as they are printed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.limits import PATIENCE

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
#: Commands, and where a block of text comes right after them: lines that they print.
_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
_MARK = "--- the end of block"
#: What tables are drawn with, and what stands for something that is not the same each time.
_DRAWN, _ANYTHING = re.compile("[\u2500-\u257f]"), "..."


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of a page, and lines that they print among others."""

    commands: str
    printed: tuple[str, ...]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, by its name below docs/."""
    found = _BLOCK.findall((DOCS / f"{page}.md").read_text())
    return [Block(commands, tuple(printed.splitlines())) for commands, printed in found]


def run(given: Iterable[Block], folder: Path, settings: Mapping[str, str]) -> None:
    """Run blocks in a shell that ends at the first command that fails; look at what each of them prints.

    Args:
        given: the blocks.
        folder: where the shell begins; it is its home, too.
        settings: variables, such as ORDERGEN_TARGET.
    """
    expected = list(given)
    script = "".join(f"{block.commands}echo '{_MARK}'\n" for block in expected)
    done = subprocess.run(
        ["/bin/sh", "-e"],
        input=script,
        cwd=folder,
        env={**_environment(folder), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE * len(expected),
        check=False,
    )
    printed = done.stdout.split(f"{_MARK}\n")
    for block, text in zip(expected, printed, strict=False):
        missing = [line for line in block.printed if not is_printed(line, text)]
        assert missing == [], f"{block.commands}printed\n{text}"
    left = expected[len(printed) - 1 :]
    assert done.returncode == 0, f"{left[0].commands if left else ''}failed:\n{printed[-1]}"


def is_printed(line: str, text: str) -> bool:
    """Whether all words of a line are in one line of a text, in this order.

    Pages show tables as a terminal has them; to the test they are printed without a width, with more columns.
    """
    words = [word for word in _words(line) if word != _ANYTHING]
    return not words or any(_are_among(words, _words(one)) for one in text.splitlines())


def _words(line: str) -> list[str]:
    return _DRAWN.sub(" ", line).split()


def _are_among(words: Sequence[str], others: Sequence[str]) -> bool:
    left = iter(others)
    return all(word in left for word in words)


def _environment(folder: Path) -> dict[str, str]:
    """What a new terminal has, with the programs of this environment first and nothing of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERGEN_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": path, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")}
