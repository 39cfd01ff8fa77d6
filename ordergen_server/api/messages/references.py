"""What texts stand for, as messages of the contract."""

from globeco.ordergen.v1 import reference_service_pb2 as pb

from ordergen_server.api.messages.numbers import set_decimal
from ordergen_server.domain.references import Matches, Portfolio, Security


def security_matches(value: Matches[Security]) -> pb.SecurityMatches:
    """The securities that a text stands for."""
    message = pb.SecurityMatches(asked=value.asked, more=value.more)
    for security in value.items:
        line = message.securities.add(security_id=security.security_id, ticker=security.ticker)
        if security.price is not None:
            set_decimal(line.price, security.price)
    return message


def portfolio_matches(value: Matches[Portfolio]) -> pb.PortfolioMatches:
    """The portfolios that a text stands for."""
    message = pb.PortfolioMatches(asked=value.asked, more=value.more)
    for portfolio in value.items:
        message.portfolios.add(portfolio_id=portfolio.portfolio_id, name=portfolio.name)
    return message
