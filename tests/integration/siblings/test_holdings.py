"""Holdings over siblings that answer as the real ones do: new portfolios, cut summaries, changing pages."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.errors import BadData, SiblingUnavailable
from ordergen_server.domain.market import Holdings
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingsConfig, Sources, open_sources
from tests.integration.siblings.broken import BROKEN

#: Seconds; an attempt has as much time as its call, and pauses are so long that one would fail the call.
LONG = 60.0
NOBODY = "0" * 24
EMPTY_PAGE = '{"balances": [], "pagination": {"total": 0}}'


@pytest.fixture
def config(config: SiblingsConfig) -> SiblingsConfig:
    accounting = replace(config.portfolio_accounting, timeout_seconds=LONG)
    return replace(config, portfolio_accounting=accounting)


@pytest.fixture
def strict(config: SiblingsConfig) -> Iterator[Sources]:
    """Sources that a pause would end, and whose breaker opens with the first failure."""
    accounting = replace(
        config.portfolio_accounting, backoff_seconds=2 * LONG, maximum_backoff_seconds=2 * LONG,
        breaker_failures=1, breaker_failing_seconds=0,
    )  # fmt: skip
    with open_sources(replace(config, portfolio_accounting=accounting)) as sources:
        yield sources


def new(portfolio_id: str) -> Holdings:
    return Holdings(portfolio_id, Decimal(0), {})


def state(sources: Sources) -> str:
    return sources.portfolios.breakers["portfolio-accounting"].value


def many(count: int) -> dict[str, Decimal]:
    return {f"{number:024x}": Decimal(number) for number in range(1, count + 1)}


def first(siblings: SimulatedSiblings) -> str:
    return siblings.model.portfolio_ids[0]


def page(portfolio_id: str, quantities: Mapping[str, str], total: int, cash: str | None = None) -> str:
    """A page of balance rows as the real service writes it."""
    rows = [
        {"portfolioId": portfolio_id, "securityId": key, "quantityLong": held, "quantityShort": "0"}
        for key, held in quantities.items()
    ]
    rows += [{"portfolioId": portfolio_id, "quantityLong": cash, "quantityShort": "0"}] if cash else []
    return json.dumps({"balances": rows, "pagination": {"total": total}})


def test_new_portfolios_take_two_calls_and_no_pause(siblings: SimulatedSiblings, strict: Sources) -> None:
    """Their 500s say nothing against the service: not even a hundred open a breaker that opens with one."""
    ids = [f"{number:024x}" for number in range(100)]
    assert [strict.portfolios.holdings(each, LONG) for each in ids] == [new(each) for each in ids]
    assert siblings.calls("accounting") == {"summary": 100, "balances": 100}
    assert state(strict) == "CLOSED"


def test_a_404_is_new_without_another_call(siblings: SimulatedSiblings, strict: Sources) -> None:
    siblings.answer_as_documented()
    assert strict.portfolios.holdings(NOBODY, LONG) == new(NOBODY)
    assert siblings.calls("accounting") == {"summary": 1}


@pytest.mark.parametrize("status", [501, 502, 503, 504])
def test_what_something_before_the_service_answers_is_an_outage(
    siblings: SimulatedSiblings, sources: Sources, status: int
) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", endpoint="summary", status=status)])
    with pytest.raises(SiblingUnavailable):
        sources.portfolios.holdings(NOBODY, LONG)
    assert siblings.calls("accounting") == {"summary": 3}


NONSENSE = [
    Fault(kind="body", body="[]"),
    Fault(kind="body", body="{}"),
    Fault(kind="body", body='{"balances": []}'),
    Fault(kind="body", body='{"balances": null, "pagination": {"total": 0}}'),
    Fault(kind="body", body='{"balances": [], "pagination": {"total": 3}}'),
    Fault(kind="body", body='{"balances": [], "pagination": {"total": "none"}}'),
    Fault(kind="body", body="<html>welcome</html>"),
    Fault(kind="status", status=400),
    Fault(kind="status", status=404),
]
UNCLEAR = [each for each in BROKEN if each.kind not in ("hang", "stall")] + NONSENSE


@pytest.mark.parametrize("fault", UNCLEAR, ids=lambda one: f"{one.kind}-{one.status}-{one.body[:40]}")
def test_a_500_stands_where_balances_do_not_clear_it(
    siblings: SimulatedSiblings, sources: Sources, fault: Fault
) -> None:
    """An outage after three attempts in all, not three of each."""
    siblings.set_faults(
        "accounting", [Fault(kind=fault.kind, endpoint="balances", status=fault.status, body=fault.body)]
    )
    with pytest.raises(SiblingUnavailable) as caught:
        sources.portfolios.holdings(NOBODY, LONG)
    assert caught.value.metadata == {"service": "portfolio-accounting"}
    assert siblings.calls("accounting") == {"summary": 3, "balances": 3}


def test_both_failing_opens_the_breaker(siblings: SimulatedSiblings, config: SiblingsConfig) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", status=500)])
    eager = replace(config.portfolio_accounting, breaker_failures=3, breaker_failing_seconds=0)
    with open_sources(replace(config, portfolio_accounting=eager)) as sources:
        with pytest.raises(SiblingUnavailable, match="status 500"):
            sources.portfolios.holdings(NOBODY, LONG)
        assert state(sources) == "OPEN"
        with pytest.raises(SiblingUnavailable, match="circuit breaker is open"):
            sources.portfolios.holdings(NOBODY, LONG)


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_balances_that_hang_are_an_outage(
    siblings: SimulatedSiblings, config: SiblingsConfig, kind: str
) -> None:
    """Within the time of one attempt, which is for both calls."""
    siblings.set_faults("accounting", [Fault(kind=kind, endpoint="balances")])  # type: ignore[arg-type]
    hasty = replace(config.portfolio_accounting, timeout_seconds=0.5, attempts=1)
    with (
        open_sources(replace(config, portfolio_accounting=hasty)) as sources,
        pytest.raises(SiblingUnavailable, match="did not answer GET"),
    ):
        sources.portfolios.holdings(NOBODY, LONG)


def test_a_summary_that_fails_is_replaced_by_the_balances(
    siblings: SimulatedSiblings, strict: Sources
) -> None:
    """They are all there is: nothing is asked for again."""
    expected = strict.portfolios.holdings(first(siblings), LONG)
    siblings.set_faults("accounting", [Fault(kind="status", endpoint="summary", status=500)])
    assert strict.portfolios.holdings(first(siblings), LONG) == expected
    siblings.override_holdings(first(siblings), Decimal("-7.25"), many(2_500))
    assert strict.portfolios.holdings(first(siblings), LONG) == Holdings(
        first(siblings), Decimal("-7.25"), many(2_500)
    )


def test_shorts_and_fractions_are_read_exactly_from_balances(
    siblings: SimulatedSiblings, strict: Sources
) -> None:
    held = {"A": Decimal("-3.00000001"), "B": Decimal("999999999999.5"), "C": Decimal(0)}
    siblings.override_holdings(first(siblings), Decimal("0.10"), held)
    siblings.set_faults("accounting", [Fault(kind="status", endpoint="summary", status=500)])
    assert strict.portfolios.holdings(first(siblings), LONG) == Holdings(
        first(siblings), Decimal("0.10"), held
    )


@pytest.mark.parametrize(
    ("count", "pages"), [(998, 0), (999, 1), (1_000, 2), (1_200, 2), (1_998, 2), (1_999, 3), (3_000, 4)]
)
def test_holdings_are_complete_however_many(
    siblings: SimulatedSiblings, strict: Sources, count: int, pages: int
) -> None:
    """A page brings 999 rows more, for it begins with the last row of the page before; one row is cash."""
    siblings.override_holdings(first(siblings), Decimal(5), many(count))
    assert strict.portfolios.holdings(first(siblings), LONG) == Holdings(
        first(siblings), Decimal(5), many(count)
    )
    assert siblings.calls("accounting").get("balances", 0) == pages


def test_a_summary_that_is_not_cut_is_checked_all_the_same(
    siblings: SimulatedSiblings, strict: Sources
) -> None:
    siblings.answer_as_documented()
    siblings.override_holdings(first(siblings), Decimal(5), many(1_200))
    assert strict.portfolios.holdings(first(siblings), LONG).quantities == many(1_200)


def test_pages_shorter_than_asked_for_are_read_to_their_end(
    siblings: SimulatedSiblings, strict: Sources
) -> None:
    """As of a service that silently makes them 50 rows."""
    ids, cash = list(many(120)), {98: "5"}
    pages = {
        start: page(first(siblings), dict.fromkeys(ids[start : start + 50], "1"), 121, cash.get(start))
        for start in (0, 49, 98)
    }
    faults = [
        Fault(kind="body", endpoint="balances", match=f"offset={start}", body=body)
        for start, body in pages.items()
    ]
    siblings.set_faults("accounting", [Fault(kind="status", endpoint="summary", status=500), *faults])
    assert strict.portfolios.holdings(first(siblings), LONG).quantities == dict.fromkeys(ids, Decimal(1))
    assert siblings.calls("accounting") == {"summary": 1, "balances": 3}


class Changing:
    """A portfolio of 1,200 holdings whose second page of balances is another one."""

    def __init__(self, siblings: SimulatedSiblings) -> None:
        self.siblings = siblings
        self.portfolio_id = first(siblings)
        self.ids = list(many(1_200))
        siblings.override_holdings(self.portfolio_id, Decimal(5), many(1_200))

    def second(self, start: int, total: int, cash: str = "5", times: int | None = None) -> None:
        """Answer as second page the rows from `start` on."""
        rows = {key: str(int(key, 16)) for key in self.ids[start:]}
        body = page(self.portfolio_id, rows, total, cash)
        fault = Fault(kind="body", endpoint="balances", match="offset=999", body=body, times=times)
        self.siblings.set_faults("accounting", [fault])


CHANGES = {
    "one came": (998, 1_202, "5"),
    "one went": (1_000, 1_200, "5"),
    "one came after": (999, 1_202, "5"),
    "one went before, one came after": (1_000, 1_201, "5"),
    "one came before, one went after": (998, 1_201, "5"),
    "traded for cash": (999, 1_201, "4"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_rows_that_change_between_pages_are_read_again(
    siblings: SimulatedSiblings, sources: Sources, how: str
) -> None:
    start, total, cash = CHANGES[how]
    changing = Changing(siblings)
    changing.second(start, total, cash, times=1)
    assert sources.portfolios.holdings(changing.portfolio_id, LONG).quantities == many(1_200)
    assert siblings.calls("accounting")["summary"] == 2


@pytest.mark.parametrize("how", CHANGES)
def test_rows_that_go_on_changing_are_bad_data_of_that_portfolio(
    siblings: SimulatedSiblings, sources: Sources, how: str
) -> None:
    """Not an outage: other portfolios have their holdings."""
    start, total, cash = CHANGES[how]
    changing = Changing(siblings)
    changing.second(start, total, cash)
    with pytest.raises(BadData) as caught:
        sources.portfolios.holdings(changing.portfolio_id, LONG)
    assert caught.value.violations[0].subject == changing.portfolio_id
    assert siblings.calls("accounting")["summary"] == 3
    assert state(sources) == "CLOSED"
    assert sources.portfolios.holdings(siblings.model.portfolio_ids[1], LONG).quantities


def test_a_transfer_after_the_summary_is_seen_though_cash_is_the_same(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    changing = Changing(siblings)
    held = {key: str(int(key, 16)) for key in changing.ids[:1_000]}
    body = page(changing.portfolio_id, {**held, changing.ids[7]: "1000000"}, 1_201)
    fault = Fault(kind="body", endpoint="balances", match="offset=0", body=body, times=1)
    siblings.set_faults("accounting", [fault])
    assert sources.portfolios.holdings(changing.portfolio_id, LONG).quantities == many(1_200)
    assert siblings.calls("accounting") == {"summary": 2, "balances": 4}


def test_bad_data_is_an_answer_of_a_service_that_is_back(
    siblings: SimulatedSiblings, config: SiblingsConfig
) -> None:
    eager = replace(
        config.portfolio_accounting, breaker_failures=1, breaker_failing_seconds=0, breaker_reset_seconds=0
    )
    siblings.set_faults("accounting", [Fault(kind="status", status=503, times=3)])
    siblings.override_summary(first(siblings), "[]")
    with open_sources(replace(config, portfolio_accounting=eager)) as sources:
        with pytest.raises(SiblingUnavailable):
            sources.portfolios.holdings(NOBODY, LONG)
        assert state(sources) == "OPEN"
        with pytest.raises(BadData):
            sources.portfolios.holdings(first(siblings), LONG)
        assert state(sources) == "CLOSED"


@pytest.mark.parametrize("status", [500, 503])
def test_a_second_page_that_fails_is_an_outage(
    siblings: SimulatedSiblings, sources: Sources, status: int
) -> None:
    """Three attempts in all."""
    changing = Changing(siblings)
    siblings.set_faults("accounting", [Fault(kind="status", status=status, match="offset=999")])
    with pytest.raises(SiblingUnavailable, match=f"offset=999 with status {status}"):
        sources.portfolios.holdings(changing.portfolio_id, LONG)
    assert siblings.calls("accounting") == {"summary": 3, "balances": 6}


def test_a_second_page_that_fails_once_is_asked_for_again(
    siblings: SimulatedSiblings, sources: Sources
) -> None:
    changing = Changing(siblings)
    siblings.set_faults("accounting", [Fault(kind="reset", match="offset=999", times=1)])
    assert sources.portfolios.holdings(changing.portfolio_id, LONG).quantities == many(1_200)


@pytest.mark.parametrize("status", [400, 404])
def test_a_summary_that_may_be_cut_and_cannot_be_checked_is_not_used(
    siblings: SimulatedSiblings, sources: Sources, status: int
) -> None:
    """Not even where exactly 999 lines would have been whole: and a 404 here does not say new."""
    siblings.override_holdings(first(siblings), Decimal(5), many(999))
    siblings.set_faults("accounting", [Fault(kind="status", endpoint="balances", status=status)])
    with pytest.raises(BadData, match=f"status {status}"):
        sources.portfolios.holdings(first(siblings), LONG)


ROW = '{"portfolioId": "?", "securityId": "A", "quantityLong": "1", "quantityShort": "0"}'
CASH = '{"portfolioId": "?", "quantityLong": "1", "quantityShort": "0"}'


@pytest.mark.parametrize(
    ("rows", "subject", "rule"),
    [
        ([ROW, ROW], "?", "balances[1]: must have 'A' once, and has it again"),
        ([CASH, CASH], "?", "balances: must have cash once, not 2 times"),
        ([ROW.replace("?", "x")], "?", "balances.portfolioId: must be the portfolio asked for, not 'x'"),
        ([ROW.replace('"1"', '"NaN"')], "A", "balances[0].quantityLong: must be a number, not 'NaN'"),
        ([ROW.replace('"0"', "null")], "A", "balances[0].quantityShort: must be a number, not 'null'"),
        ([CASH.replace('"1"', '"many"')], "?", "quantityLong: must be a number, not 'many'"),
        ([ROW.replace('"A"', '" "')], "?", "balances[0].securityId: must not be blank, not ' '"),
    ],
)
def test_a_bad_row_is_bad_data_of_its_portfolio_or_security(
    siblings: SimulatedSiblings, strict: Sources, rows: list[str], subject: str, rule: str
) -> None:
    portfolio_id = first(siblings)
    body = f'{{"balances": [{", ".join(rows)}], "pagination": {{"total": {len(rows)}}}}}'
    faults = [
        Fault(kind="status", endpoint="summary", status=500),
        Fault(kind="body", endpoint="balances", body=body.replace("?", portfolio_id)),
    ]
    siblings.set_faults("accounting", faults)
    with pytest.raises(BadData) as caught:
        strict.portfolios.holdings(portfolio_id, LONG)
    violation = caught.value.violations[0]
    assert violation.subject == subject.replace("?", portfolio_id)
    assert violation.rule == f"the portfolio-accounting service answered {rule}"
    assert state(strict) == "CLOSED"


def test_the_same_holdings_over_grpc_are_whole(siblings: SimulatedSiblings, config: SiblingsConfig) -> None:
    """Its contract knows no cut."""
    siblings.override_holdings(first(siblings), Decimal(5), many(1_200))
    accounting = replace(config.portfolio_accounting, base_url=siblings.grpc_url)
    with open_sources(replace(config, portfolio_accounting=accounting)) as sources:
        assert sources.portfolios.holdings(first(siblings), LONG).quantities == many(1_200)
        assert sources.portfolios.holdings(NOBODY, LONG) == new(NOBODY)
    assert siblings.calls("accounting") == {"summary": 2}
