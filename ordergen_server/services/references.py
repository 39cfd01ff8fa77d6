"""Finding out what people mean by a ticker, a name, or a part of an id."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DeadlineExceeded
from ordergen_server.domain.references import (
    Directory,
    Matches,
    NamedPortfolioSource,
    Portfolio,
    Security,
    SecuritySource,
)

Item = TypeVar("Item")
#: Makes a directory that has what is needed, in so many seconds.
Read = Callable[[Collection[str], float], Directory[Item]]

#: How long to wait for names before looking whether anybody still wants them.
LOOK_SECONDS = 0.2


class ReferenceResolver:
    """What texts stand for, out of lists that are kept; what those lack is looked for again, once."""

    def __init__(self, securities: SecuritySource, portfolios: NamedPortfolioSource) -> None:
        self._securities = securities
        self._portfolios = portfolios

    def securities(self, asked: Sequence[str], deadline: Deadline) -> list[Matches[Security]]:
        """What each text stands for, in the order given; nothing is found for what is not there.

        Raises:
            SiblingUnavailable: a sibling does not answer.
            BadData: securities cannot be listed, and a text is no id, or one whose record is bad.
            DeadlineExceeded, Cancelled: the deadline passed, or nobody waits any more.
        """
        read, step = self._securities.securities, "reading securities"
        return _resolved(read((), deadline.remaining_seconds(step)), read, asked, deadline, step)

    def portfolios(self, asked: Sequence[str], deadline: Deadline) -> list[Matches[Portfolio]]:
        """The same of portfolios. Raises SiblingUnavailable, DeadlineExceeded, Cancelled."""
        read, step = self._portfolios.portfolios, "reading names"
        return _resolved(_waited_for(read, deadline, step), read, asked, deadline, step)


def _waited_for(read: Read[Item], deadline: Deadline, step: str) -> Directory[Item]:
    """What is read whether anybody waits or not: whoever leaves, or shuts down, is not held up by it."""
    while True:
        seconds = deadline.remaining_seconds(step)
        try:
            return read((), min(seconds, LOOK_SECONDS))
        except DeadlineExceeded:
            if seconds <= LOOK_SECONDS:
                raise


def _resolved(
    directory: Directory[Item], read: Read[Item], asked: Sequence[str], deadline: Deadline, step: str
) -> list[Matches[Item]]:
    found = {text: directory.find(text) for text in asked}
    lacking = [text for text, matches in found.items() if not matches.items]
    if lacking:
        again = read(lacking, deadline.remaining_seconds(step))
        if again is not directory:
            found |= {text: again.find(text) for text in lacking}
    return [found[text] for text in asked]
