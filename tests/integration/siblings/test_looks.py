"""The siblings as they are looked at: cheaply, once, and beside their breakers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from ordergen_server.domain.diagnostics import WELL, DependencyState, Finding
from ordergen_server.domain.errors import SiblingUnavailable
from ordergen_server.sandbox.services.faults import Fault, ServiceName
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingConfig, SiblingsConfig, Sources, open_sources
from ordergen_server.siblings.calling.breaker import BreakerState
from tests.integration.siblings.broken import BROKEN, PATIENT
from tests.limits import PATIENCE

NAMES: Mapping[ServiceName, str] = {
    "accounting": "portfolio-accounting",
    "pricing": "pricing",
    "security": "security",
    "portfolio": "portfolio",
}
#: What costs least: one row, one entry of a list, and all prices, which have no pages.
ASKED = {"accounting": "balances", "pricing": "prices", "security": "securities", "portfolio": "portfolios"}


@pytest.fixture(params=["http", "grpc"])
def opened(request: pytest.FixtureRequest, siblings: SimulatedSiblings) -> Iterator[Sources]:
    """The sources of either transport; patient, unless a test is not."""
    urls = (siblings.accounting_url, siblings.pricing_url, siblings.security_url, siblings.portfolio_url)
    if request.param == "grpc":
        urls = (siblings.grpc_url,) * 4
    accounting, pricing, security, portfolio = (
        SiblingConfig(url, timeout_seconds=PATIENT, pool_size=4) for url in urls
    )
    with open_sources(SiblingsConfig(accounting, pricing, security, portfolio)) as sources:
        yield sources


def found(sources: Sources, seconds: float = PATIENCE) -> dict[str, Finding]:
    return {one.name: one.look(seconds) for one in sources.dependencies}


def breakers(sources: Sources) -> set[BreakerState]:
    return {*sources.market.breakers.values(), *sources.portfolios.breakers.values()}


def test_siblings_that_are_well_are_asked_once_each(siblings: SimulatedSiblings, opened: Sources) -> None:
    assert list(found(opened).values()) == [WELL] * 4
    calls = {name: sum(siblings.calls(name).values()) for name in NAMES}
    assert calls == dict.fromkeys(NAMES, 1)


def test_over_http_the_cheapest_is_asked(siblings: SimulatedSiblings, sources: Sources) -> None:
    assert list(found(sources)) == ["portfolio-accounting", "pricing", "security", "portfolio"]
    assert {name: siblings.calls(name) for name in NAMES} == {name: {ASKED[name]: 1} for name in NAMES}


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: f"{fault.kind} {fault.status or ''}".strip())
def test_one_that_is_broken_is_told_and_its_breaker_left_alone(
    siblings: SimulatedSiblings, opened: Sources, service: ServiceName, fault: Fault
) -> None:
    siblings.set_faults(service, [fault])
    (dependency,) = [one for one in opened.dependencies if one.name == NAMES[service]]
    hangs = fault.kind in ("hang", "stall")
    for _ in range(6):  # more than would open it
        finding = dependency.look(0.1 if hangs else PATIENCE)
        assert finding.state is DependencyState.UNAVAILABLE
        assert finding.problem.startswith(f"The {NAMES[service]} service ")
        assert finding.advice
    assert breakers(opened) == {BreakerState.CLOSED}
    assert "127.0.0.1" not in finding.problem + finding.advice


def test_one_that_nobody_listens_for_is_told(siblings: SimulatedSiblings, config: SiblingsConfig) -> None:
    del siblings
    gone = replace(config, pricing=replace(config.pricing, base_url="http://127.0.0.1:1"))
    with open_sources(gone) as sources:
        finding = found(sources)["pricing"]
    assert (finding.state, finding.problem) == (
        DependencyState.UNAVAILABLE,
        "The pricing service could not be reached for GET /api/v1/prices.",
    )
    assert "ORDERGEN_PRICING_URL" in finding.advice


def test_another_services_address_is_told(siblings: SimulatedSiblings, config: SiblingsConfig) -> None:
    """Somebody answers there, and has no such path."""
    order = replace(config.pricing, base_url=siblings.order_url)
    wrong = SiblingsConfig(order, order, order, order)
    with open_sources(wrong) as sources:
        findings = found(sources)
    for name, finding in findings.items():
        assert finding.state is DependencyState.UNAVAILABLE, name
        assert "status 404" in finding.problem
        assert f"ORDERGEN_{name.upper().replace('-', '_')}_URL" in finding.advice


def test_a_list_that_is_refused_for_one_orphan_is_well(siblings: SimulatedSiblings, sources: Sources) -> None:
    for one in siblings.portfolios.market.securities:
        siblings.orphan_security(one.security_id)
    assert found(sources)["security"] == WELL


def test_an_open_breaker_is_told_and_not_closed(siblings: SimulatedSiblings, config: SiblingsConfig) -> None:
    pricing = replace(
        config.pricing,
        attempts=1,
        breaker_failures=1,
        breaker_failing_seconds=0,
        breaker_reset_seconds=PATIENCE,
    )
    siblings.set_faults("pricing", [Fault(kind="status", status=503)])
    with open_sources(replace(config, pricing=pricing)) as sources:
        with pytest.raises(SiblingUnavailable):
            sources.market.snapshot(PATIENCE)
        down = found(sources)["pricing"]
        siblings.clear()
        back = found(sources)["pricing"]
        assert sources.market.breakers["pricing"] is BreakerState.OPEN
    assert {down.state, back.state} == {DependencyState.BREAKER_OPEN}
    assert down.problem.startswith("The pricing service answered GET /api/v1/prices with status 503.")
    assert back.problem.startswith("The pricing service answers again.")
