"""What options choose between, off the wire; what is none of the choices is a violation."""

from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.domain.rebalances.options import Sides, Strategy, Unpriced
from ordergen_server.domain.requests.violations import Violations

_SIDES: dict[int, Sides] = {
    rebalance_pb2.SIDES_UNSPECIFIED: Sides.BUY_AND_SELL,
    rebalance_pb2.SIDES_BUY_AND_SELL: Sides.BUY_AND_SELL,
    rebalance_pb2.SIDES_BUY_ONLY: Sides.BUY_ONLY,
    rebalance_pb2.SIDES_SELL_ONLY: Sides.SELL_ONLY,
}
_UNPRICED: dict[int, Unpriced] = {
    rebalance_pb2.UNPRICED_UNSPECIFIED: Unpriced.FAIL,
    rebalance_pb2.UNPRICED_FAIL: Unpriced.FAIL,
    rebalance_pb2.UNPRICED_FREEZE: Unpriced.FREEZE,
}


def strategy(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> Strategy:
    """What a rebalance minimises."""
    match message.strategy:
        case rebalance_pb2.STRATEGY_UNSPECIFIED | rebalance_pb2.STRATEGY_TO_TARGET:
            return Strategy.TO_TARGET
        case rebalance_pb2.STRATEGY_TO_BAND:
            return Strategy.TO_BAND
    violations.add("options.strategy", "must be TO_TARGET, TO_BAND or unspecified", message.strategy)
    return Strategy.TO_TARGET


def sides(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> Sides:
    """On which sides orders may be."""
    if message.sides not in _SIDES:
        rule = "must be BUY_AND_SELL, BUY_ONLY, SELL_ONLY or unspecified"
        violations.add("options.sides", rule, message.sides)
    return _SIDES.get(message.sides, Sides.BUY_AND_SELL)


def unpriced(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> Unpriced:
    """What becomes of securities without a usable price."""
    if message.unpriced not in _UNPRICED:
        violations.add("options.unpriced", "must be FAIL, FREEZE or unspecified", message.unpriced)
    return _UNPRICED.get(message.unpriced, Unpriced.FAIL)
