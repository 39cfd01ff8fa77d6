"""The readers over gRPC: the same checks as over HTTP, on the messages of protos/globeco/<sibling>/v1."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Generic

from globeco.portfolio.v1.portfolio_service_pb2 import ListPortfoliosRequest, ListPortfoliosResponse
from globeco.portfolio.v1.portfolio_service_pb2_grpc import PortfolioServiceStub
from globeco.portfolio_accounting.v1.portfolio_accounting_service_pb2 import (
    GetPortfolioSummaryRequest,
    PortfolioSummary,
    SecurityBalance,
)
from globeco.portfolio_accounting.v1.portfolio_accounting_service_pb2_grpc import (
    PortfolioAccountingServiceStub,
)
from globeco.pricing.v1.pricing_service_pb2 import ListPricesRequest, ListPricesResponse
from globeco.pricing.v1.pricing_service_pb2 import Price as PriceMessage
from globeco.pricing.v1.pricing_service_pb2_grpc import PricingServiceStub
from globeco.security.v1.security_service_pb2 import ListSecuritiesRequest, ListSecuritiesResponse
from globeco.security.v1.security_service_pb2_grpc import SecurityServiceStub
from google.type import date_pb2

from ordergen_server.domain.market import Holdings, Price
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Flaw, Refused
from ordergen_server.siblings.calling.grpc_service import GrpcService, Request, Response
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.reading import decimals, readers
from ordergen_server.siblings.reading.entries import not_blank, unique
from ordergen_server.siblings.reading.holdings import Line, Summary, checked_holdings, new_holdings

if TYPE_CHECKING:
    from ordergen_server.siblings.calling.grpc_service import MethodOf


class GrpcReader(Generic[Request, Response]):
    """What all readers over gRPC have: one service, one method of it, a question that it always answers."""

    service: str

    def __init__(
        self,
        config: SiblingConfig,
        method: "MethodOf[Request, Response]",
        question: Request,
        observer: SiblingObserver = UNOBSERVED,
    ) -> None:
        self._grpc = GrpcService(self.service, config, method, observer)
        self._question = question

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker before the service."""
        return self._grpc.caller.breaker

    def look(self, timeout_seconds: float) -> None:
        """Ask the question once; see Reader."""
        self._grpc.look(self._question, timeout_seconds)

    def close(self) -> None:
        """Close the channel; calls under way end as unavailable."""
        self._grpc.close()


class GrpcSecurityReader(GrpcReader[ListSecuritiesRequest, ListSecuritiesResponse]):
    """Calls SecurityService.ListSecurities."""

    service = readers.SECURITY

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        super().__init__(
            config,
            lambda channel: SecurityServiceStub(channel).ListSecurities,
            ListSecuritiesRequest(),
            observer,
        )

    def read_tickers(self, deadline: Deadline) -> Mapping[str, str | Flaw]:
        """The ticker of every security by its id; there is always a list."""
        with self._grpc.caller.answering():
            return self._grpc.get(ListSecuritiesRequest(), _tickers, deadline)

    def read_ticker(self, security_id: str, deadline: Deadline) -> str | Flaw | None:
        """The ticker of one security, out of the list; None where there is no such security."""
        return self.read_tickers(deadline).get(security_id)


class GrpcPriceReader(GrpcReader[ListPricesRequest, ListPricesResponse]):
    """Calls PricingService.ListPrices."""

    service = readers.PRICING

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        super().__init__(
            config, lambda channel: PricingServiceStub(channel).ListPrices, ListPricesRequest(), observer
        )

    def read_prices(self, deadline: Deadline) -> Mapping[str, Price | Flaw]:
        """The price of one share, in money, by ticker."""
        with self._grpc.caller.answering():
            return self._grpc.get(ListPricesRequest(), _prices, deadline)


class GrpcNameReader(GrpcReader[ListPortfoliosRequest, ListPortfoliosResponse]):
    """Calls PortfolioService.ListPortfolios."""

    service = readers.PORTFOLIO

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        super().__init__(
            config,
            lambda channel: PortfolioServiceStub(channel).ListPortfolios,
            ListPortfoliosRequest(),
            observer,
        )

    def read_names(self, deadline: Deadline) -> Mapping[str, str]:
        """The name of every portfolio by its id."""
        with self._grpc.caller.answering():
            return self._grpc.get(ListPortfoliosRequest(), _names, deadline)


class GrpcAccountingReader(GrpcReader[GetPortfolioSummaryRequest, PortfolioSummary]):
    """Calls PortfolioAccountingService.GetPortfolioSummary."""

    service = readers.PORTFOLIO_ACCOUNTING

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        super().__init__(
            config,
            lambda channel: PortfolioAccountingServiceStub(channel).GetPortfolioSummary,
            GetPortfolioSummaryRequest(portfolio_id=readers.NO_PORTFOLIO),
            observer,
        )

    def look(self, timeout_seconds: float) -> None:
        """Ask for a portfolio that there is none of: that it is not found is the answer."""
        try:
            super().look(timeout_seconds)
        except Refused as refusal:
            if not refusal.is_unknown:
                raise

    def read_holdings(self, portfolio_id: str, deadline: Deadline) -> Holdings:
        """Cash and shares of a portfolio; new and empty where accounting has no record of it.

        Raises:
            BadData: the answer is about this portfolio and cannot be.
            SiblingUnavailable: portfolio accounting does not answer.
            DeadlineExceeded: the deadline passed first.
        """
        request = GetPortfolioSummaryRequest(portfolio_id=portfolio_id)
        summary: Summary | Flaw
        try:
            summary = self._grpc.get(request, _summary, deadline)
        except Refused as refusal:
            if refusal.is_unknown:
                return new_holdings(portfolio_id)
            summary = Flaw("status", refusal.reason)
        return checked_holdings(portfolio_id, summary)


def _tickers(response: ListSecuritiesResponse) -> Mapping[str, str | Flaw]:
    return unique(
        (each.security_id, not_blank(each.ticker, f"securities[{index}].ticker"))
        for index, each in enumerate(response.securities)
    )


def _prices(response: ListPricesResponse) -> Mapping[str, Price | Flaw]:
    return unique(
        (each.ticker, _price(each, f"prices[{index}].close")) for index, each in enumerate(response.prices)
    )


def _price(message: PriceMessage, path: str) -> Price | Flaw:
    value = decimals.price(message.close.value, path)
    return value if isinstance(value, Flaw) else Price(value, _day(message.date))


def _day(message: date_pb2.Date) -> date | None:
    """A day; None of none, and of what is none, as a month alone."""
    try:
        return date(message.year, message.month, message.day)
    except ValueError:
        return None


def _names(response: ListPortfoliosResponse) -> Mapping[str, str]:
    return {each.portfolio_id: each.name for each in response.portfolios}


def _summary(response: PortfolioSummary) -> Summary:
    portfolio_id = not_blank(response.portfolio_id, "portfolio_id")
    cash = decimals.amount(response.cash_balance.value, "cash_balance")
    return Summary("portfolio_id", portfolio_id, cash, [_line(each) for each in response.securities])


def _line(balance: SecurityBalance) -> Line:
    quantity = decimals.amount(balance.net_quantity.value, "net_quantity")
    return not_blank(balance.security_id, "security_id"), quantity
