"""The handle on the simulated siblings: starts them, tells them what to play, reads what they counted."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import msgspec
import urllib3

from ordergen_server.sandbox.database.supervised import SupervisedProcess
from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.portfolios import Portfolios, SuggestedModel
from ordergen_server.sandbox.services.faults import SERVICES, Fault, Held, Overrides, ServiceName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["SimulatedSiblings", "SimulatedSiblingsError"]

_CALL_SECONDS = 10.0
_GRACE_SECONDS = 3.0


class SimulatedSiblingsError(Exception):
    """The simulated siblings refused what they were told."""


class SimulatedSiblings:
    """Five services in a process of their own, up for a ``with`` block; it never outlives us.

    All are there over gRPC too. Faults, overrides and counts of calls are those of both transports.

    Args:
        portfolios: how many there are.
        positions: of the suggested model, 1 to 100.
        seed: the same seed gives the same data.
        market: a CSV file of securities and prices; by default a synthetic market of so many ``securities``.
        price_jitter: the fraction by which answers of one price differ from its mean at most.
        start_seconds: how long the process may take to start.

    Raises:
        ValueError: an argument is out of its range, or the market file is not usable.
    """

    def __init__(
        self,
        *,
        portfolios: int = 25,
        positions: int = 60,
        seed: int = 1,
        market: Path | None = None,
        securities: int = 500,
        price_jitter: Decimal = Decimal(0),
        start_seconds: float = 30.0,
    ) -> None:
        source = (
            Market.from_csv(market, seed=seed)
            if market
            else Market.synthetic(seed=seed, securities=securities)
        )
        self.portfolios = Portfolios(source, portfolios, positions)
        self._start_seconds = start_seconds
        command = [sys.executable, "-m", "ordergen_server.sandbox.services", "--portfolios", str(portfolios)]
        command += ["--positions", str(positions), "--seed", str(seed), "--price-jitter", str(price_jitter)]
        command += ["--market", str(market)] if market else ["--securities", str(securities)]
        # No restart: another process would be on other ports and know nothing of the faults set.
        self._process = SupervisedProcess(command, restart=False, grace_seconds=_GRACE_SECONDS)
        self._urls: Mapping[str, str] = {}
        self._grpc_url = ""
        self._http = urllib3.PoolManager(timeout=_CALL_SECONDS, retries=False)

    def start(self) -> None:
        """Start the process and wait until it serves.

        Raises:
            SupervisedProcessError: it does not start; with the tail of its log.
        """
        with ExitStack() as unless_started:
            unless_started.callback(self.stop)
            self._process.start()
            announced = msgspec.json.decode(self._process.first_line(self._start_seconds))
            unless_started.pop_all()
        self._urls = {name: announced[name] for name in SERVICES}
        self._grpc_url = announced["grpc"]

    def stop(self) -> None:
        """End the process and wait for it; harmless when it is not running."""
        self._process.stop()
        self._http.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def urls(self) -> Mapping[str, str]:
        """The base URL of each service over HTTP by name, empty before the start."""
        return self._urls

    @property
    def grpc_url(self) -> str:
        """The one base URL of all services over gRPC, empty before the start."""
        return self._grpc_url

    @property
    def accounting_url(self) -> str:
        """Base URL of portfolio accounting."""
        return self._urls["accounting"]

    @property
    def pricing_url(self) -> str:
        """Base URL of pricing."""
        return self._urls["pricing"]

    @property
    def security_url(self) -> str:
        """Base URL of security."""
        return self._urls["security"]

    @property
    def portfolio_url(self) -> str:
        """Base URL of portfolio."""
        return self._urls["portfolio"]

    @property
    def order_url(self) -> str:
        """Base URL of order."""
        return self._urls["order"]

    @property
    def model(self) -> SuggestedModel:
        """A model that fits the data, followed by all portfolios."""
        return self.portfolios.model

    @property
    def pid(self) -> int | None:
        """The pid of the process that serves, None before it has one."""
        return self._process.child_pid

    @property
    def running(self) -> bool:
        """Whether the process serves; it is not replaced when it dies."""
        return self._process.running

    def set_faults(self, service: ServiceName, faults: Sequence[Fault]) -> None:
        """Replace the faults of a service."""
        self._call("PUT", service, "faults", faults)

    def clear(self) -> None:
        """Take back all faults and overrides of all services, forget orders, and count calls from zero."""
        for name in SERVICES:
            for what in ("faults", "overrides", "calls"):
                self._call("DELETE", name, what)
        self._call("DELETE", "order", "orders")

    def calls(self, service: ServiceName) -> dict[str, int]:
        """Return how often each endpoint was called since the last ``clear``; absent: never."""
        return msgspec.json.decode(self._call("GET", service, "calls"), type=dict[str, int])

    def override_price(self, security_id: str, price: Decimal | str | None) -> None:
        """Answer this price; a string is sent as it is ("NaN", "-1"); None: there is no price (404)."""
        text = f"{price:f}" if isinstance(price, Decimal) else price
        self._call("PUT", "pricing", "overrides", Overrides(prices={security_id: text}))

    def override_price_date(self, security_id: str, day: date | str | None) -> None:
        """Let a price be of this day; a string is sent as it is ("yesterday"); None: it has no date."""
        text = day.isoformat() if isinstance(day, date) else day
        self._call("PUT", "pricing", "overrides", Overrides(price_dates={security_id: text}))

    def override_summary(self, portfolio_id: str, body: object | str | None) -> None:
        """Answer this summary: what encodes to JSON, or raw text; None: the portfolio has no balance rows."""
        text = body if body is None or isinstance(body, str) else msgspec.json.encode(body).decode()
        self._call("PUT", "accounting", "overrides", Overrides(summaries={portfolio_id: text}))

    def override_holdings(self, portfolio_id: str, cash: Decimal, quantities: Mapping[str, Decimal]) -> None:
        """Let a portfolio have this cash and these shares, in its summary and its balances."""
        held = Held(cash=cash, quantities=dict(quantities))
        self._call("PUT", "accounting", "overrides", Overrides(holdings={portfolio_id: held}))

    def answer_as_documented(self) -> None:
        """Let all answer as their documents say: 404 for what is not there, summaries whole."""
        self._call("PUT", "accounting", "overrides", Overrides(is_documented=True))

    def orphan_security(self, security_id: str) -> None:
        """Take this security's type away: it is not found (404), and lists that have it are refused (400)."""
        self._call("PUT", "security", "overrides", Overrides(orphaned_securities=frozenset([security_id])))

    @property
    def orders(self) -> list[dict[str, Any]]:
        """All orders, as the order service shows them, by their ids; numbers are exact."""
        orders: list[dict[str, Any]] = json.loads(self._call("GET", "order", "orders"), parse_float=Decimal)
        return orders

    def add_orders(self, orders: Sequence[Mapping[str, object]]) -> list[int]:
        """Let others send orders, each as a body of the order service has it; their ids."""
        return msgspec.json.decode(self._call("POST", "order", "orders", orders), type=list[int])

    def change_orders(self, statuses: Mapping[int, str]) -> None:
        """Let orders, by id, have other statuses, by abbreviation: FULL, PART, CNCLD."""
        self._call("PUT", "order", "orders", statuses)

    def forget_security(self, security_id: str) -> None:
        """Let the security service not know this security (404, and not in its lists)."""
        self._call("PUT", "security", "overrides", Overrides(unknown_securities=frozenset([security_id])))

    def _call(self, method: str, service: ServiceName, what: str, body: object = None) -> bytes:
        encoded = None if body is None else msgspec.json.encode(body)
        answer = self._http.request(method, f"{self._urls[service]}/_sandbox/{what}", body=encoded)
        if answer.status != 200:  # noqa: PLR2004 - the one status of success here
            raise SimulatedSiblingsError(f"{service} refused {what}: {answer.data.decode(errors='replace')}")
        return answer.data
