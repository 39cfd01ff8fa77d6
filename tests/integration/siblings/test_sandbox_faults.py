"""Every fault of a sibling, played by the sandbox, and what a caller meets."""

import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.errors import (
    BadData,
    DeadlineExceeded,
    MissingData,
    SiblingUnavailable,
    Violation,
)
from ordergen_server.domain.market import Holdings, MarketSource, PortfolioSource, Quote
from ordergen_server.sandbox.faults import Fault, ServiceName
from ordergen_server.sandbox.simulated import SimulatedSiblings
from ordergen_server.siblings import CacheConfig, SiblingConfig, SiblingsConfig, Sources, open_sources

PATIENT = 10.0


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=8, positions=10, securities=20) as siblings:
        yield siblings


@pytest.fixture
def siblings(running: SimulatedSiblings) -> SimulatedSiblings:
    running.clear()
    return running


@pytest.fixture
def config(siblings: SimulatedSiblings) -> SiblingsConfig:
    """Impatient: an attempt takes 0.5 s at most, and pauses are short."""

    def at(url: str) -> SiblingConfig:
        return SiblingConfig(url, timeout_seconds=0.5, backoff_seconds=0.02, pool_size=4)

    return SiblingsConfig(
        portfolio_accounting=at(siblings.accounting_url),
        pricing=at(siblings.pricing_url),
        security=at(siblings.security_url),
        portfolio=at(siblings.portfolio_url),
        cache=CacheConfig(),
    )


@pytest.fixture
def sources(config: SiblingsConfig) -> Iterator[Sources]:
    with open_sources(config) as sources:
        yield sources


def portfolio_of(siblings: SimulatedSiblings) -> str:
    return siblings.model.portfolio_ids[0]


def test_the_sources_are_those_of_the_domain(sources: Sources) -> None:
    market: MarketSource = sources.market
    portfolios: PortfolioSource = sources.portfolios
    assert (market, portfolios) == (sources.market, sources.portfolios)


def test_a_snapshot_is_two_calls_however_often_it_is_taken(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    first = sources.market.snapshot(PATIENT)
    assert first is sources.market.snapshot(PATIENT)
    assert len(first.quotes) == 20
    assert siblings.calls("security") == {"securities": 1}
    assert siblings.calls("pricing") == {"prices": 1}


def test_prices_are_exact(siblings: SimulatedSiblings, sources: Sources) -> None:
    security_id = siblings.model.positions[0].security_id
    siblings.override_price(security_id, "1234567890.12345678")
    assert Decimal("1234567890.12345678") == sources.market.snapshot(PATIENT).quote(security_id).price


@pytest.mark.parametrize(
    ("price", "rule"),
    [
        ("NaN", "must be a number, not 'NaN'"),
        ("-Infinity", "must be a number, not '-Infinity'"),
        ('"NaN"', "must be a number, not 'NaN'"),
        ("-1", "must be above 0, not -1"),
        ("0", "must be above 0, not 0"),
        ("1e400000", "must be a number, not '1e400000'"),
        ("null", "must be a number, not 'null'"),
        ('"12,5"', "must be a number, not '12,5'"),
        ("{}", "must be a number, not '{}'"),
        ("0.000000001", "must have at most 8 decimals, not 1E-9"),
    ],
)
def test_a_bad_price_spoils_its_security_alone(
    siblings: SimulatedSiblings, sources: Sources, price: str, rule: str
) -> None:
    security_id = siblings.model.positions[0].security_id
    siblings.override_price(security_id, price)
    snapshot = sources.market.snapshot(PATIENT)
    with pytest.raises(BadData) as caught:
        snapshot.quote(security_id)
    violation = caught.value.violations[0]
    assert (violation.subject, violation.kind) == (security_id, "BAD_DATA")
    assert violation.rule.endswith(rule)
    assert caught.value.metadata["service"] == "pricing"
    assert sum(isinstance(quote, Quote) for quote in snapshot.quotes.values()) == 19


def test_a_missing_price_and_an_unknown_security_are_missing_data(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    unpriced, unknown = (position.security_id for position in siblings.model.positions[:2])
    siblings.override_price(unpriced, None)
    siblings.forget_security(unknown)
    snapshot = sources.market.snapshot(PATIENT)
    for security_id, service in ((unpriced, "pricing"), (unknown, "security")):
        with pytest.raises(MissingData) as caught:
            snapshot.quote(security_id)
        assert caught.value.metadata == {"service": service, "security_id": security_id}


BROKEN = [
    Fault(kind="status", status=500),
    Fault(kind="status", status=503),
    Fault(kind="hang"),
    Fault(kind="stall"),
    Fault(kind="reset"),
    Fault(kind="truncate"),
    Fault(kind="garbage"),
    Fault(kind="body", body='{"not": "a list"}'),
    Fault(kind="body", body="[" * 100_000),
]


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.body[:2]}")
@pytest.mark.parametrize(("service", "name"), [("pricing", "pricing"), ("security", "security")])
def test_a_broken_list_makes_the_service_unavailable_after_three_attempts(
    siblings: SimulatedSiblings, sources: Sources, fault: Fault, service: ServiceName, name: str
) -> None:
    siblings.set_faults(service, [fault])
    with pytest.raises(SiblingUnavailable) as caught:
        sources.market.snapshot(PATIENT)
    assert caught.value.metadata == {"service": name}
    assert caught.value.retry_after_seconds == 4.0
    assert sum(siblings.calls(service).values()) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=502, times=2),
        Fault(kind="reset", times=2),
        Fault(kind="garbage", times=2),
        Fault(kind="hang", times=1),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_hiccup_is_survived(siblings: SimulatedSiblings, sources: Sources, fault: Fault) -> None:
    siblings.set_faults("pricing", [fault])
    assert len(sources.market.snapshot(PATIENT).quotes) == 20


