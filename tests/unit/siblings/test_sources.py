"""The two sources over readers that stand in for any transport."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import TypeVar

import pytest

from ordergen_server.domain.errors import BadData, MissingData, SiblingUnavailable
from ordergen_server.domain.market import Holdings, NoPrice, Price, Quote, Quoted
from ordergen_server.domain.references import Portfolio, Security
from ordergen_server.siblings import tickers
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Flaw, unavailable
from ordergen_server.siblings.market import SiblingMarketSource
from ordergen_server.siblings.portfolios import SiblingPortfolioSource
from tests.limits import PATIENCE

Value = TypeVar("Value")
DAY = date(2026, 3, 1)
CACHE = CacheConfig(tickers_ttl_seconds=600, prices_ttl_seconds=60, refresh_seconds=30)


class FakeReader:
    """Reads from memory, counts, and is down when told."""

    def __init__(self) -> None:
        self.breaker = CircuitBreaker("any", failures=1, failing_seconds=0, reset_seconds=1)
        self.tickers: dict[str, str | Flaw] = {"A": "AAA"}
        self.prices: dict[str, Price | Flaw] = {"AAA": Price(Decimal("1.5"), DAY)}
        self.names = {"P": "Growth"}
        self.refuses_to_list = False
        self.calls: list[str] = []
        self.is_down = False
        self.is_closed = False

    def read_tickers(self, deadline: Deadline) -> Mapping[str, str | Flaw] | None:
        tickers = self._answer("tickers", self.tickers, deadline)
        return None if self.refuses_to_list else tickers

    def read_ticker(self, security_id: str, deadline: Deadline) -> str | Flaw | None:
        return self._answer(f"ticker {security_id}", self.tickers, deadline).get(security_id)

    def read_prices(self, deadline: Deadline) -> Mapping[str, Price | Flaw]:
        return self._answer("prices", self.prices, deadline)

    def read_names(self, deadline: Deadline) -> Mapping[str, str]:
        return self._answer("names", self.names, deadline)

    def read_holdings(self, portfolio_id: str, deadline: Deadline) -> Holdings:
        del deadline
        return Holdings(portfolio_id, Decimal(1), {})

    def look(self, timeout_seconds: float) -> None:
        self._answer("look", {}, Deadline(timeout_seconds))

    def close(self) -> None:
        self.is_closed = True

    def _answer(self, what: str, values: dict[str, Value], deadline: Deadline) -> Mapping[str, Value]:
        assert deadline.remaining_seconds > 0
        self.calls.append(what)
        if self.is_down:
            raise unavailable("any", "is down", 1.0)
        return dict(values)


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def market(reader: FakeReader, clock: FakeClock) -> SiblingMarketSource:
    return SiblingMarketSource(reader, reader, CACHE, clock)


@pytest.fixture
def portfolios(reader: FakeReader, clock: FakeClock) -> SiblingPortfolioSource:
    return SiblingPortfolioSource(reader, reader, CACHE, clock)


def told(found: Quoted) -> tuple[str, type, str]:
    assert isinstance(found, NoPrice)
    return found.ticker, type(found.problem), str(found.problem)


def test_tickers_and_prices_are_joined(reader: FakeReader, market: SiblingMarketSource) -> None:
    reader.tickers |= {"B": "BBB", "C": Flaw("[2].ticker", "must be a string, not 7"), "D": "DDD"}
    reader.prices |= {"DDD": Flaw("[1].close", "must be above 0, not 0")}
    quotes = market.snapshot(5).quotes
    assert Quote("AAA", Decimal("1.5"), DAY) == quotes["A"]
    assert told(quotes["B"])[:2] == ("BBB", MissingData)
    assert isinstance(quotes["C"], BadData), "of a security, whatever its price is"
    problem = (
        "Security D: the pricing service answered [1].close: must be above 0, not 0; if it stays so,"
        " it must be mended there."
    )
    assert told(quotes["D"]) == ("DDD", BadData, problem)
    assert (
        str(quotes["C"]) == "Security C: the security service answered [2].ticker: must be a string, not 7;"
        " if it stays so, it must be mended there."
    )


def test_prices_and_tickers_age_apart(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    for clock.now in range(0, 1200, 10):
        market.snapshot(5)
    assert (reader.calls.count("prices"), reader.calls.count("tickers")) == (20, 2)


def test_a_new_security_is_found_before_the_ttl_but_not_on_every_call(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    market.snapshot(5, ["A"])
    reader.tickers["B"] = "AAA"
    for _ in range(10):
        market.snapshot(5, ["A", "B"])
    assert reader.calls.count("tickers") == 1
    clock.now += 30
    assert Decimal("1.5") == market.snapshot(5, ["A", "B"]).quote("B").price
    for _ in range(10):
        market.snapshot(5, ["A", "unknown"])
    assert reader.calls.count("tickers") == 2


def test_an_early_look_that_fails_leaves_what_is_known(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    market.snapshot(5)
    clock.now += 30
    reader.is_down = True
    for _ in range(10):
        assert market.snapshot(5, ["unknown"]).quote("A").ticker == "AAA"
    assert reader.calls.count("tickers") == 2


def test_without_a_list_what_is_needed_is_read_one_by_one(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    """Each once a TTL, the list looked for again now and then; what is not there may come soon."""
    reader.refuses_to_list = True
    reader.tickers["B"] = "AAA"
    for clock.now in range(1000, 1060, 10):
        snapshot = market.snapshot(5, ["A", "B", "unknown"])
        assert [Quote, Quote, MissingData] == [type(snapshot.quotes[one]) for one in ("A", "B", "unknown")]
    counts = {one: reader.calls.count(one) for one in reader.calls}
    assert counts == {"tickers": 2, "prices": 1, "ticker A": 1, "ticker B": 1, "ticker unknown": 2}
    clock.now += 600
    market.snapshot(5, ["A"])
    assert reader.calls.count("ticker A") == 2


def test_a_list_that_is_there_again_is_used(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    reader.refuses_to_list = True
    assert market.snapshot(5, ["A"]).prices is not None
    reader.refuses_to_list = False
    clock.now += 30
    assert market.snapshot(5, ["A"]).prices is None
    assert reader.calls.count("ticker A") == 1


def test_a_bad_price_keeps_its_reason_without_a_list(reader: FakeReader, market: SiblingMarketSource) -> None:
    reader.refuses_to_list = True
    reader.prices["AAA"] = Flaw("[1].close", "must be above 0, not 0")
    snapshot = market.snapshot(5)
    found = market.quotes(snapshot, ["A"], 5)["A"]
    problem = (
        "Ticker AAA: the pricing service answered [1].close: must be above 0, not 0; if it stays so,"
        " it must be mended there."
    )
    assert told(found) == ("AAA", BadData, problem)


def test_one_by_one_a_sibling_that_is_down_is_down(reader: FakeReader, market: SiblingMarketSource) -> None:
    reader.refuses_to_list = True
    snapshot = market.snapshot(5)
    reader.is_down = True
    with pytest.raises(SiblingUnavailable):
        market.quotes(snapshot, ["A"], 5)


def test_an_old_price_is_never_used(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    market.snapshot(5)
    reader.is_down = True
    clock.now += 60
    with pytest.raises(SiblingUnavailable):
        market.snapshot(5)


def test_a_hundred_callers_take_one_snapshot(reader: FakeReader, market: SiblingMarketSource) -> None:
    arrived = threading.Barrier(100)

    def call() -> int:
        arrived.wait(timeout=PATIENCE)
        return id(market.snapshot(5).quotes["A"])

    with ThreadPoolExecutor(100) as pool:
        calls = [pool.submit(call) for _ in range(100)]
        assert all(call.result(timeout=PATIENCE) for call in calls)
    assert sorted(reader.calls) == ["prices", "tickers"]


def test_names_are_read_once(reader: FakeReader, portfolios: SiblingPortfolioSource) -> None:
    assert [portfolios.name(each, 5) for each in ("P", "unknown", "P")] == ["Growth", "", "Growth"]
    assert reader.calls == ["names"]


def test_a_new_portfolio_is_found_before_the_ttl(
    reader: FakeReader, portfolios: SiblingPortfolioSource, clock: FakeClock
) -> None:
    portfolios.name("P", 5)
    reader.names["Q"] = "New"
    clock.now += 30
    assert portfolios.name("Q", 5) == "New"


def test_names_pause_after_a_failure(
    reader: FakeReader, portfolios: SiblingPortfolioSource, clock: FakeClock
) -> None:
    reader.is_down = True
    assert {""} == {portfolios.name("P", 5) for _ in range(10)}
    assert reader.calls == ["names"]
    reader.is_down = False
    clock.now += 30
    assert portfolios.name("P", 5) == "Growth"


def test_what_metrics_will_read(market: SiblingMarketSource, portfolios: SiblingPortfolioSource) -> None:
    market.snapshot(5)
    states = {**market.breakers, **portfolios.breakers}
    assert {"security", "pricing", "portfolio-accounting", "portfolio"} == set(states)
    assert {key: state.reads for key, state in market.caches.items()} == {"security": 1, "pricing": 1}
    assert {key: state.reads for key, state in portfolios.caches.items()} == {"portfolio": 0}


def test_closing_closes_the_readers(reader: FakeReader, market: SiblingMarketSource) -> None:
    market.close()
    assert reader.is_closed


def found(source: SiblingMarketSource, asked: str, *needed: str) -> tuple[Security, ...]:
    return source.securities(needed, 5).find(asked).items


def test_securities_have_what_can_be_of_them(reader: FakeReader, market: SiblingMarketSource) -> None:
    reader.tickers |= {"B": "BBB", "C": Flaw("[2].ticker", "must be a string, not 7"), "D": "DDD"}
    reader.prices |= {"DDD": Flaw("[1].close", "must be above 0, not 0")}
    expected = [
        Security("A", "AAA", Decimal("1.5")),
        Security("B", "BBB", None),
        Security("C", "", None),
        Security("D", "DDD", None),
    ]
    assert [found(market, one) for one in "ABCD"] == [(one,) for one in expected]
    assert found(market, "aaa") == (expected[0],)


def test_a_directory_is_made_once_of_what_snapshots_are_made_of(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    market.snapshot(5)
    made = market.securities((), 5)
    assert market.securities((), 5) is made
    assert sorted(reader.calls) == ["prices", "tickers"]
    clock.now += 60
    assert market.securities((), 5) is not made
    assert sorted(reader.calls) == ["prices", "prices", "tickers"]


def test_a_new_ticker_is_found_before_the_ttl_but_not_on_every_call(
    reader: FakeReader, market: SiblingMarketSource, clock: FakeClock
) -> None:
    market.securities((), 5)
    reader.tickers["B"] = "BBB"
    assert [found(market, "BBB", "BBB") for _ in range(10)] == [()] * 10
    clock.now += 30
    assert found(market, "BBB", "BBB") == (Security("B", "BBB", None),)
    assert [found(market, "CCC", "CCC") for _ in range(10)] == [()] * 10
    assert reader.calls.count("tickers") == 2


def test_without_a_list_ids_alone_are_found(reader: FakeReader, market: SiblingMarketSource) -> None:
    known, unknown = "A" * 24, "B" * 24
    reader.refuses_to_list = True
    reader.tickers = {known: "AAA"}
    directory = market.securities([known, unknown], 5)
    assert directory.find(known).items == (Security(known, "AAA", Decimal("1.5")),)
    assert directory.find(unknown).items == ()
    assert found(market, known) == ()  # as long as nobody needs it


def test_without_a_list_what_is_no_id_is_refused_before_anything_is_read(
    reader: FakeReader, market: SiblingMarketSource
) -> None:
    reader.refuses_to_list = True
    with pytest.raises(BadData) as refused:
        market.securities(["A" * 24, "AAA", "BBB"], 5)
    assert refused.value.message == (
        "The security service refuses to list its securities, because of one that breaks its rules:"
        " give ids of 24 alphanumeric characters, or have that one mended there."
    )
    assert [one.subject for one in refused.value.violations] == ["AAA", "BBB"]
    assert refused.value.metadata == {"service": "security"}
    assert sorted(reader.calls) == ["prices", "tickers"]


def test_without_a_list_a_record_that_cannot_be_read_is_told(
    reader: FakeReader, market: SiblingMarketSource
) -> None:
    good, bad, worse = ("A" * 24, "B" * 24, "C" * 24)
    reader.refuses_to_list = True
    reader.tickers = {
        good: "AAA",
        bad: Flaw("status", "answered with status 500"),
        worse: Flaw("body", "answered what is not JSON"),
    }
    with pytest.raises(BadData) as told:
        market.securities([good, bad, worse], 5)
    assert told.value.message.startswith(f"Security {bad}: the security service answered status:")
    assert [one.subject for one in told.value.violations] == [bad, worse]


def test_what_was_read_one_by_one_is_not_kept_without_a_bound(
    reader: FakeReader, market: SiblingMarketSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickers, "MAXIMUM_KEPT", 3)
    reader.refuses_to_list = True
    asked = [letter * 24 for letter in "ABCDE"]
    reader.tickers = dict.fromkeys(asked, "AAA")
    for reads in (5, 7):
        directory = market.securities(asked, 5)
        assert [len(directory.find(one).items) for one in asked] == [1] * 5
        assert sum(one.startswith("ticker ") for one in reader.calls) == reads


def test_portfolios_are_found_by_name(
    reader: FakeReader, portfolios: SiblingPortfolioSource, clock: FakeClock
) -> None:
    reader.names |= {"Q": "Growth", "R": "Income"}
    made = portfolios.portfolios((), PATIENCE)
    assert made.find("growth").items == (Portfolio("P", "Growth"), Portfolio("Q", "Growth"))
    assert portfolios.portfolios(["none"], PATIENCE) is made
    reader.names["S"] = "none"
    clock.now += 30
    assert portfolios.portfolios(["none"], PATIENCE).find("none").items == (Portfolio("S", "none"),)
    assert reader.calls == ["names", "names"]


def test_portfolios_without_their_list_are_an_error(
    reader: FakeReader, portfolios: SiblingPortfolioSource
) -> None:
    reader.is_down = True
    with pytest.raises(SiblingUnavailable, match="give ids there"):
        portfolios.portfolios((), PATIENCE)
