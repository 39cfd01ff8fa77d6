"""Docstrings as Sphinx is to read them: blocks of code are indented in ours, and have no other mark."""

from collections.abc import Iterator, Sequence

from sphinx.application import Sphinx

from ordergen_client import errors
from tools.site.markdown import fenced

#: Before napoleon, which reads the sections.
_EARLY = 400


def with_blocks(lines: Sequence[str]) -> Iterator[str]:
    """The lines, with the mark of a literal block before each block that stands by itself, indented."""
    last, apart = "", False
    for line in lines:
        if line.startswith(" ") and apart and not last.startswith(" "):
            yield from ("::", "")
        yield line
        last, apart = (line, False) if line.strip() else (last, bool(last))


def exceptions() -> str:
    """The tree of what calls raise, as the module draws it, as Markdown."""
    text = errors.__doc__ or ""
    lines = text.splitlines()
    tree = [line for line in lines if line.startswith(("OrderGenerationError", "├", "│", "└"))]
    return "\n".join(fenced("\n".join(tree)))


def setup(app: Sphinx) -> None:
    """Have it done for every docstring."""
    app.connect("autodoc-process-docstring", _process, priority=_EARLY)


def _process(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    lines[:] = with_blocks(lines)
