"""Every fault of pricing and security, played by the sandbox, and what a snapshot makes of it."""

import time
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.errors import BadData, DeadlineExceeded, MissingData, SiblingUnavailable
from ordergen_server.domain.market import MarketSource, NoPrice, PortfolioSource, Quote
from ordergen_server.sandbox.services.faults import Fault, ServiceName
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingsConfig, Sources, open_sources
from tests.integration.siblings.broken import BOUND_SECONDS, BROKEN, PATIENT


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
    assert time.monotonic() - started < BOUND_SECONDS
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
    assert time.monotonic() - started < BOUND_SECONDS
    assert caught.value.retry_after_seconds == 60.0


def test_an_outage_opens_the_breaker_and_its_end_closes_it(
    siblings: SimulatedSiblings, config: SiblingsConfig
) -> None:
    eager = replace(
        config.pricing, breaker_failures=3, breaker_failing_seconds=0.0, breaker_reset_seconds=2.0
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
        time.sleep(2.0)
        assert len(sources.market.snapshot(PATIENT).quotes) == 20
        assert [state.value for state in sources.market.breakers.values()] == ["CLOSED", "CLOSED"]


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
        str(quotes["B"]) == "Security B: the security service answered [1].ticker: must be a string, not 7;"
        " if it stays so, it must be mended there."
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
    unpriced = quotes["A"]
    assert isinstance(unpriced, NoPrice)
    assert (
        str(unpriced.problem)
        == "Security A: the pricing service answered list: must have 'AAA' once, and has it again;"
        " if it stays so, it must be mended there."
    )
    assert (
        str(quotes["B"])
        == "Security B: the security service answered list: must have 'B' once, and has it again;"
        " if it stays so, it must be mended there."
    )
