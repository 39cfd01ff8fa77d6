"""Texts are looked up at once, and what is lacking once more."""

from collections.abc import Collection, Sequence
from operator import attrgetter

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Cancelled,
    DeadlineExceeded,
    OrderGenerationError,
    SiblingUnavailable,
)
from ordergen_server.domain.references import Directory, Matches, Portfolio, Security
from ordergen_server.services.references import LOOK_SECONDS, ReferenceResolver
from tests.limits import PATIENCE

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


class FakePortfolios:
    """Has no list as often as it is told, and is then down, or has one."""

    def __init__(self, *late: OrderGenerationError) -> None:
        self._late = list(late)
        self.looks = 0

    def portfolios(self, needed: Collection[str], timeout_seconds: float) -> Directory[Portfolio]:
        assert 0 < timeout_seconds <= LOOK_SECONDS or needed
        self.looks += 1
        if self._late:
            raise self._late.pop(0)
        one = Portfolio("P" * 24, "Growth")
        return Directory({one.portfolio_id: one}, attrgetter("name"))


def resolver(securities: FakeSecurities) -> ReferenceResolver:
    return ReferenceResolver(securities, FakePortfolios())


def of_portfolios(portfolios: FakePortfolios) -> ReferenceResolver:
    return ReferenceResolver(FakeSecurities(listing()), portfolios)


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
        of_portfolios(FakePortfolios(SiblingUnavailable("down"))).portfolios(["Growth"], Deadline.after(5))


def test_names_are_waited_for_as_long_as_anybody_wants_them() -> None:
    late = [DeadlineExceeded("not yet")] * 3
    [found] = of_portfolios(FakePortfolios(*late)).portfolios(["Growth"], Deadline.after(PATIENCE))
    assert [one.name for one in found.items] == ["Growth"]
    never = FakePortfolios(*late, *late)
    with pytest.raises(Cancelled):
        of_portfolios(never).portfolios(["Growth"], Deadline.after(PATIENCE).unless(lambda: never.looks == 3))
    assert never.looks == 3
    with pytest.raises(DeadlineExceeded):
        of_portfolios(FakePortfolios(*late)).portfolios(["Growth"], Deadline.after(LOOK_SECONDS))


def test_nothing_is_read_for_who_is_gone_or_has_no_time() -> None:
    source = FakeSecurities(listing(OLD))
    with pytest.raises(DeadlineExceeded):
        resolver(source).securities(["AAA"], Deadline.after(-1))
    with pytest.raises(Cancelled):
        resolver(source).securities(["AAA"], Deadline.after(5).unless(lambda: True))
    assert source.needed == []
