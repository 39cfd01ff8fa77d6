"""What the options of a run demand of the answer for a portfolio."""

from decimal import Decimal

import optimizer
from ordergen_server.domain.numbers import ZERO, product, raised
from ordergen_server.domain.rebalances.options import LotSides, RebalanceOptions, Sides


def cash_floor(market_value: Decimal, options: RebalanceOptions) -> Decimal | None:
    """Cash to keep, in money: the greater of amount and weight, 0 where neither is given; None: no floor."""
    if options.allow_overdraft:
        return None
    floors = []
    if options.minimum_cash_amount is not None:
        floors.append(options.minimum_cash_amount)
    if options.minimum_cash_weight is not None:
        # Cash has fewer decimals than this, so it is above the one exactly where it is above the other.
        floors.append(raised(product(market_value, options.minimum_cash_weight), optimizer.MAX_DIGITS))
    return max(floors, default=ZERO)


def constraints_of(options: RebalanceOptions) -> tuple[optimizer.Constraint, ...]:
    """The constraints beyond bands and cash."""
    found: list[optimizer.Constraint] = [
        optimizer.Restriction(one.security_id, optimizer.Side[one.type.name]) for one in options.restrictions
    ]
    found += [
        optimizer.LotSize(one.security_id, one.shares, buys_only=one.applies_to is LotSides.BUYS)
        for one in options.lot_sizes
    ]
    if options.sides is not Sides.BUY_AND_SELL:
        found.append(optimizer.OneSided(optimizer.Sides[options.sides.name]))
    if options.minimum_trade_value is not None:
        found.append(optimizer.MinimumTradeValue(options.minimum_trade_value))
    if options.maximum_turnover_weight is not None:
        found.append(optimizer.MaximumTurnover(options.maximum_turnover_weight))
    if options.maximum_trade_count is not None:
        found.append(optimizer.MaximumTradeCount(options.maximum_trade_count))
    if options.costs is not None:
        found.append(optimizer.TradingCosts(options.costs.rate_weight, options.costs.per_trade_amount))
    found += [
        optimizer.SecurityLimit(one.security_id, one.minimum_weight, one.maximum_weight)
        for one in options.security_limits
    ]
    found += [
        optimizer.GroupLimit(one.name, one.security_ids, one.minimum_weight, one.maximum_weight)
        for one in options.group_limits
    ]
    return tuple(found)
