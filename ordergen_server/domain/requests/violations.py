"""Collects every broken rule of a request, so that a caller meets them all at once."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ordergen_server.domain.errors import InvalidArgument, Violation

#: As many as an error can carry; of more only their number is kept.
MAXIMUM_VIOLATIONS = 32
#: How many stand in the message itself, for tools that show no details.
SHOWN_VIOLATIONS = 10
#: Characters of all that are shown; a message must leave room for the details beside it.
MAXIMUM_SUMMARY = 1000


class Violations:
    """The broken rules found so far; as a context manager it raises them at the end of the block."""

    def __init__(self) -> None:
        self._found: list[Violation] = []
        self._count = 0

    def add(self, path: str, rule: str, value: object = None) -> None:
        """Note that the field at `path` breaks `rule`, with the value it has where that is worth showing."""
        self._count += 1
        if self._count <= MAXIMUM_VIOLATIONS:
            shown = "" if value is None else f", not {_shorten(value)}"
            self._found.append(Violation(path, rule + shown, "FIELD"))

    def include(self, others: "Violations", above: str) -> None:
        """Note the broken rules of a part of the request, with the path that it has in the whole."""
        for one in others.found:
            self._found.append(Violation(above + one.subject, one.rule, one.kind))
        del self._found[MAXIMUM_VIOLATIONS:]
        self._count += others._count  # noqa: SLF001 - of the same class

    @property
    def found(self) -> tuple[Violation, ...]:
        """The broken rules, in the order they were found; at most `MAXIMUM_VIOLATIONS`."""
        return tuple(self._found)

    def raise_if_any(self) -> None:
        """Raise InvalidArgument with the broken rules, if there are any."""
        if self._found:
            more = self._count - len(self._found)
            metadata = {"more_violations": str(more)} if more else {}
            raise InvalidArgument(self.message, metadata=metadata, violations=self._found)

    @property
    def message(self) -> str:
        """The first of the broken rules, each with its field, and how many more there are."""
        return summary([f"{one.subject}: {one.rule}" for one in self._found], self._count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.raise_if_any()


def summary(causes: Sequence[str], count: int) -> str:
    """The first of `count` causes as one text, and how many more there are."""
    shown = list(causes[:1])
    for cause in causes[1:SHOWN_VIOLATIONS]:
        if len("; ".join([*shown, cause])) > MAXIMUM_SUMMARY:
            break
        shown.append(cause)
    more = count - len(shown)
    return "; ".join(shown) + (f" (and {more} more)" if more else "")


def broken(path: str, rule: str, value: object = None) -> InvalidArgument:
    """The error of one broken rule."""
    violations = Violations()
    violations.add(path, rule, value)
    return InvalidArgument(violations.message, violations=violations.found)


def _shorten(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line of a terminal
