"""Texts are looked up at once, and what is lacking once more."""

from collections.abc import Collection, Sequence
from operator import attrgetter

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import Cancelled, DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.references import Directory, Matches, Portfolio, Security
from ordergen_server.services.references import ReferenceResolver

OLD, NEW = Security("A" * 24, "AAA", None), Security("B" * 24, "BBB", None)


def listing(*securities: Security) -> Directory[Security]:
    return Directory({one.security_id: one for one in securities}, attrgetter("ticker"))


class FakeSecurities:
    """Answers one directory after the other, and the last one from then on."""

    def __init__(self, *directories: Directory[Security]) -> None:
        self._directories = list(directories)
        self.needed: list[Sequence[str]] = []

    def securities(self, needed: Collection[str], timeout_seconds: float) -> Directory[Security]:
        assert timeout_seconds > 0
        self.needed.append(list(needed))
        return self._directories.pop(0) if len(self._directories) > 1 else self._directories[0]


class NoPortfolios:
    """The portfolio service is down."""

    def portfolios(self, needed: Collection[str], timeout_seconds: float) -> Directory[Portfolio]:
        del needed, timeout_seconds
        raise SiblingUnavailable("down")


def resolver(securities: FakeSecurities) -> ReferenceResolver:
    return ReferenceResolver(securities, NoPortfolios())


def test_what_is_found_comes_in_the_order_of_what_was_asked() -> None:
    source = FakeSecurities(listing(OLD, NEW))
    found = resolver(source).securities(["BBB", OLD.security_id, "bbb", "BBB"], Deadline.after(5))
    assert found == [
        Matches("BBB", (NEW,)),
        Matches(OLD.security_id, (OLD,)),
        Matches("bbb", (NEW,)),
        Matches("BBB", (NEW,)),
    ]
    assert source.needed == [[]]


def test_what_is_lacking_is_looked_for_again_and_nothing_else() -> None:
    """It may be new; what was found stays what it was."""
    source = FakeSecurities(listing(OLD), listing(NEW))
    found = resolver(source).securities(["AAA", "BBB", "CCC", "BBB"], Deadline.after(5))
    assert [one.items for one in found] == [(OLD,), (NEW,), (), (NEW,)]
    assert source.needed == [[], ["BBB", "CCC"]]


def test_what_no_list_has_is_not_found() -> None:
    source = FakeSecurities(listing(OLD))
    assert resolver(source).securities(["CCC"], Deadline.after(5)) == [Matches("CCC")]
    assert source.needed == [[], ["CCC"]]


def test_a_source_that_is_down_is_an_error_of_the_call() -> None:
    with pytest.raises(SiblingUnavailable):
        resolver(FakeSecurities(listing())).portfolios(["Growth"], Deadline.after(5))


def test_nothing_is_read_for_who_is_gone_or_has_no_time() -> None:
    source = FakeSecurities(listing(OLD))
    with pytest.raises(DeadlineExceeded):
        resolver(source).securities(["AAA"], Deadline.after(-1))
    with pytest.raises(Cancelled):
        resolver(source).securities(["AAA"], Deadline.after(5).unless(lambda: True))
    assert source.needed == []
