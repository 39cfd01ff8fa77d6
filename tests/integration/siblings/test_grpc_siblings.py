"""The siblings over gRPC: the same answers and the same errors as over HTTP."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import grpc
import pytest
from globeco.pricing.v1.pricing_service_pb2 import ListPricesRequest, ListPricesResponse
from globeco.pricing.v1.pricing_service_pb2_grpc import PricingServiceStub

from ordergen_server.domain.errors import (
    BadData,
    DeadlineExceeded,
    MissingData,
    SiblingUnavailable,
    Violation,
)
from ordergen_server.domain.market import Holdings, Quote
from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.portfolios import Kind, Portfolios
from ordergen_server.sandbox.services.answers import Answers
from ordergen_server.sandbox.services.faults import SERVICES, Fault, FaultBook
from ordergen_server.sandbox.services.grpc import GrpcSiblings
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingConfig, SiblingsConfig, Sources, open_sources
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.grpc_service import GrpcService
from ordergen_server.siblings.reading.grpc_readers import GrpcPriceReader
from tests.integration.siblings.broken import BOUND_SECONDS, PATIENT

PORTFOLIOS = Portfolios(Market.synthetic(seed=1, securities=20), count=12, positions=10)
FIRST = PORTFOLIOS.portfolio_id(0)
NEW = next(PORTFOLIOS.portfolio_id(number) for number in range(12) if PORTFOLIOS.kind(number) is Kind.NEW)


def at(url: str) -> SiblingConfig:
    return SiblingConfig(url, timeout_seconds=1.0, backoff_seconds=0.02, pool_size=4)


def all_at(url: str) -> SiblingsConfig:
    return SiblingsConfig(portfolio_accounting=at(url), pricing=at(url), security=at(url), portfolio=at(url))


def over_http(siblings: SimulatedSiblings) -> SiblingsConfig:
    return SiblingsConfig(
        portfolio_accounting=at(siblings.accounting_url),
        pricing=at(siblings.pricing_url),
        security=at(siblings.security_url),
        portfolio=at(siblings.portfolio_url),
    )


def served_here(port: int = 0) -> GrpcSiblings:
    books = {name: FaultBook() for name in SERVICES}
    return GrpcSiblings(Answers(PORTFOLIOS, Decimal(0)), books, port)


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=12, positions=10, securities=20) as siblings:
        yield siblings


@pytest.fixture
def sources(siblings: SimulatedSiblings) -> Iterator[Sources]:
    with open_sources(all_at(siblings.grpc_url)) as sources:
        yield sources


def test_nobody_can_tell_the_transports_apart(siblings: SimulatedSiblings, sources: Sources) -> None:
    """Every quote, every portfolio, every name is the same, down to the exponent of each number."""
    with open_sources(over_http(siblings)) as others:
        assert repr(dict(others.market.snapshot(PATIENT).quotes)) == repr(
            dict(sources.market.snapshot(PATIENT).quotes)
        )
        for portfolio_id in (*PORTFOLIOS.model.portfolio_ids, "0" * 24):
            expected = others.portfolios.holdings(portfolio_id, PATIENT)
            assert repr(expected) == repr(sources.portfolios.holdings(portfolio_id, PATIENT))
            expected_name = others.portfolios.name(portfolio_id, PATIENT)
            assert expected_name == sources.portfolios.name(portfolio_id, PATIENT)
    assert siblings.calls("pricing") == {"prices": 2}
    assert siblings.calls("accounting") == {"summary": 26, "balances": 2}  # of the two that have no rows
    assert siblings.calls("security") == {"securities": 2}


def test_the_transports_can_be_mixed(siblings: SimulatedSiblings) -> None:
    config = replace(all_at(siblings.grpc_url), pricing=at(siblings.pricing_url))
    with open_sources(config) as sources:
        assert sources.market.snapshot(PATIENT).quote(PORTFOLIOS.model.positions[0].security_id).price > 0


def test_an_overridden_summary_is_that_of_both_transports(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    lines = [{"securityId": "A", "netQuantity": "-1.50"}]
    siblings.override_summary(FIRST, {"portfolioId": FIRST, "cashBalance": "0.10", "securities": lines})
    expected = Holdings(FIRST, Decimal("0.10"), {"A": Decimal("-1.50")})
    assert expected == sources.portfolios.holdings(FIRST, PATIENT)
    siblings.override_summary(FIRST, None)
    assert Holdings(FIRST, Decimal(0), {}) == sources.portfolios.holdings(FIRST, PATIENT)
    siblings.override_summary(FIRST, "{")
    with pytest.raises(SiblingUnavailable):
        sources.portfolios.holdings(FIRST, PATIENT)


def test_a_fault_of_one_portfolio(siblings: SimulatedSiblings, sources: Sources) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", endpoint="summary", match=FIRST)])
    assert sources.portfolios.holdings(PORTFOLIOS.portfolio_id(1), PATIENT).quantities
    with pytest.raises(SiblingUnavailable):
        sources.portfolios.holdings(FIRST, PATIENT)


def test_a_portfolio_without_a_record_is_new(sources: Sources) -> None:
    assert Holdings(NEW, Decimal(0), {}) == sources.portfolios.holdings(NEW, PATIENT)


@pytest.mark.parametrize(
    ("price", "rule"),
    [
        ("NaN", "must be a number, not 'NaN'"),
        ("", "must be a number, not ''"),
        ("-1", "must be above 0, not -1"),
        ("1e400000", "must be a number, not '1e400000'"),
    ],
)
def test_a_bad_price_spoils_its_security_alone(
    siblings: SimulatedSiblings, sources: Sources, price: str, rule: str
) -> None:
    security_id = PORTFOLIOS.market.securities[3].security_id
    siblings.override_price(security_id, price)
    snapshot = sources.market.snapshot(PATIENT)
    with pytest.raises(BadData) as caught:
        snapshot.quote(security_id)
    whole = f"the pricing service answered prices[3].close: {rule}"
    assert caught.value.violations == (Violation(security_id, whole, "BAD_DATA"),)
    assert sum(isinstance(quote, Quote) for quote in snapshot.quotes.values()) == 19


def test_what_is_missing_is_missing_data(siblings: SimulatedSiblings, sources: Sources) -> None:
    unpriced, unknown = (each.security_id for each in PORTFOLIOS.market.securities[:2])
    siblings.override_price(unpriced, None)
    siblings.forget_security(unknown)
    snapshot = sources.market.snapshot(PATIENT)
    for security_id, service in ((unpriced, "pricing"), (unknown, "security")):
        with pytest.raises(MissingData) as caught:
            snapshot.quote(security_id)
        assert caught.value.metadata["service"] == service


BROKEN = [
    Fault(kind="status", status=500),
    Fault(kind="status", status=503),
    Fault(kind="status", status=599),
    Fault(kind="status", status=429),
    Fault(kind="hang"),
    Fault(kind="reset"),
    Fault(kind="garbage"),
]


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_a_broken_service_is_unavailable_after_three_attempts(
    siblings: SimulatedSiblings, sources: Sources, fault: Fault
) -> None:
    siblings.set_faults("pricing", [fault])
    siblings.set_faults("accounting", [fault])
    with pytest.raises(SiblingUnavailable) as caught:
        sources.market.snapshot(PATIENT)
    assert (caught.value.metadata, siblings.calls("pricing")) == ({"service": "pricing"}, {"prices": 3})
    with pytest.raises(SiblingUnavailable) as caught:
        sources.portfolios.holdings(FIRST, PATIENT)
    assert caught.value.metadata == {"service": "portfolio-accounting"}
    assert siblings.calls("accounting") == {"summary": 3}


def test_a_channel_that_closes_meanwhile_is_unavailable(siblings: SimulatedSiblings) -> None:
    channels: list[grpc.Channel] = []

    def method(
        channel: grpc.Channel,
    ) -> "grpc.UnaryUnaryMultiCallable[ListPricesRequest, ListPricesResponse]":
        channels.append(channel)
        return PricingServiceStub(channel).ListPrices

    service = GrpcService("pricing", at(siblings.grpc_url), method)
    channels[0].close()
    with pytest.raises(SiblingUnavailable, match="its channel is closed"):
        service.get(ListPricesRequest(), str, Deadline(PATIENT))
    service.close()


@pytest.mark.parametrize("fault", [Fault(kind="delay", delay_seconds=0.2), Fault(kind="stall", times=1)])
def test_slowness_within_the_limits_is_borne(
    siblings: SimulatedSiblings, sources: Sources, fault: Fault
) -> None:
    siblings.set_faults("accounting", [fault])
    assert sources.portfolios.holdings(FIRST, PATIENT).quantities


@pytest.mark.parametrize(
    "fault",
    [Fault(kind="status", status=503, times=2), Fault(kind="hang", times=1)],
    ids=lambda fault: fault.kind,
)
def test_a_hiccup_is_survived(siblings: SimulatedSiblings, sources: Sources, fault: Fault) -> None:
    siblings.set_faults("pricing", [fault])
    assert len(sources.market.snapshot(PATIENT).quotes) == 20


def test_the_deadline_is_kept(siblings: SimulatedSiblings, sources: Sources) -> None:
    siblings.set_faults("pricing", [Fault(kind="hang")])
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        sources.market.snapshot(0.3)
    assert time.monotonic() - started < BOUND_SECONDS
    assert caught.value.metadata == {"service": "pricing"}


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_is_not_repeated(siblings: SimulatedSiblings, sources: Sources, status: int) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=status)])
    siblings.set_faults("accounting", [Fault(kind="status", status=status)])
    with pytest.raises(SiblingUnavailable):
        sources.market.snapshot(PATIENT)
    with pytest.raises(BadData, match="answered with status"):
        sources.portfolios.holdings(FIRST, PATIENT)
    assert (siblings.calls("pricing"), siblings.calls("accounting")) == ({"prices": 1}, {"summary": 1})


def test_retry_info_is_respected_within_the_deadline(siblings: SimulatedSiblings, sources: Sources) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=503, retry_after_seconds=1, times=1)])
    started = time.monotonic()
    sources.market.snapshot(PATIENT)
    assert time.monotonic() - started >= 1.0
    siblings.set_faults("accounting", [Fault(kind="status", status=429, retry_after_seconds=60)])
    with pytest.raises(SiblingUnavailable) as caught:
        sources.portfolios.holdings(FIRST, PATIENT)
    assert caught.value.retry_after_seconds == 60.0


def test_names_never_fail(siblings: SimulatedSiblings, sources: Sources) -> None:
    siblings.set_faults("portfolio", [Fault(kind="status", status=503)])
    assert sources.portfolios.name(FIRST, PATIENT) == ""


def test_an_answer_that_is_too_long_is_refused(siblings: SimulatedSiblings) -> None:
    reader = GrpcPriceReader(replace(at(siblings.grpc_url), maximum_body_bytes=100))
    with pytest.raises(SiblingUnavailable):
        reader.read_prices(Deadline(PATIENT))
    reader.close()


def test_a_port_where_nobody_listens_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with open_sources(all_at(f"grpc://127.0.0.1:{port}")) as sources, pytest.raises(SiblingUnavailable):
        sources.portfolios.holdings(FIRST, PATIENT)


def test_a_closed_source_is_unavailable(siblings: SimulatedSiblings) -> None:
    sources = open_sources(all_at(siblings.grpc_url))
    sources.close()
    with pytest.raises(SiblingUnavailable):
        sources.portfolios.holdings(FIRST, PATIENT)


def test_a_service_that_comes_back_is_found_soon() -> None:
    """Even after the channel has failed to connect a few times."""
    with served_here() as siblings:
        url = siblings.url
        with open_sources(all_at(url)) as sources:
            siblings.stop()
            with pytest.raises(SiblingUnavailable):
                sources.portfolios.holdings(FIRST, PATIENT)
            back = served_here(int(url.rpartition(":")[2]))
            with back:
                eventually = time.monotonic() + PATIENT
                while True:
                    try:
                        assert sources.portfolios.holdings(FIRST, PATIENT).quantities
                        break
                    except SiblingUnavailable:
                        assert time.monotonic() < eventually


@pytest.mark.parametrize("url", ["grpc://host", "http://host:80", "grpc://host:80/path", "grpc://:80"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="its base URL"):
        GrpcPriceReader(SiblingConfig(url))


def test_a_scheme_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="portfolio: its base URL begins with none of http://, h"):
        open_sources(replace(all_at("http://host"), portfolio=at("ftp://host")))
