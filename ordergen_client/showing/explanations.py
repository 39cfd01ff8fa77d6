"""What the rules of options do to a portfolio, as rows and as words; nothing where it was not asked for."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from ordergen_client.records.explanations import Rule, RulePrice
from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.showing.columns import percent

_WORDS: Final = {
    "CASH_FLOOR": "cash floor",
    "RESTRICTION": "restriction",
    "LOT_SIZE": "lot size",
    "MINIMUM_TRADE_VALUE": "minimum trade value",
    "MAXIMUM_TURNOVER": "maximum turnover",
    "MAXIMUM_TRADE_COUNT": "maximum trade count",
    "SIDES": "sides",
    "SECURITY_LIMIT": "security limit",
    "GROUP_LIMIT": "group limit",
}


def explanation_row(portfolio: PortfolioRebalance) -> dict[str, object]:
    """For programs."""
    found: dict[str, object] = {}
    if portfolio.rule_prices:
        found["rule_prices"] = [asdict(one) for one in portfolio.rule_prices]
    if portfolio.relaxations:
        found["relaxations"] = {
            "sets": [[asdict(rule) for rule in rules] for rules in portfolio.relaxations.sets],
            "incomplete": portfolio.relaxations.incomplete,
        }
    return found


def rules_told(portfolio: PortfolioRebalance) -> dict[str, object]:
    """For eyes: lines by their names."""
    found: dict[str, object] = {}
    if portfolio.rule_prices:
        found["Rules cost"] = "; ".join(map(_price, portfolio.rule_prices))
    if portfolio.relaxations:
        sets = "; or ".join(_together(rules) for rules in portfolio.relaxations.sets)
        more = "; the search was cut short" if portfolio.relaxations.incomplete else ""
        found["Feasible without"] = (sets or "no rule that was tried") + more
    return found


def _price(price: RulePrice) -> str:
    rule = _rule(price.rule)
    if price.drift_saved is None:
        return f"{rule}: not known in the time there was"
    told = f"{rule}: {percent(price.drift_saved)} of market value in drift"
    return told if price.proven else f"{told}, not proven"


def _together(rules: Iterable[Rule]) -> str:
    return " and ".join(map(_rule, rules))


def _rule(rule: Rule) -> str:
    about = rule.ticker or rule.security_id or rule.name
    words = _WORDS.get(rule.kind, rule.kind)
    told = f"{words} of {about}" if about else words
    return f"{told}, by the portfolio's settings" if rule.source == "SETTINGS" else told
