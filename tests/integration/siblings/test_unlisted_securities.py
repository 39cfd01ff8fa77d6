"""Securities whose list is refused because one of them is orphaned: who does not need it does not notice."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ordergen_server.domain.errors import (
    BadData,
    DataProblem,
    DeadlineExceeded,
    MissingData,
    SiblingUnavailable,
)
from ordergen_server.domain.market import NoPrice, Quote
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingsConfig, Sources, open_sources

LONG = 60.0
BEFORE = date(2020, 2, 29)


@pytest.fixture
def config(config: SiblingsConfig) -> SiblingsConfig:
    security, pricing = (replace(each, timeout_seconds=LONG) for each in (config.security, config.pricing))
    return replace(config, security=security, pricing=pricing)


@pytest.fixture
def orphan(siblings: SimulatedSiblings) -> str:
    """A security without a type; the list is a 400 from now on."""
    orphan = siblings.portfolios.market.securities[-1].security_id
    siblings.orphan_security(orphan)
    return orphan


def ids(siblings: SimulatedSiblings, count: int = 20) -> list[str]:
    return [each.security_id for each in siblings.portfolios.market.securities[:count]]


def test_what_is_needed_is_quoted_and_the_orphan_alone_is_missing(
    siblings: SimulatedSiblings, sources: Sources, orphan: str
) -> None:
    quotes = sources.market.snapshot(LONG, ids(siblings)).quotes
    by_id = siblings.portfolios.market.by_id
    good = {key: Quote(by_id[key].ticker, by_id[key].price) for key in ids(siblings) if key != orphan}
    found = {key: quote for key, quote in quotes.items() if key != orphan and isinstance(quote, Quote)}
    assert {key: replace(quote, price_date=None) for key, quote in found.items()} == good
    assert None not in {quote.price_date for quote in found.values()}
    assert isinstance(quotes[orphan], MissingData)
    assert siblings.calls("security") == {"securities": 1, "security": 20}
    assert siblings.calls("pricing") == {"prices": 1}


def test_they_are_the_quotes_of_the_list(siblings: SimulatedSiblings, config: SiblingsConfig) -> None:
    with open_sources(config) as sources:
        listed = dict(sources.market.snapshot(LONG).quotes)
    orphan = ids(siblings)[0]
    siblings.orphan_security(orphan)
    with open_sources(config) as sources:
        unlisted = dict(sources.market.snapshot(LONG, ids(siblings)[1:]).quotes)
    del listed[orphan]
    assert unlisted == listed


def test_what_turns_up_later_has_the_prices_of_the_snapshot(
    siblings: SimulatedSiblings, sources: Sources, orphan: str
) -> None:
    needed, later, spoiled, unpriced = ids(siblings, 4)
    siblings.override_price_date(later, BEFORE)
    siblings.override_price(spoiled, "0")
    siblings.override_price(unpriced, None)
    snapshot = sources.market.snapshot(LONG, [needed])
    assert list(snapshot.quotes) == [needed]
    siblings.override_price(later, "123.45")
    more = sources.market.quotes(snapshot, [later, spoiled, unpriced, orphan], LONG)
    known = siblings.portfolios.market.by_id[later]
    found = more[later]
    assert isinstance(found, Quote)
    assert (found.ticker, found.price, found.price_date) == (known.ticker, known.price, BEFORE)
    tickers = siblings.portfolios.market.by_id
    for security_id, problem in ((spoiled, BadData), (unpriced, MissingData)):
        told = more[security_id]
        assert isinstance(told, NoPrice)
        assert (told.ticker, type(told.problem)) == (tickers[security_id].ticker, problem)
    assert isinstance(more[orphan], MissingData)
    with pytest.raises(BadData, match=f"Ticker {tickers[spoiled].ticker}: the pricing service answered"):
        replace(snapshot, quotes=more).quote(spoiled)
    assert siblings.calls("pricing") == {"prices": 1}


def test_a_listed_snapshot_has_no_more_quotes(siblings: SimulatedSiblings, sources: Sources) -> None:
    snapshot = sources.market.snapshot(LONG)
    assert sources.market.quotes(snapshot, ids(siblings), LONG) == {}
    assert siblings.calls("security") == {"securities": 1}


def test_each_security_is_read_once_however_often_it_is_needed(
    siblings: SimulatedSiblings, sources: Sources, orphan: str
) -> None:
    for _ in range(5):
        snapshot = sources.market.snapshot(LONG, ids(siblings, 10))
        sources.market.quotes(snapshot, [*ids(siblings, 12), orphan], LONG)
    assert siblings.calls("security") == {"securities": 1, "security": 13}


@pytest.mark.parametrize("security_id", ["not-an-object-id-of-them", "0" * 24])
def test_an_id_that_the_service_cannot_read_is_a_problem_of_who_needs_it(
    siblings: SimulatedSiblings, sources: Sources, orphan: str, security_id: str
) -> None:
    """It answers 500 for one of the wrong form, though it is well."""
    quotes = sources.market.snapshot(LONG, [security_id, ids(siblings)[0], orphan]).quotes
    assert isinstance(quotes[security_id], DataProblem)
    assert isinstance(quotes[ids(siblings)[0]], Quote)
    assert sources.market.breakers["security"].value == "CLOSED"


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (Fault(kind="status", status=500), "status: answered GET /api/v1/security/ID with status 500"),
        (Fault(kind="status", status=400), "status: answered GET /api/v1/security/ID with status 400"),
        (Fault(kind="status", status=403), "status: answered GET /api/v1/security/ID with status 403"),
        (Fault(kind="body", body="[]"), "body: Expected `object`, got `array`"),
        (
            Fault(kind="body", body='{"securityId": "x"}'),
            "securityId: must be the security asked for, not 'x'",
        ),
        (Fault(kind="body", body='{"securityId": "ID", "ticker": 7}'), "ticker: must be a string, not 7"),
        (
            Fault(kind="body", body='{"securityId": "ID", "ticker": " "}'),
            "ticker: must not be blank, not ' '",
        ),
        (
            Fault(kind="body", body="<"),
            "body: answered what is not JSON: JSON is malformed: invalid character (byte 0)",
        ),
    ],
)
def test_one_that_cannot_be_read_is_bad_data_of_itself(
    siblings: SimulatedSiblings, sources: Sources, orphan: str, fault: Fault, rule: str
) -> None:
    bad, good = ids(siblings, 2)
    told = {name: getattr(fault, name) for name in ("kind", "status")}
    body = fault.body.replace("ID", bad)
    siblings.set_faults("security", [Fault(endpoint="security", match=bad, body=body, **told)])
    quotes = sources.market.snapshot(LONG, [bad, good, orphan]).quotes
    assert str(quotes[bad]) == (
        f"Security {bad}: the security service answered {rule.replace('ID', bad)};"
        " if it stays so, it must be mended there."
    )
    assert isinstance(quotes[good], Quote)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=503, endpoint="security"),
        Fault(kind="reset", endpoint="security"),
        Fault(kind="truncate", endpoint="security"),
    ],
    ids=lambda fault: fault.kind,
)
def test_single_reads_that_fail_are_an_outage(
    siblings: SimulatedSiblings, sources: Sources, orphan: str, fault: Fault
) -> None:
    siblings.set_faults("security", [fault])
    with pytest.raises(SiblingUnavailable) as caught:
        sources.market.snapshot(LONG, [ids(siblings)[0], orphan])
    assert caught.value.metadata == {"service": "security"}


def test_a_500_for_everything_is_an_outage(
    siblings: SimulatedSiblings, sources: Sources, orphan: str
) -> None:
    """The list was refused, and then the service went down."""
    snapshot = sources.market.snapshot(LONG, [orphan])
    siblings.set_faults("security", [Fault(kind="status", status=500)])
    with pytest.raises(SiblingUnavailable):
        sources.market.quotes(snapshot, ids(siblings, 1), LONG)


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_a_500_is_not_excused_by_a_list_that_says_nothing(
    siblings: SimulatedSiblings, sources: Sources, orphan: str, status: int
) -> None:
    snapshot = sources.market.snapshot(LONG, [orphan])
    faults = [Fault(kind="status", status=500, endpoint="security"), Fault(kind="status", status=status)]
    siblings.set_faults("security", faults)
    with pytest.raises(SiblingUnavailable, match="status 500"):
        sources.market.quotes(snapshot, ids(siblings, 1), LONG)


def test_the_deadline_is_for_all_single_reads(
    siblings: SimulatedSiblings, sources: Sources, orphan: str
) -> None:
    snapshot = sources.market.snapshot(LONG, [orphan])
    siblings.set_faults("security", [Fault(kind="hang", endpoint="security")])
    with pytest.raises(DeadlineExceeded):
        sources.market.quotes(snapshot, ids(siblings), 0.2)


@pytest.mark.parametrize("status", [401, 403, 404, 301])
def test_a_list_that_is_refused_otherwise_is_an_outage(
    siblings: SimulatedSiblings, sources: Sources, status: int
) -> None:
    """Then single reads are refused as well, and nobody may take that for securities that are missing."""
    siblings.set_faults("security", [Fault(kind="status", status=status)])
    with pytest.raises(SiblingUnavailable):
        sources.market.snapshot(LONG, ids(siblings))


def test_over_grpc_there_is_always_a_list(
    siblings: SimulatedSiblings, config: SiblingsConfig, orphan: str
) -> None:
    security = replace(config.security, base_url=siblings.grpc_url)
    with open_sources(replace(config, security=security)) as sources:
        snapshot = sources.market.snapshot(LONG, [orphan])
        assert (snapshot.prices, len(snapshot.quotes)) == (None, 19)
        with pytest.raises(MissingData):
            snapshot.quote(orphan)
    assert Decimal(0) < snapshot.quote(ids(siblings)[0]).price
