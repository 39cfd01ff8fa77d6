"""The bodies the simulated siblings answer carry the portfolios' numbers exactly."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest

from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.portfolios import Kind, Portfolios
from ordergen_server.sandbox.services.answers import Answers
from ordergen_server.sandbox.services.faults import Held, Overrides

PORTFOLIOS = Portfolios(Market.synthetic(seed=6, securities=30), 40, 20)
IDS = PORTFOLIOS.model.portfolio_ids


@pytest.fixture
def answers() -> Answers:
    return Answers(PORTFOLIOS, Decimal(0))


def decoded(body: bytes | None) -> Any:  # noqa: ANN401 - any JSON
    assert body is not None
    return json.loads(body, parse_float=Decimal)


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.NEW}))
def test_a_summary_is_the_portfolio(answers: Answers, kind: Kind) -> None:
    number = next(k for k in range(20) if PORTFOLIOS.kind(k) is kind)
    portfolio = PORTFOLIOS.portfolio(number)
    summary = decoded(answers.accounting.summary(IDS[number]))
    assert summary["portfolioId"] == IDS[number]
    assert Decimal(summary["cashBalance"]) == portfolio.cash
    assert summary["securityCount"] == len(portfolio.holdings)
    holdings = {each["securityId"]: Decimal(each["netQuantity"]) for each in summary["securities"]}
    assert holdings == portfolio.holdings
    for each in summary["securities"]:
        assert min(Decimal(each["quantityLong"]), Decimal(each["quantityShort"])) == 0
        net = Decimal(each["quantityLong"]) - Decimal(each["quantityShort"])
        assert net == Decimal(each["netQuantity"])


def test_no_summary_of_a_new_or_unknown_portfolio(answers: Answers) -> None:
    assert answers.accounting.summary(IDS[11]) is None
    assert answers.accounting.summary("0" * 24) is None


def test_balances_over_all_are_those_of_each(answers: Answers) -> None:
    """Pages of any size, put together, are every portfolio's rows in order."""
    expected = [
        row for each in IDS for row in decoded(answers.accounting.balances(each, 1000, 0))["balances"]
    ]
    for limit in (7, 100, 1000):
        rows: list[Any] = []
        more = True
        while more:
            page = decoded(answers.accounting.balances(None, limit, len(rows)))
            rows += page["balances"]
            more = page["pagination"]["hasMore"]
        assert rows == expected
        assert page["pagination"]["total"] == len(expected)


def test_one_balance_row_is_cash(answers: Answers) -> None:
    rows = decoded(answers.accounting.balances(IDS[7], 1000, 0))["balances"]
    cash = [row for row in rows if "securityId" not in row]
    assert cash == rows[-1:]
    assert (Decimal(cash[0]["quantityLong"]), cash[0]["quantityShort"]) == (PORTFOLIOS.portfolio(7).cash, "0")
    securities = [row["securityId"] for row in rows[:-1]]
    assert securities == sorted(PORTFOLIOS.portfolio(7).holdings)
    assert len({row["id"] for row in rows}) == len(rows)


MANY = {f"{number:024x}": Decimal(number) for number in range(1, 1_201)}


def test_a_summary_is_cut_in_silence_and_balances_are_not(answers: Answers) -> None:
    answers.overrides = Overrides(holdings={IDS[0]: Held(cash=Decimal("-1.50"), quantities=MANY)})
    cut = decoded(answers.accounting.summary(IDS[0]))
    assert (cut["cashBalance"], cut["securityCount"], len(cut["securities"])) == ("-1.5", 999, 999)
    whole = decoded(answers.accounting.summary(IDS[0], rows=None))
    assert {each["securityId"]: Decimal(each["netQuantity"]) for each in whole["securities"]} == MANY
    pages = [decoded(answers.accounting.balances(IDS[0], 1000, offset)) for offset in (0, 1000)]
    assert [page["pagination"]["hasMore"] for page in pages] == [True, False]
    rows = [row for page in pages for row in page["balances"]]
    assert [row.get("securityId") for row in rows] == [*MANY, None]
    assert [page["pagination"]["total"] for page in pages] == [1201, 1201]


def test_exactly_a_thousand_rows_are_whole(answers: Answers) -> None:
    held = dict(itertools.islice(MANY.items(), 999))
    answers.overrides = Overrides(holdings={IDS[0]: Held(cash=Decimal(1), quantities=held)})
    assert answers.accounting.summary(IDS[0]) == answers.accounting.summary(IDS[0], rows=None)