@pytest.mark.parametrize("fault", [Fault(kind="hang"), Fault(kind="stall")], ids=lambda fault: fault.kind)
def test_the_deadline_is_kept(siblings: SimulatedSiblings, sources: Sources, fault: Fault) -> None:
    siblings.set_faults("pricing", [fault])
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        sources.market.snapshot(0.3)
    assert time.monotonic() - started < 0.6
    assert caught.value.metadata == {"service": "pricing"}


@pytest.mark.parametrize("status", [400, 403, 404, 301])
def test_a_list_that_is_refused_is_not_asked_for_again(
    siblings: SimulatedSiblings, sources: Sources, status: int
) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=status)])
    with pytest.raises(SiblingUnavailable):
        sources.market.snapshot(PATIENT)
    assert siblings.calls("pricing") == {"prices": 1}


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected_within_the_deadline(
    siblings: SimulatedSiblings, sources: Sources, status: int
) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=status, retry_after_seconds=1, times=1)])
    started = time.monotonic()
    sources.market.snapshot(PATIENT)
    assert time.monotonic() - started >= 1.0


def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=503, retry_after_seconds=60)])
    started = time.monotonic()
    with pytest.raises(SiblingUnavailable) as caught:
        sources.market.snapshot(PATIENT)
    assert time.monotonic() - started < 1.0
    assert caught.value.retry_after_seconds == 60.0


def test_an_outage_opens_the_breaker_and_its_end_closes_it(
    siblings: SimulatedSiblings, config: SiblingsConfig
) -> None:
    eager = replace(
        config.pricing, breaker_failures=3, breaker_failing_seconds=0.0, breaker_reset_seconds=0.3
    )
    siblings.set_faults("pricing", [Fault(kind="status", status=500)])
    with open_sources(replace(config, pricing=eager)) as sources:
        with pytest.raises(SiblingUnavailable):
            sources.market.snapshot(PATIENT)
        with pytest.raises(SiblingUnavailable) as caught:
            sources.market.snapshot(PATIENT)
        assert "circuit breaker" in caught.value.message
        assert siblings.calls("pricing")["prices"] == 3
        siblings.set_faults("pricing", [])
        time.sleep(0.3)
        assert len(sources.market.snapshot(PATIENT).quotes) == 20
        assert [state.value for state in sources.market.breakers.values()] == ["CLOSED", "CLOSED"]


