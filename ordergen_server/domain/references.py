"""What a text stands for: securities by ticker, portfolios by name, both by an id or the beginning of one."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import islice, takewhile
from typing import Generic, Protocol, TypeVar

from ordergen_server.domain.requests.violations import Violations

#: Characters of a text, and how much is found for one.
MAXIMUM_LENGTH, MAXIMUM_MATCHES = 64, 10
#: Of the beginning of an id, at least so many characters.
LEAST_BEGINNING = 4

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Security:
    """A security.

    Attributes:
        ticker: empty where the security service has none that can be.
        price: of one share, in money, above 0; None where the pricing service has none that can be.
    """

    security_id: str
    ticker: str
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A portfolio; several may have one name."""

    portfolio_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Matches(Generic[Item]):
    """What one text stands for.

    Attributes:
        asked: the text.
        items: by id, at most `MAXIMUM_MATCHES`.
        more: whether there are more.
    """

    asked: str
    items: tuple[Item, ...] = ()
    more: bool = False


@dataclass(frozen=True)
class _Labels:
    """Ids in their order: all of them, and those of each label, exactly and without regard to case."""

    ids: list[str]
    exactly: dict[str, list[str]]
    folded: dict[str, list[str]]


class Directory(Generic[Item]):
    """Everything of a kind at one time. It is made once a reading, and sorted when it is first looked into.

    Args:
        items: by id.
        label: what people call one; nobody can ask for an empty label.
    """

    def __init__(self, items: Mapping[str, Item], label: Callable[[Item], str]) -> None:
        self._items = items
        self._label = label

    def find(self, asked: str) -> Matches[Item]:
        """What a text stands for, by the first of these rules that finds anything.

        It is an id; it is a label; it is one but for the case of its letters; ids begin with it.
        """
        ids = list(islice(self._matching(asked), MAXIMUM_MATCHES + 1))
        items = tuple(self._items[one] for one in ids[:MAXIMUM_MATCHES])
        return Matches(asked, items, more=len(ids) > MAXIMUM_MATCHES)

    def _matching(self, asked: str) -> Iterable[str]:
        if asked in self._items:
            return (asked,)
        labels = self._labels
        called = labels.exactly.get(asked) or labels.folded.get(asked.casefold())
        return called or self._beginning_with(asked)

    def _beginning_with(self, asked: str) -> Iterator[str]:
        if len(asked) < LEAST_BEGINNING:
            return iter(())
        ids = self._labels.ids
        following = (ids[place] for place in range(bisect_left(ids, asked), len(ids)))
        return takewhile(lambda one: one.startswith(asked), following)

    @cached_property
    def _labels(self) -> _Labels:
        labels = _Labels(sorted(self._items), {}, {})
        for one in labels.ids:
            label = self._label(self._items[one])
            labels.exactly.setdefault(label, []).append(one)
            labels.folded.setdefault(label.casefold(), []).append(one)
        return labels


class SecuritySource(Protocol):
    """Where securities are known."""

    def securities(self, needed: Collection[str], timeout_seconds: float) -> Directory[Security]:
        """All securities; the same directory until something is read again.

        Where it lacks one of the `needed`, which may be a new one, it is looked for again. While securities
        cannot be listed, the directory has those of the `needed` that are ids of securities, and no other.

        Args:
            needed: ids, or other texts that nothing was found for.
            timeout_seconds: for all that is read.

        Raises:
            SiblingUnavailable: a sibling does not answer, or answers what cannot be read.
            BadData: they cannot be listed, and one of the `needed` is no id, or is one whose record is bad.
            DeadlineExceeded: `timeout_seconds` ran out.
        """


class NamedPortfolioSource(Protocol):
    """Where the names of portfolios are known."""

    def portfolios(self, needed: Collection[str], timeout_seconds: float) -> Directory[Portfolio]:
        """All portfolios that have a name; the same directory until something is read again.

        They are waited for where they are not kept, and read on when that time is over. Where the directory
        lacks one of the `needed` it is read again, and waited for a moment.

        Raises:
            SiblingUnavailable: the portfolio service does not list them.
            DeadlineExceeded: `timeout_seconds` ran out.
        """


def check_asked(texts: Collection[str], path: str, violations: Violations) -> None:
    """Check what is asked for; how many texts there may be is a bound of the request."""
    if not texts:
        violations.add(path, "must have at least one entry")
    for index, text in enumerate(texts):
        if not 1 <= len(text) <= MAXIMUM_LENGTH:
            violations.add(f"{path}[{index}]", f"must have 1 to {MAXIMUM_LENGTH} characters", text)
