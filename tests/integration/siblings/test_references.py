"""Securities by ticker and portfolios by name, out of lists as siblings really answer them, or do not."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import BadData, DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.references import Matches, Portfolio, Security
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.services.references import ReferenceResolver
from ordergen_server.siblings import CacheConfig, SiblingsConfig, Sources, open_sources
from tests.waiting import eventually

LONG = 60.0
#: Of a list: longer than who can do without names waits here.
SLOW_SECONDS = 0.5


@pytest.fixture
def config(config: SiblingsConfig) -> SiblingsConfig:
    """Patient, but for who can do without names."""
    security, pricing, portfolio = (
        replace(each, timeout_seconds=LONG) for each in (config.security, config.pricing, config.portfolio)
    )
    cache = CacheConfig(names_wait_seconds=SLOW_SECONDS / 10)
    return replace(config, security=security, pricing=pricing, portfolio=portfolio, cache=cache)


def resolver(sources: Sources) -> ReferenceResolver:
    return ReferenceResolver(sources.market, sources.portfolios)


def securities(sources: Sources, *asked: str, seconds: float = LONG) -> list[Matches[Security]]:
    return resolver(sources).securities(asked, Deadline.after(seconds))


def portfolios(sources: Sources, *asked: str, seconds: float = LONG) -> list[Matches[Portfolio]]:
    return resolver(sources).portfolios(asked, Deadline.after(seconds))


def known(siblings: SimulatedSiblings, number: int) -> Security:
    one = siblings.portfolios.market.securities[number]
    return Security(one.security_id, one.ticker, one.price)


def named(siblings: SimulatedSiblings, number: int) -> Portfolio:
    return Portfolio(siblings.portfolios.portfolio_id(number), siblings.portfolios.name(number))


def ids(found: Sequence[Matches[Security]]) -> list[list[str]]:
    return [[one.security_id for one in matches.items] for matches in found]


@pytest.mark.parametrize("over_grpc", [False, True])
def test_every_rule_over_both_transports(
    siblings: SimulatedSiblings, config: SiblingsConfig, *, over_grpc: bool
) -> None:
    if over_grpc:
        security, pricing, portfolio = (
            replace(each, base_url=siblings.grpc_url)
            for each in (config.security, config.pricing, config.portfolio)
        )
        config = replace(config, security=security, pricing=pricing, portfolio=portfolio)
    first, second, other = known(siblings, 0), known(siblings, 1), named(siblings, 3)
    beginning = other.portfolio_id[:16]
    with open_sources(config) as sources:
        found = securities(
            sources, first.security_id, second.ticker, second.ticker.lower(), first.security_id[:12], "none"
        )
        assert [one.items for one in found] == [(first,), (second,), (second,), (first,), ()]
        texts = [other.portfolio_id, other.name, other.name.upper(), beginning, "0" * 24]
        answers = portfolios(sources, *texts)
    every = tuple(named(siblings, number) for number in range(8))
    assert [one.items for one in answers] == [(other,), (other,), (other,), every, ()]
    assert not any(one.more for one in found)
    assert not any(one.more for one in answers)
    assert (siblings.calls("security"), siblings.calls("portfolio")) == ({"securities": 1}, {"portfolios": 1})


def test_two_securities_may_have_one_ticker(siblings: SimulatedSiblings, sources: Sources) -> None:
    price = known(siblings, 0)
    listed = [
        {"securityId": key, "ticker": ticker}
        for key, ticker in (("b" * 24, price.ticker), ("a" * 24, price.ticker), ("c" * 24, "other"))
    ]
    siblings.set_faults("security", [Fault(kind="body", body=json.dumps(listed))])
    twins = tuple(Security(key, price.ticker, price.price) for key in ("a" * 24, "b" * 24))
    assert securities(sources, price.ticker, "OTHER") == [
        Matches(price.ticker, twins),
        Matches("OTHER", (Security("c" * 24, "other", None),)),
    ]


def test_what_has_no_price_that_can_be_has_none(siblings: SimulatedSiblings, sources: Sources) -> None:
    first, second, third = (known(siblings, number) for number in range(3))
    siblings.override_price(first.security_id, None)
    siblings.override_price(second.security_id, "-1")
    found = securities(sources, first.ticker, second.ticker, third.ticker)
    prices = [one.price for matches in found for one in matches.items]
    assert prices == [None, None, third.price]
    assert isinstance(third.price, Decimal)


def test_a_refused_list_leaves_ids(siblings: SimulatedSiblings, sources: Sources) -> None:
    """One security without a type turns the list into a 400; it is itself not found."""
    first, second, orphan = (known(siblings, number) for number in range(3))
    siblings.orphan_security(orphan.security_id)
    found = securities(sources, second.security_id, "0" * 24, orphan.security_id, first.security_id)
    assert [one.items for one in found] == [(second,), (), (), (first,)]
    with pytest.raises(BadData) as refused:
        securities(sources, first.security_id, second.ticker, first.security_id[:12])
    assert [one.subject for one in refused.value.violations] == [second.ticker, first.security_id[:12]]
    assert "give ids of 24 alphanumeric characters" in refused.value.message
    assert siblings.calls("security") == {"securities": 1, "security": 4}


def test_an_id_of_which_nobody_can_say_what_it_is_is_told(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    """The real service answers 500 for an id of another form, as for a failure of its own."""
    siblings.orphan_security(known(siblings, 2).security_id)
    strange = "Z" * 24
    with pytest.raises(BadData) as told:
        securities(sources, known(siblings, 0).security_id, strange)
    assert [one.subject for one in told.value.violations] == [strange]
    assert told.value.metadata["service"] == "security"


@pytest.mark.parametrize("service", ["security", "pricing"])
def test_securities_without_a_service_are_unavailable(
    siblings: SimulatedSiblings, sources: Sources, service: str
) -> None:
    siblings.set_faults("security" if service == "security" else "pricing", [Fault(kind="status")])
    with pytest.raises(SiblingUnavailable) as down:
        securities(sources, known(siblings, 0).ticker)
    assert down.value.metadata == {"service": service}


def test_a_refused_list_of_portfolios_is_unavailable(siblings: SimulatedSiblings, sources: Sources) -> None:
    """Ids as well: no list tells whether there are such portfolios."""
    siblings.set_faults("portfolio", [Fault(kind="status", status=400)])
    for _ in range(2):
        with pytest.raises(SiblingUnavailable, match="status 400: try again") as down:
            portfolios(sources, named(siblings, 0).portfolio_id)
    assert "give ids" in down.value.message
    assert siblings.calls("portfolio") == {"portfolios": 1}


def test_slow_names_are_waited_for(siblings: SimulatedSiblings, sources: Sources) -> None:
    """All callers together, ten times as long as who can do without names."""
    slow = Fault(kind="delay", endpoint="portfolios", delay_seconds=SLOW_SECONDS)
    siblings.set_faults("portfolio", [slow])
    one = named(siblings, 2)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(portfolios, sources, one.name) for _ in range(8)]
        assert [call.result(timeout=LONG) for call in calls] == [[Matches(one.name, (one,))]] * 8
    assert siblings.calls("portfolio") == {"portfolios": 1}


def test_names_that_outlast_a_caller_reach_the_next(siblings: SimulatedSiblings, sources: Sources) -> None:
    slow = Fault(kind="delay", endpoint="portfolios", delay_seconds=SLOW_SECONDS)
    siblings.set_faults("portfolio", [slow])
    one = named(siblings, 0)
    with pytest.raises(DeadlineExceeded):
        portfolios(sources, one.name, seconds=SLOW_SECONDS / 10)
    assert portfolios(sources, one.name) == [Matches(one.name, (one,))]
    assert siblings.calls("portfolio") == {"portfolios": 1}


def test_a_hundred_callers_take_one_reading(siblings: SimulatedSiblings, sources: Sources) -> None:
    asked = [known(siblings, number).ticker for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: ids(securities(sources, *asked)), range(100)))
    assert found == [[[known(siblings, number).security_id] for number in range(20)]] * 100
    assert (siblings.calls("security"), siblings.calls("pricing")) == ({"securities": 1}, {"prices": 1})


def test_a_new_ticker_is_found_once_the_list_is_looked_at_again(
    siblings: SimulatedSiblings, config: SiblingsConfig
) -> None:
    with open_sources(replace(config, cache=CacheConfig(refresh_seconds=0))) as sources:
        old = {"securityId": "a" * 24, "ticker": "OLD"}
        new = {"securityId": "b" * 24, "ticker": "NEW"}
        siblings.set_faults("security", [Fault(kind="body", body=json.dumps([old]))])
        assert ids(securities(sources, "OLD", "NEW")) == [["a" * 24], []]
        siblings.set_faults("security", [Fault(kind="body", body=json.dumps([old, new]))])
        assert eventually(lambda: ids(securities(sources, "OLD", "NEW")) == [["a" * 24], ["b" * 24]], LONG)
