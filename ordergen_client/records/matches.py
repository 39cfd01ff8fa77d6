"""What texts stand for: securities and portfolios, as records."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Security:
    """A security that a text stands for.

    Attributes:
        ticker: empty where the security service has none that can be.
        price: of one share, in money; None where the pricing service has none that can be.
    """

    security_id: str
    ticker: str
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class SecurityMatches:
    """The securities that one text stands for.

    Attributes:
        asked: the text.
        securities: by id, at most 10; empty where it stands for none.
        more: whether it stands for more.
    """

    asked: str
    securities: tuple[Security, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A portfolio that a text stands for; several may have one name."""

    portfolio_id: str
    name: str


@dataclass(frozen=True, slots=True)
class PortfolioMatches:
    """The portfolios that one text stands for.

    Attributes:
        asked: the text.
        portfolios: by id, at most 10; empty where it stands for none.
        more: whether it stands for more.
    """

    asked: str
    portfolios: tuple[Portfolio, ...]
    more: bool