def test_holdings_of_an_unknown_portfolio_are_new_and_no_failure(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    """Not even a hundred of them open the breaker."""
    for _ in range(100):
        assert Holdings("0" * 24, Decimal(0), {}, is_new=True) == sources.portfolios.holdings(
            "0" * 24, PATIENT
        )
    assert sources.portfolios.holdings(siblings.model.portfolio_ids[0], PATIENT).quantities


def test_holdings_are_exact(siblings: SimulatedSiblings, sources: Sources) -> None:
    portfolio_id = portfolio_of(siblings)
    lines = (
        '{"securityId": "A", "quantityLong": 9, "netQuantity": "-1.50"},'
        '{"securityId": "B", "netQuantity": 1E3, "unknown": [NaN]}'
    )
    body = f'{{"portfolioId": "{portfolio_id}", "cashBalance": -0.10, "securities": [{lines}]}}'
    siblings.override_summary(portfolio_id, body)
    expected = Holdings(portfolio_id, Decimal("-0.10"), {"A": Decimal("-1.50"), "B": Decimal("1E3")})
    assert expected == sources.portfolios.holdings(portfolio_id, PATIENT)


LINE = '{"securityId": "A", "netQuantity": 1}'


def summary(lines: str = "[]", cash: str = "1", portfolio_id: str = '"?"') -> str:
    """A summary, `?` standing for the portfolio asked for."""
    return f'{{"portfolioId": {portfolio_id}, "cashBalance": {cash}, "securities": {lines}}}'


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('{"portfolioId": "?", "securities": []}', "cashBalance: must be there"),
        (summary(cash="NaN"), "cashBalance: must be a number, not 'NaN'"),
        (summary("null"), "securities: Expected `array`, got `null`"),
        (summary("[7]"), "securities[0]: Expected `object`, got `int`"),
        (summary('[{"netQuantity": 1}]'), "securities[0]: Object missing required field `securityId`"),
        (summary(f"[{LINE}, {LINE}]"), "securities[1]: must have 'A' once, and has it again"),
        (summary(portfolio_id='"x"'), "portfolioId: must be the portfolio asked for, not 'x'"),
        (summary(portfolio_id="5"), "portfolioId: must be a string, not 5"),
        (summary(portfolio_id='" "'), "portfolioId: must not be blank, not ' '"),
        ("[]", "body: Expected `object`, got `array`"),
        ("<html>", "body: answered what is not JSON: JSON is malformed: invalid character (byte 0)"),
        ("", "body: answered what is not JSON: Input data was truncated"),
    ],
)
def test_a_bad_summary_is_bad_data_of_its_portfolio(
    siblings: SimulatedSiblings, sources: Sources, body: str, rule: str
) -> None:
    portfolio_id = portfolio_of(siblings)
    siblings.override_summary(portfolio_id, body.replace("?", portfolio_id))
    with pytest.raises(BadData) as caught:
        sources.portfolios.holdings(portfolio_id, PATIENT)
    whole = f"the portfolio-accounting service answered {rule}"
    assert caught.value.violations == (Violation(portfolio_id, whole, "BAD_DATA"),)


def test_a_bad_quantity_is_bad_data_of_its_security(siblings: SimulatedSiblings, sources: Sources) -> None:
    portfolio_id = portfolio_of(siblings)
    lines = f'[{LINE}, {{"securityId": "B", "netQuantity": "many"}}]'
    siblings.override_summary(portfolio_id, summary(lines).replace("?", portfolio_id))
    with pytest.raises(BadData) as caught:
        sources.portfolios.holdings(portfolio_id, PATIENT)
    rule = "the portfolio-accounting service answered securities[1].netQuantity: must be a number, not 'many'"
    assert caught.value.violations == (Violation("B", rule, "BAD_DATA"),)


def test_a_huge_summary_is_read_and_one_without_end_is_not(
    siblings: SimulatedSiblings, config: SiblingsConfig
) -> None:
    portfolio_id = portfolio_of(siblings)
    lines = [{"securityId": f"{number:024d}", "netQuantity": str(number)} for number in range(20_000)]
    siblings.override_summary(
        portfolio_id, {"portfolioId": portfolio_id, "cashBalance": "1", "securities": lines}
    )
    with open_sources(config) as sources:
        assert len(sources.portfolios.holdings(portfolio_id, PATIENT).quantities) == 20_000
    small = replace(config.portfolio_accounting, maximum_body_bytes=100_000)
    with open_sources(replace(config, portfolio_accounting=small)) as sources:
        with pytest.raises(BadData, match="more than 100000 bytes"):
            sources.portfolios.holdings(portfolio_id, PATIENT)
        siblings.override_summary(portfolio_id, None)
        assert sources.portfolios.holdings(portfolio_id, PATIENT).is_new


