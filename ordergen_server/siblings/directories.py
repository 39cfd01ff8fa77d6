"""Directories of what siblings list, and what is refused while the security service lists nothing."""

from collections.abc import Collection, Mapping
from operator import attrgetter

from ordergen_server.domain.errors import BadData, Violation
from ordergen_server.domain.market import Price
from ordergen_server.domain.references import Directory, Portfolio, Security
from ordergen_server.domain.requests.ids import is_entity_id
from ordergen_server.siblings.calling.failures import Flaw, bad_data
from ordergen_server.siblings.reading.readers import SECURITY


def security_directory(
    tickers: Mapping[str, str | Flaw], prices: Mapping[str, Price | Flaw]
) -> Directory[Security]:
    """Securities with their prices.

    Args:
        tickers: by security id.
        prices: of one share, by ticker.
    """
    securities = {key: _security(key, ticker, prices) for key, ticker in tickers.items()}
    return Directory(securities, attrgetter("ticker"))


def portfolio_directory(names: Mapping[str, str]) -> Directory[Portfolio]:
    """Portfolios, of their names by id."""
    return Directory({key: Portfolio(key, name) for key, name in names.items()}, attrgetter("name"))


def refuse_all_but_ids(texts: Collection[str]) -> None:
    """Raise BadData where a text is no id: only the list, which is refused, could tell what it stands for."""
    others = [one for one in texts if not is_entity_id(one)]
    if others:
        rule = f"the {SECURITY} service refuses to list securities, and this is no id of one"
        raise BadData(
            f"The {SECURITY} service refuses to list its securities, because of one that breaks its rules:"
            " give ids of 24 alphanumeric characters, or have that one mended there.",
            metadata={"service": SECURITY},
            violations=[Violation(one, rule, "NOT_LISTED") for one in others],
        )


def refuse_bad_records(tickers: Mapping[str, str | Flaw | None]) -> None:
    """Raise BadData where a record that was read by itself is bad: nobody can say what it is, or whether."""
    problems = [bad_data(SECURITY, key, flaw) for key, flaw in tickers.items() if isinstance(flaw, Flaw)]
    if problems:
        violations = [violation for problem in problems for violation in problem.violations]
        raise BadData(problems[0].message, metadata=problems[0].metadata, violations=violations)


def _security(security_id: str, ticker: str | Flaw, prices: Mapping[str, Price | Flaw]) -> Security:
    """A security that may lack what cannot be: whoever rebalances it is told why."""
    if isinstance(ticker, Flaw):
        return Security(security_id, "", None)
    price = prices.get(ticker)
    return Security(security_id, ticker, price.value if isinstance(price, Price) else None)
