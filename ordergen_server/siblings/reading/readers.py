"""What a transport must be able to read. Whoever uses a reader cannot tell its transport.

Every `read...` raises SiblingUnavailable where its service does not answer, or answers what is not of the
form promised, and DeadlineExceeded where the deadline passes first.
"""

from collections.abc import Mapping
from typing import Protocol

from ordergen_server.domain.market import Holdings, Price
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Flaw

#: The names of the services, as errors and logs show them.
PORTFOLIO_ACCOUNTING = "portfolio-accounting"
PRICING = "pricing"
SECURITY = "security"
PORTFOLIO = "portfolio"
ORDER = "order"
#: Of a portfolio that there is none of.
NO_PORTFOLIO = "0" * 24


class Reader(Protocol):
    """What all readers have."""

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker before the service."""

    def look(self, timeout_seconds: float) -> None:
        """Ask once what the service must be able to answer, at the least cost; its breaker is left alone.

        Raises:
            AttemptFailed, Refused: what became of it.
            DeadlineExceeded: all connections to it were in use for so long.
        """

    def close(self) -> None:
        """Close every connection; calls under way end as unavailable."""


class SecurityReader(Reader, Protocol):
    """Reads the security service."""

    def read_tickers(self, deadline: Deadline) -> Mapping[str, str | Flaw] | None:
        """The ticker of every security by its id; a record that cannot be is a flaw of its security alone.

        None where the service is well and lists nothing, because of one security that breaks its own rules.
        """

    def read_ticker(self, security_id: str, deadline: Deadline) -> str | Flaw | None:
        """The ticker of one security, for when there is no list; None where there is no such security."""


class PriceReader(Reader, Protocol):
    """Reads the pricing service."""

    def read_prices(self, deadline: Deadline) -> Mapping[str, Price | Flaw]:
        """Prices by ticker; one that cannot be is a flaw of its ticker alone, a day that is none no day."""


class AccountingReader(Reader, Protocol):
    """Reads portfolio accounting."""

    def read_holdings(self, portfolio_id: str, deadline: Deadline) -> Holdings:
        """Cash and shares of a portfolio; new and empty where accounting has no record of it.

        Raises:
            BadData: the answer is about this portfolio and cannot be.
        """


class NameReader(Reader, Protocol):
    """Reads the portfolio service."""

    def read_names(self, deadline: Deadline) -> Mapping[str, str]:
        """The name of every portfolio by its id."""