def test_no_balances_of_unknown_portfolios_or_past_the_end(answers: Answers) -> None:
    assert decoded(answers.accounting.balances("0" * 24, 10, 0))["balances"] == []
    assert decoded(answers.accounting.balances(IDS[0], 10, 500))["balances"] == []
    assert decoded(answers.accounting.balances(None, 10, 10**6))["balances"] == []


def test_prices_are_exact_numbers(answers: Answers) -> None:
    for security in PORTFOLIOS.market.securities:
        body = answers.price(security.ticker)
        assert body is not None
        assert f'"close":{security.price:f},'.encode() in body
    every = {each["ticker"]: each["close"] for each in decoded(answers.prices())}
    assert every == {each.ticker: each.price for each in PORTFOLIOS.market.securities}


def test_no_price_of_an_unknown_ticker(answers: Answers) -> None:
    assert answers.price("NONE") is None


def test_jitter_moves_prices_and_repeats_itself() -> None:
    one, other = (Answers(PORTFOLIOS, Decimal("0.01")) for _ in range(2))
    assert [one.prices() for _ in range(3)] == [other.prices() for _ in range(3)]
    assert one.prices() != one.prices()


def test_overridden_prices(answers: Answers) -> None:
    first, second, third = PORTFOLIOS.market.securities[:3]
    answers.overrides = Overrides(prices={first.security_id: "-1", second.security_id: None})
    assert decoded(answers.price(first.ticker))["close"] == -1
    assert answers.price(second.ticker) is None
    tickers = [each["ticker"] for each in decoded(answers.prices())]
    assert (first.ticker in tickers, second.ticker in tickers, third.ticker in tickers) == (True, False, True)


def test_overridden_summaries(answers: Answers) -> None:
    answers.overrides = Overrides(summaries={IDS[0]: "{", IDS[1]: None})
    assert answers.accounting.summary(IDS[0]) == b"{"
    assert answers.accounting.summary(IDS[1]) is None
    counts = [decoded(answers.accounting.balances(each, 1000, 0))["pagination"]["total"] for each in IDS[:2]]
    assert counts == [len(PORTFOLIOS.portfolio(0).holdings) + 1, 0]


def test_securities_by_id_in_one_list_and_in_pages(answers: Answers) -> None:
    every = decoded(answers.securities())
    assert [each["ticker"] for each in every] == [each.ticker for each in PORTFOLIOS.market.securities]
    assert [decoded(answers.security(each["securityId"])) for each in every] == every
    pages = [decoded(answers.securities_page(20, offset)) for offset in (0, 20)]
    assert [each for page in pages for each in page["securities"]] == every
    assert pages[1]["pagination"] == {
        "totalElements": 30,
        "totalPages": 2,
        "currentPage": 1,
        "pageSize": 20,
        "hasNext": False,
        "hasPrevious": True,
    }


def test_a_forgotten_security_is_nowhere(answers: Answers) -> None:
    gone = PORTFOLIOS.market.securities[0].security_id
    answers.overrides = Overrides(unknown_securities=frozenset([gone]))
    assert answers.security(gone) is None
    assert gone not in [each["securityId"] for each in decoded(answers.securities())]
    assert decoded(answers.securities_page(1000, 0))["pagination"]["totalElements"] == 29
    assert answers.security("0" * 24) is None


def test_an_orphaned_security_spoils_every_list_that_has_it(answers: Answers) -> None:
    orphan = PORTFOLIOS.market.securities[25].security_id
    answers.overrides = Overrides(orphaned_securities=frozenset([orphan]))
    assert (answers.securities(), answers.security(orphan)) == (None, None)
    pages = [answers.securities_page(20, offset) for offset in (0, 20)]
    assert [page is None for page in pages] == [False, True]
    assert answers.security(PORTFOLIOS.market.securities[0].security_id) is not None
    assert orphan not in [each.security_id for each in answers.whole_securities()]
    assert len(answers.whole_securities()) == 29


def test_portfolios_by_id_in_one_list_and_in_pages(answers: Answers) -> None:
    every = decoded(answers.portfolios())
    assert tuple(each["portfolioId"] for each in every) == IDS
    assert every[0]["name"] == "Growth Portfolio 1"
    assert [decoded(answers.portfolio(each)) for each in IDS] == every
    assert decoded(answers.portfolios_page(15, 30))["portfolios"] == every[30:]
    assert answers.portfolio("0" * 24) is None
