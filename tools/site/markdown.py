"""Pieces of Markdown, as MyST reads it."""

from collections.abc import Iterable, Iterator


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table, with an empty one after it."""
    names = list(columns)
    yield _row(names)
    yield _row("---" for _ in names)
    yield from map(_row, rows)
    yield ""


def fenced(text: str, language: str = "text") -> Iterator[str]:
    """The lines of a block that is shown as it is; no line of it may begin with the fence."""
    yield f"````{language}"
    yield from text.rstrip().splitlines()
    yield "````"
    yield ""


def section(level: int, title: str, target: str) -> Iterator[str]:
    """A heading that `[...](#target)` leads to, from any page."""
    yield f"({target})="
    yield f"{'#' * level} {title}"
    yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cell(one) for one in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