@pytest.mark.parametrize("fault", BROKEN[:6], ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_accounting_that_is_down_is_unavailable(
    siblings: SimulatedSiblings, sources: Sources, fault: Fault
) -> None:
    """And its connections come back: the pool has four, and twenty more calls find one each."""
    siblings.set_faults("accounting", [fault])
    with pytest.raises(SiblingUnavailable) as caught:
        sources.portfolios.holdings(portfolio_of(siblings), PATIENT)
    assert caught.value.metadata == {"service": "portfolio-accounting"}
    siblings.clear()
    for _ in range(20):
        assert sources.portfolios.holdings(portfolio_of(siblings), PATIENT).quantities


def test_names_are_one_call(siblings: SimulatedSiblings, sources: Sources) -> None:
    names = [sources.portfolios.name(each, PATIENT) for each in siblings.model.portfolio_ids]
    assert all(names)
    assert sources.portfolios.name("0" * 24, PATIENT) == ""
    assert siblings.calls("portfolio") == {"portfolios": 1}


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.body[:2]}")
def test_names_never_fail_and_failing_is_not_repeated(
    siblings: SimulatedSiblings, sources: Sources, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    siblings.set_faults("portfolio", [fault])
    assert [sources.portfolios.name(each, PATIENT) for each in siblings.model.portfolio_ids[:3]] == [
        "",
        "",
        "",
    ]
    assert sum(siblings.calls("portfolio").values()) == 3
    assert sum("no names" in each.message for each in caplog.records) == 1


def test_records_that_name_nothing_are_logged_and_spoil_nothing(
    siblings: SimulatedSiblings, sources: Sources, caplog: pytest.LogCaptureFixture
) -> None:
    prices = '[7, null, {"close": 1}, {"ticker": 5, "close": 1}, {"ticker": "AAA", "close": 1.5}]'
    securities = '[{"securityId": "A", "ticker": "AAA"}, {"securityId": "B", "ticker": 7}, {"ticker": "AAB"}]'
    siblings.set_faults("pricing", [Fault(kind="body", body=prices)])
    siblings.set_faults("security", [Fault(kind="body", body=securities)])
    quotes = sources.market.snapshot(PATIENT).quotes
    assert Quote("AAA", Decimal("1.5")) == quotes["A"]
    assert (
        str(quotes["B"]) == "Security B: the security service answered [1].ticker: must be a string, not 7."
    )
    logged = [each.message for each in caplog.records]
    assert logged == ["security: 1 records that name nothing", "pricing: 4 records that name nothing"]


def test_what_is_there_twice_is_not_guessed(siblings: SimulatedSiblings, sources: Sources) -> None:
    securities = (
        '[{"securityId": "A", "ticker": "AAA"}, {"securityId": "B", "ticker": "AAB"},'
        ' {"securityId": "B", "ticker": "AAB"}]'
    )
    prices = '[{"ticker": "AAA", "close": 1}, {"ticker": "AAA", "close": 1}]'
    siblings.set_faults("security", [Fault(kind="body", body=securities)])
    siblings.set_faults("pricing", [Fault(kind="body", body=prices)])
    quotes = sources.market.snapshot(PATIENT).quotes
    assert (
        str(quotes["A"])
        == "Security A: the pricing service answered list: must have 'AAA' once, and has it again."
    )
    assert (
        str(quotes["B"])
        == "Security B: the security service answered list: must have 'B' once, and has it again."
    )


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 2e-3])
def test_hardly_any_time_is_a_deadline_exceeded(
    siblings: SimulatedSiblings, sources: Sources, seconds: float
) -> None:
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.1)])
    for _ in range(20):
        with pytest.raises(DeadlineExceeded):
            sources.portfolios.holdings(portfolio_of(siblings), seconds)


def test_names_that_are_no_names_are_empty(siblings: SimulatedSiblings, sources: Sources) -> None:
    names = '[{"portfolioId": "A", "name": 7}, {"portfolioId": "B"}, {"portfolioId": "C", "name": "Growth"}]'
    siblings.set_faults("portfolio", [Fault(kind="body", body=names)])
    assert [sources.portfolios.name(each, PATIENT) for each in "ABC"] == ["", "", "Growth"]


def test_slowness_within_the_limits_is_borne(siblings: SimulatedSiblings, sources: Sources) -> None:
    for service in ("accounting", "pricing", "security"):
        siblings.set_faults(service, [Fault(kind="delay", delay_seconds=0.2)])
    assert len(sources.market.snapshot(PATIENT).quotes) == 20
    assert sources.portfolios.holdings(portfolio_of(siblings), PATIENT).quantities


def test_an_empty_summary_is_an_empty_portfolio_and_not_a_new_one(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    portfolio_id = portfolio_of(siblings)
    siblings.override_summary(portfolio_id, summary(cash='"0"').replace("?", portfolio_id))
    assert Holdings(portfolio_id, Decimal(0), {}) == sources.portfolios.holdings(portfolio_id, PATIENT)
    siblings.override_summary(portfolio_id, "{}")
    with pytest.raises(BadData):
        sources.portfolios.holdings(portfolio_id, PATIENT)
