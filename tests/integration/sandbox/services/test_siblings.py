"""Every endpoint of the simulated siblings over real HTTP, and the process they run in."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ordergen_server.sandbox.database.supervised import SupervisedProcessError
from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.portfolios import Portfolios, SuggestedModel
from ordergen_server.sandbox.services.answers import Answers
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.integration.sandbox.processes import alive
from tests.limits import PATIENCE
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import urllib3

EXPECTED = Answers(Portfolios(Market.synthetic(seed=6, securities=50), 40, 20), Decimal(0))
IDS = Portfolios(Market.synthetic(seed=6, securities=50), 40, 20).model.portfolio_ids
SECURITY = Market.synthetic(seed=6, securities=50).securities[4]
COMMAND = [sys.executable, "-m", "ordergen_server.sandbox.services"]


@pytest.mark.parametrize(
    ("service", "path", "expected"),
    [
        ("accounting", f"/api/v1/portfolios/{IDS[0]}/summary", EXPECTED.accounting.summary(IDS[0])),
        (
            "accounting",
            f"/api/v1/balances?portfolio_id={IDS[3]}",
            EXPECTED.accounting.balances(IDS[3], 50, 0),
        ),
        ("accounting", "/api/v1/balances?offset=30&limit=100", EXPECTED.accounting.balances(None, 100, 30)),
        ("pricing", f"/api/v1/price/{SECURITY.ticker}", EXPECTED.price(SECURITY.ticker)),
        ("pricing", "/api/v1/prices", EXPECTED.prices()),
        ("security", f"/api/v1/security/{SECURITY.security_id}", EXPECTED.security(SECURITY.security_id)),
        ("security", "/api/v1/securities", EXPECTED.securities()),
        ("security", "/api/v2/securities?limit=20&offset=20", EXPECTED.securities_page(20, 20)),
        ("portfolio", f"/api/v1/portfolio/{IDS[0]}", EXPECTED.portfolio(IDS[0])),
        ("portfolio", "/api/v1/portfolios", EXPECTED.portfolios()),
        ("portfolio", "/api/v2/portfolios?limit=15&offset=30", EXPECTED.portfolios_page(15, 30)),
    ],
)
def test_an_endpoint_answers(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, service: str, path: str, expected: bytes
) -> None:
    answer = http.request("GET", siblings.urls[service] + path)
    assert (answer.status, answer.data) == (200, expected)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("pricing", "/api/v1/price/NONE"),
        ("security", f"/api/v1/security/{'0' * 24}"),
        ("portfolio", f"/api/v1/portfolio/{'0' * 24}"),
        ("order", "/elsewhere"),
    ],
)
def test_what_is_not_there(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, service: str, path: str
) -> None:
    assert http.request("GET", siblings.urls[service] + path).status == 404


@pytest.mark.parametrize(
    ("service", "path", "documented"),
    [
        ("accounting", f"/api/v1/portfolios/{IDS[11]}/summary", 404),
        ("accounting", f"/api/v1/portfolios/{'0' * 24}/summary", 404),
        ("security", "/api/v1/security/not-an-object-id", 404),
    ],
)
def test_what_is_not_there_is_a_500_and_only_documented_as_a_404(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, service: str, path: str, documented: int
) -> None:
    assert http.request("GET", siblings.urls[service] + path).status == 500
    siblings.answer_as_documented()
    assert http.request("GET", siblings.urls[service] + path).status == documented


def test_a_portfolio_without_rows_has_no_balances(
    siblings: SimulatedSiblings, http: urllib3.PoolManager
) -> None:
    """That is what tells it from a failure."""
    url = f"{siblings.accounting_url}/api/v1/balances?portfolio_id={IDS[11]}&limit=1000&offset=0"
    answer = http.request("GET", url).json()
    paging = {"limit": 1000, "offset": 0, "total": 0, "hasMore": False, "page": 1, "totalPages": 0}
    assert answer == {"balances": [], "pagination": paging}


@pytest.mark.parametrize("query", ["limit=1001", "limit=0", "limit=many", "limit=-1", "limit=50&offset=-1"])
def test_balances_out_of_range_are_the_first_fifty(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, query: str
) -> None:
    answer = http.request("GET", f"{siblings.accounting_url}/api/v1/balances?{query}").json()
    assert (answer["pagination"]["limit"], answer["pagination"]["offset"]) == (50, 0)
    assert len(answer["balances"]) == 50


def test_a_summary_is_cut_unless_it_is_documented(
    siblings: SimulatedSiblings, http: urllib3.PoolManager
) -> None:
    held = {f"{number:024x}": Decimal(1) for number in range(1_200)}
    siblings.override_holdings(IDS[0], Decimal(5), held)
    url = f"{siblings.accounting_url}/api/v1/portfolios/{IDS[0]}/summary"
    assert http.request("GET", url).json()["securityCount"] == 999
    siblings.answer_as_documented()
    assert http.request("GET", url).json()["securityCount"] == 1200


def test_an_orphaned_security_spoils_the_list(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    siblings.orphan_security(SECURITY.security_id)
    answer = http.request("GET", f"{siblings.security_url}/api/v1/securities")
    assert (answer.status, answer.json()["detail"][:23]) == (400, "Invalid securityTypeId:")
    statuses = {
        each.ticker: http.request("GET", f"{siblings.security_url}/api/v1/security/{each.security_id}").status
        for each in siblings.portfolios.market.securities[:6]
    }
    assert [ticker for ticker, status in statuses.items() if status != 200] == [SECURITY.ticker]
    assert statuses[SECURITY.ticker] == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=many"])
def test_refuses_a_page_out_of_range(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, query: str
) -> None:
    assert http.request("GET", f"{siblings.portfolio_url}/api/v2/portfolios?{query}").status == 422


def test_orders(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    order = {
        "blotterId": 1,
        "statusId": 1,
        "portfolioId": IDS[0],
        "orderTypeId": 1,
        "quantity": 5,
        "version": 1,
    }
    order |= {"securityId": SECURITY.security_id, "orderTimestamp": "2025-06-02T14:40:54.658Z"}
    answer = http.request("POST", f"{siblings.order_url}/api/v1/orders", json=[order] * 1000)
    assert (answer.status, answer.json()["successful"]) == (200, 1000)
    answer = http.request("POST", f"{siblings.order_url}/api/v1/orders", json=[order] * 1001)
    assert answer.status == 413
    assert siblings.calls("order") == {"orders": 2}


def test_calls_are_counted_per_service_and_endpoint(
    siblings: SimulatedSiblings, http: urllib3.PoolManager
) -> None:
    for ticker in ("NONE", SECURITY.ticker):
        http.request("GET", f"{siblings.pricing_url}/api/v1/price/{ticker}")
    http.request("GET", f"{siblings.pricing_url}/api/v1/prices")
    http.request("GET", f"{siblings.pricing_url}/nowhere")
    assert siblings.calls("pricing") == {"price": 2, "prices": 1, "unknown": 1}
    assert siblings.calls("security") == {}
    siblings.clear()
    assert siblings.calls("pricing") == {}


def test_the_handle_knows_the_data() -> None:
    with SimulatedSiblings(portfolios=3, positions=5, seed=9) as siblings:
        assert siblings.model == Portfolios(Market.synthetic(seed=9), 3, 5).model
        assert set(siblings.urls) == {"accounting", "pricing", "security", "portfolio", "order"}
        assert siblings.accounting_url == siblings.urls["accounting"]
        assert siblings.security_url == siblings.urls["security"]
        pid = siblings.pid
        assert pid is not None
        assert alive(pid)
    assert not alive(pid)


def test_a_market_of_ones_own_with_sampled_prices(tmp_path: Path, http: urllib3.PoolManager) -> None:
    market = tmp_path / "market.csv"
    market.write_text(
        "security_id,ticker,description,price_date,price,price_std\n"
        "6dcd4ce23d88e2ee9568ba54,ACME,Acme Inc.,2018-01-22,73.48,1.6518\n"
    )
    with SimulatedSiblings(
        portfolios=1, positions=1, market=market, price_jitter=Decimal("0.02")
    ) as siblings:
        url = f"{siblings.pricing_url}/api/v1/price/ACME"
        prices = [json.loads(http.request("GET", url).data, parse_float=Decimal)["close"] for _ in range(20)]
    assert len(set(prices)) > 10
    assert all(abs(price / Decimal("73.48") - 1) < Decimal("0.0200001") for price in prices)


def test_a_process_that_died_is_not_replaced() -> None:
    """Another one would have other ports and none of the faults set."""
    with SimulatedSiblings(portfolios=1, positions=1) as siblings:
        pid = siblings.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: not siblings.running)


def test_bad_arguments_are_refused_before_a_process_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="positions must be from 1 to 100"):
        SimulatedSiblings(positions=101)
    with pytest.raises(ValueError, match="No such file"):
        SimulatedSiblings(market=tmp_path / "none.csv")


def test_a_process_that_does_not_start_is_quoted() -> None:
    siblings = SimulatedSiblings(price_jitter=Decimal(2))
    with pytest.raises(SupervisedProcessError, match="'2' is not a fraction from 0 to below 1"):
        siblings.start()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--positions", "101"], "positions must be from 1 to 100"),
        (["--market", "none.csv"], "No such file"),
        (["--price-jitter", "much"], "'much' is not a fraction"),
        (["--securities", "0"], "at least one security"),
    ],
)
def test_the_command_refuses_bad_arguments(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr


def test_the_command_announces_itself_and_ends_on_sigterm(http: urllib3.PoolManager) -> None:
    """Over gRPC on the port that it was given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    arguments = ["--portfolios", "2", "--positions", "3", "--port-grpc", str(port)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        announced: dict[str, Any] = json.loads(process.stdout.readline())
        assert http.request("GET", f"{announced['portfolio']}/api/v1/portfolios").json() != []
        assert announced["grpc"] == f"grpc://127.0.0.1:{port}"
        socket.create_connection(("127.0.0.1", port)).close()
        process.terminate()
        assert process.wait(PATIENCE) == 0
    model = msgspec.convert(announced["model"], SuggestedModel)
    assert model == Portfolios(Market.synthetic(), 2, 3).model
