"""What the rules of options do to a portfolio, as messages of the contract."""

from globeco.ordergen.v1 import rebalance_pb2 as pb

from ordergen_server.api.messages.numbers import set_decimal
from ordergen_server.api.messages.result_lines import SOURCES
from ordergen_server.domain.desk.explanations import Explanation, Relaxations, Rule, RulePrice


def add_explanation(message: pb.PortfolioRebalance, value: Explanation) -> None:
    """Write what was found into the message of a portfolio."""
    message.rule_prices.extend(map(_rule_price, value.rule_prices))
    if value.relaxations:
        message.relaxations.CopyFrom(_relaxations(value.relaxations))


def _rule_price(value: RulePrice) -> pb.RulePrice:
    message = pb.RulePrice(rule=_rule(value.rule), proven=value.proven)
    if value.drift_saved is not None:
        set_decimal(message.drift_saved, value.drift_saved)
    return message


def _relaxations(value: Relaxations) -> pb.Relaxations:
    sets = (pb.RuleSet(rules=map(_rule, rules)) for rules in value.sets)
    return pb.Relaxations(sets=sets, incomplete=value.incomplete)


def _rule(value: Rule) -> pb.Rule:
    kind = pb.RuleKind.Value(f"RULE_KIND_{value.kind.name}")
    message = pb.Rule(kind=kind, security_id=value.security_id, ticker=value.ticker, name=value.name)
    if value.source:
        message.source = SOURCES[value.source]
    return message
