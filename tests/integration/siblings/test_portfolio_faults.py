"""Every fault of accounting and portfolio, played by the sandbox, and what becomes of holdings and names."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.errors import BadData, DeadlineExceeded, SiblingUnavailable, Violation
from ordergen_server.domain.market import Holdings
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingsConfig, Sources, open_sources
from tests.integration.siblings.broken import BROKEN, PATIENT
from tests.waiting import eventually


def portfolio_of(siblings: SimulatedSiblings) -> str:
    return siblings.model.portfolio_ids[0]


def test_holdings_of_an_unknown_portfolio_are_new_and_no_failure(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    """Not even a hundred of them open the breaker."""
    for _ in range(100):
        assert Holdings("0" * 24, Decimal(0), {}) == sources.portfolios.holdings("0" * 24, PATIENT)
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


def test_huge_holdings_are_read_and_a_summary_without_end_is_not(
    siblings: SimulatedSiblings, config: SiblingsConfig
) -> None:
    portfolio_id = portfolio_of(siblings)
    held = {f"{number:024d}": Decimal(number) for number in range(5_000)}
    siblings.override_holdings(portfolio_id, Decimal(1), held)
    patient = replace(config.portfolio_accounting, timeout_seconds=60)
    with open_sources(replace(config, portfolio_accounting=patient)) as sources:
        assert sources.portfolios.holdings(portfolio_id, 60).quantities == held
    small = replace(config.portfolio_accounting, maximum_body_bytes=100_000)
    with open_sources(replace(config, portfolio_accounting=small)) as sources:
        with pytest.raises(BadData, match="more than 100000 bytes"):
            sources.portfolios.holdings(portfolio_id, PATIENT)
        siblings.override_summary(portfolio_id, None)
        assert not sources.portfolios.holdings(portfolio_id, PATIENT).quantities


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
    eventually(lambda: any("no names" in each.message for each in caplog.records))  # read in the background
    assert sum(siblings.calls("portfolio").values()) == 3
    assert sum("no names" in each.message for each in caplog.records) == 1


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 2e-3])
def test_hardly_any_time_is_a_deadline_exceeded(
    siblings: SimulatedSiblings, sources: Sources, seconds: float
) -> None:
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=30)])
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
