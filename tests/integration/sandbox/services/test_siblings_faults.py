"""Every fault and override as a client meets it over real HTTP."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import urllib3
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings, SimulatedSiblingsError

if TYPE_CHECKING:
    from ordergen_server.sandbox.services.faults import FaultKind


def summary(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, number: int = 0
) -> urllib3.BaseHTTPResponse:
    portfolio_id = siblings.model.portfolio_ids[number]
    url = f"{siblings.accounting_url}/api/v1/portfolios/{portfolio_id}/summary"
    return http.request("GET", url, timeout=urllib3.Timeout(connect=5, read=1))


def test_status(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    siblings.set_faults("accounting", [Fault(kind="status")])
    assert summary(siblings, http).status == 503
    siblings.set_faults("accounting", [Fault(kind="status", status=429, retry_after_seconds=7, body="busy")])
    answer = summary(siblings, http)
    assert (answer.status, answer.headers["Retry-After"], answer.data) == (429, "7", b"busy")


def test_failing_a_few_times_and_then_fine(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", status=500, endpoint="summary", times=2)])
    assert [summary(siblings, http).status for _ in range(3)] == [500, 500, 200]
    assert siblings.calls("accounting") == {"summary": 3}


def test_delay(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    expected = summary(siblings, http).data
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.2)])
    start = time.monotonic()
    assert summary(siblings, http).data == expected
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_never_answering(siblings: SimulatedSiblings, http: urllib3.PoolManager, kind: FaultKind) -> None:
    siblings.set_faults("accounting", [Fault(kind=kind)])
    with pytest.raises(ReadTimeoutError):
        summary(siblings, http)
    siblings.clear()
    assert summary(siblings, http).status == 200


def test_reset(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    siblings.set_faults("accounting", [Fault(kind="reset")])
    with pytest.raises(ProtocolError) as caught:
        summary(siblings, http)
    assert isinstance(caught.value.args[1], ConnectionResetError)


def test_garbage(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    siblings.set_faults("accounting", [Fault(kind="garbage")])
    answer = summary(siblings, http)
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_body(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    siblings.set_faults("accounting", [Fault(kind="body", body='{"cashBalance": NaN}')])
    answer = summary(siblings, http)
    assert (answer.status, answer.data) == (200, b'{"cashBalance": NaN}')


def test_truncate(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    whole = len(summary(siblings, http).data)
    siblings.set_faults("accounting", [Fault(kind="truncate")])
    with pytest.raises(ProtocolError, match=rf"IncompleteRead\({whole // 2} bytes read"):
        summary(siblings, http)


def test_a_fault_of_one_portfolio_and_of_one_service(
    siblings: SimulatedSiblings, http: urllib3.PoolManager
) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", match=siblings.model.portfolio_ids[1])])
    assert [summary(siblings, http, number).status for number in range(3)] == [200, 503, 200]
    assert http.request("GET", f"{siblings.pricing_url}/api/v1/prices").status == 200


def test_the_end_is_quick_while_a_call_hangs(http: urllib3.PoolManager) -> None:
    with SimulatedSiblings(portfolios=1, positions=1) as own:
        own.set_faults("accounting", [Fault(kind="hang")])
        url = f"{own.accounting_url}/api/v1/balances"
        with pytest.raises(ReadTimeoutError):
            http.request("GET", url, timeout=0.1)
        start = time.monotonic()
    assert time.monotonic() - start < 30  # it hangs without an end


def test_an_overridden_price(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    security = siblings.portfolios.market.securities[0]
    url = f"{siblings.pricing_url}/api/v1/price/{security.ticker}"
    siblings.override_price(security.security_id, Decimal("1.00000001"))
    assert b'"close":1.00000001,' in http.request("GET", url).data
    siblings.override_price(security.security_id, "NaN")
    assert b'"close":NaN,' in http.request("GET", f"{siblings.pricing_url}/api/v1/prices").data
    siblings.override_price(security.security_id, None)
    assert http.request("GET", url).status == 404
    siblings.clear()
    assert f'"close":{security.price:f},'.encode() in http.request("GET", url).data


def test_an_overridden_summary(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    first, second, third = siblings.model.portfolio_ids[:3]
    siblings.override_summary(first, {"portfolioId": first, "cashBalance": Decimal("0.10"), "securities": []})
    siblings.override_summary(second, "{")
    siblings.override_summary(third, None)
    answers = [summary(siblings, http, number) for number in range(3)]
    assert [each.status for each in answers] == [200, 200, 500]
    assert answers[0].json() == {"portfolioId": first, "cashBalance": "0.10", "securities": []}
    assert answers[1].data == b"{"


def test_a_forgotten_security(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    gone = siblings.portfolios.market.securities[0].security_id
    siblings.forget_security(gone)
    assert http.request("GET", f"{siblings.security_url}/api/v1/security/{gone}").status == 404


def test_the_control_api_by_hand(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    url = f"{siblings.order_url}/_sandbox"
    fault = {"kind": "status", "endpoint": "orders", "times": 1}
    assert http.request("PUT", f"{url}/faults", json=[fault]).json() == [fault]
    assert http.request("GET", f"{url}/faults").json() == [fault]
    assert http.request("DELETE", f"{url}/faults").json() == []
    overrides = {
        "prices": {"a": "1"},
        "price_dates": {},
        "summaries": {},
        "holdings": {},
        "unknown_securities": [],
        "orphaned_securities": [],
        "is_documented": False,
    }
    assert http.request("PUT", f"{url}/overrides", json={"prices": {"a": "1"}}).json() == overrides
    assert http.request("GET", f"{siblings.pricing_url}/_sandbox/overrides").json() == overrides
    assert http.request("DELETE", f"{url}/overrides").json() == {**overrides, "prices": {}}
    assert http.request("PUT", f"{url}/overrides", json={"prices": 1}).status == 400
    assert http.request("PUT", f"{url}/faults", json=[{"kind": "explode"}]).status == 400


def test_a_refusal_is_an_error_of_the_handle(siblings: SimulatedSiblings) -> None:
    with pytest.raises(SimulatedSiblingsError, match=r"accounting refused overrides: .*Expected `str"):
        siblings._call("PUT", "accounting", "overrides", {"summaries": {"a": 1}})  # noqa: SLF001 - no typed way
