"""Collects every broken rule of a request, so that a caller meets them all at once."""

from types import TracebackType
from typing import Self

from ordergen_server.domain.errors import InvalidArgument, Violation


class Violations:
    """The broken rules found so far; as a context manager it raises them at the end of the block."""

    def __init__(self) -> None:
        self._found: list[Violation] = []

    def add(self, path: str, rule: str, value: object = None) -> None:
        """Note that the field at `path` breaks `rule`, with the value it has where that is worth showing."""
        shown = "" if value is None else f", not {_shorten(value)}"
        self._found.append(Violation(path, rule + shown, "FIELD"))

    @property
    def found(self) -> tuple[Violation, ...]:
        """The broken rules, in the order they were found."""
        return tuple(self._found)

    def raise_if_any(self) -> None:
        """Raise InvalidArgument with every broken rule, if there is one."""
        if self._found:
            first = self._found[0]
            more = f" (and {len(self._found) - 1} more)" if len(self._found) > 1 else ""
            raise InvalidArgument(f"{first.subject}: {first.rule}{more}", violations=self._found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.raise_if_any()


def _shorten(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line of a terminal
