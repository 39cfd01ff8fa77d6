"""What siblings tell about the world: one immutable snapshot a run."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from ordergen_server.domain.errors import DataProblem, MissingData, Resource, StalePrice, Violation


@dataclass(frozen=True, slots=True)
class Holdings:
    """Cash and shares of one portfolio.

    Attributes:
        cash: in money; negative where the account is overdrawn.
        quantities: shares by security id; fractional and negative ones are real.
    """

    portfolio_id: str
    cash: Decimal
    quantities: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one share, in money, above 0, and the day of which it is; None where nobody says."""

    value: Decimal
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A security's ticker and its price, as a `Price` has it."""

    ticker: str
    price: Decimal
    price_date: date | None = None


@dataclass(frozen=True, slots=True)
class NoPrice:
    """A security that is known, and what is wrong with its price: there is none, or none that can be."""

    ticker: str
    problem: DataProblem


#: What siblings say of a security; a problem by itself is one of the security, whatever its price is.
Quoted = Quote | NoPrice | DataProblem


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Tickers and prices of all securities at one time.

    Attributes:
        quotes: by security id; where a sibling's record of a security or its price is missing or bad, that
            problem.
        time: when the prices were read, UTC.
        prices: by ticker, where the securities could not be listed and `quotes` has those alone that were
            asked for: what turns up later is quoted at the prices of the same time. None: `quotes` has all.
    """

    quotes: Mapping[str, Quoted]
    time: datetime
    prices: Mapping[str, Price | DataProblem] | None = None

    def quote(self, security_id: str) -> Quote:
        """The ticker and price of a security.

        Raises:
            DataProblem: the security or its price is unknown, or what a sibling says of it cannot be.
        """
        found = self.quotes.get(security_id)
        if isinstance(found, Quote):
            return found
        if found is None:
            raise missing("security", "security", security_id, security_id)
        problem = found.problem if isinstance(found, NoPrice) else found
        raise problem.with_traceback(None)  # shared by every portfolio: it must not collect their frames


def missing(service: str, what: str, security_id: str, name: str) -> MissingData:
    """The error of a sibling that does not know a security."""
    rule = f"the {service} service has no {what} {name}"
    return MissingData(
        f"Security {security_id}: {rule}; it must be added there, or leave the model and the portfolio.",
        metadata={"service": service, "security_id": security_id},
        violations=[Violation(security_id, rule, f"MISSING_{what.upper()}")],
        resource=Resource(what.capitalize(), name),
    )


def check_age(security_id: str, quote: Quote, oldest: date | None) -> None:
    """Raise StalePrice where a price is of a day before `oldest`, or of none; None: any will do."""
    if oldest is None or (quote.price_date is not None and quote.price_date >= oldest):
        return
    known = f"is of {quote.price_date}" if quote.price_date else "has no date"
    rule = f"the price of {quote.ticker} {known}, and must be of {oldest} or later"
    raise StalePrice(
        f"Security {security_id}: {rule}: it must be renewed in the pricing service, or older ones be allowed"
        " by maximum_price_age_days.",
        metadata={"service": "pricing", "security_id": security_id, "oldest_date": str(oldest)},
        violations=[Violation(security_id, rule, "STALE_PRICE")],
        resource=Resource("Price", quote.ticker),
    )


class MarketSource(Protocol):
    """Where tickers and prices come from."""

    def snapshot(self, timeout_seconds: float, needed: Collection[str] = ()) -> MarketSnapshot:
        """Read tickers and prices of all securities.

        Where one of the `needed` securities is not among those kept, it is looked for again.

        Raises:
            SiblingUnavailable: a sibling does not answer, or answers what cannot be read.
            DeadlineExceeded: `timeout_seconds` ran out.
        """

    def quotes(
        self, snapshot: MarketSnapshot, security_ids: Collection[str], timeout_seconds: float
    ) -> Mapping[str, Quoted]:
        """The quotes of more securities at the prices of a snapshot, of none where it has all quotes.

        Raises as `snapshot`.
        """


class PortfolioSource(Protocol):
    """Where holdings and names come from."""

    def holdings(self, portfolio_id: str, timeout_seconds: float) -> Holdings:
        """Read cash and shares of a portfolio.

        Raises:
            SiblingUnavailable: portfolio accounting does not answer.
            BadData: it answered what cannot be.
            DeadlineExceeded: `timeout_seconds` ran out.
        """

    def name(self, portfolio_id: str, timeout_seconds: float) -> str:
        """The name of a portfolio; empty where the portfolio service does not know or does not answer."""
