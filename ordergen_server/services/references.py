"""Finding out what people mean by a ticker, a name, or a part of an id."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.references import (
    Directory,
    Matches,
    NamedPortfolioSource,
    Portfolio,
    Security,
    SecuritySource,
)

Item = TypeVar("Item")


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
        return _resolved(self._securities.securities, asked, deadline, "reading securities")

    def portfolios(self, asked: Sequence[str], deadline: Deadline) -> list[Matches[Portfolio]]:
        """The same of portfolios. Raises SiblingUnavailable, DeadlineExceeded, Cancelled."""
        return _resolved(self._portfolios.portfolios, asked, deadline, "reading names")


def _resolved(
    read: Callable[[Collection[str], float], Directory[Item]],
    asked: Sequence[str],
    deadline: Deadline,
    step: str,
) -> list[Matches[Item]]:
    directory = read((), deadline.remaining_seconds(step))
    found = {text: directory.find(text) for text in asked}
    lacking = [text for text, matches in found.items() if not matches.items]
    if lacking:
        again = read(lacking, deadline.remaining_seconds(step))
        if again is not directory:
            found |= {text: again.find(text) for text in lacking}
    return [found[text] for text in asked]
