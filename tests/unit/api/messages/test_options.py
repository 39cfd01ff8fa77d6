"""Options of a run become values of the domain, or violations with their paths."""

from decimal import Decimal

import pytest
from globeco.ordergen.v1 import rebalance_pb2
from google.protobuf import duration_pb2
from google.type import decimal_pb2

from ordergen_server.api.messages.options import rebalance_options
from ordergen_server.domain.rebalances.options import (
    LotSides,
    LotSize,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Sides,
    Strategy,
    TradingCosts,
    Unpriced,
)
from tests.builders import security_id
from tests.unit.api.messages.decoded import decoded, number_of

Options = rebalance_pb2.RebalanceOptions


def options(message: Options) -> tuple[RebalanceOptions, list[tuple[str, str]]]:
    return decoded(lambda violations: rebalance_options(message, violations))


def test_no_options() -> None:
    assert options(Options()) == (RebalanceOptions(), [])


def test_all_supported_options() -> None:
    message = Options(
        strategy=rebalance_pb2.STRATEGY_TO_TARGET,
        minimum_cash=rebalance_pb2.MinimumCash(
            amount=decimal_pb2.Decimal(value="1000.50"), weight=decimal_pb2.Decimal(value="0.02")
        ),
        solver_timeout=duration_pb2.Duration(seconds=2, nanos=500_000_000),
    )
    expected = RebalanceOptions(
        Decimal("1000.50"), Decimal("0.02"), allow_overdraft=False, solver_timeout_seconds=2.5
    )
    assert options(message) == (expected, [])
    assert options(Options(allow_overdraft=True)) == (RebalanceOptions(allow_overdraft=True), [])
    assert options(Options(allow_overdraft=False)) == (RebalanceOptions(), [])


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (Options(solver_timeout=duration_pb2.Duration()), "options.solver_timeout"),
        (Options(solver_timeout=duration_pb2.Duration(seconds=-1)), "options.solver_timeout"),
        (Options(solver_timeout=duration_pb2.Duration(seconds=3601)), "options.solver_timeout"),
        (Options(solver_timeout=duration_pb2.Duration(seconds=2**62)), "options.solver_timeout"),
        (
            Options(minimum_cash=rebalance_pb2.MinimumCash(amount=decimal_pb2.Decimal(value="much"))),
            "options.minimum_cash.amount",
        ),
        (
            Options(minimum_cash=rebalance_pb2.MinimumCash(amount=decimal_pb2.Decimal(value="-0.01"))),
            "options.minimum_cash.amount",
        ),
        (Options(solver_timeout=duration_pb2.Duration(seconds=5, nanos=-1)), "options.solver_timeout"),
        (Options(solver_timeout=duration_pb2.Duration(nanos=1_000_000_000)), "options.solver_timeout"),
        (
            Options(minimum_cash=rebalance_pb2.MinimumCash(weight=decimal_pb2.Decimal(value="1.01"))),
            "options.minimum_cash.weight",
        ),
        (
            Options(minimum_cash=rebalance_pb2.MinimumCash(weight=decimal_pb2.Decimal(value="-0.01"))),
            "options.minimum_cash.weight",
        ),
    ],
)
def test_bad_options(message: Options, path: str) -> None:
    _, broken = options(message)
    assert [subject for subject, _ in broken] == [path]


def restricted(*kinds: int) -> Options:
    """Securities 1, 2 and so on, restricted so."""
    message = Options()
    for place, kind in enumerate(kinds, 1):
        message.restrictions.add(security_id=security_id(place), type=kind)
    return message


def lot_of(place: int, sides: str) -> rebalance_pb2.LotSize:
    """Five shares of a security, for orders of these sides."""
    kind = rebalance_pb2.LotSides.Value(sides)
    return rebalance_pb2.LotSize(security_id=security_id(place), shares=5, applies_to=kind)


def in_lots(*sizes: tuple[int, int]) -> Options:
    lots = [rebalance_pb2.LotSize(security_id=security_id(one), shares=shares) for one, shares in sizes]
    return Options(lot_sizes=lots)


def costly(rate_weight: str, per_trade_amount: str) -> Options:
    costs = rebalance_pb2.TradingCosts(
        rate_weight=number_of(rate_weight), per_trade_amount=number_of(per_trade_amount)
    )
    return Options(costs=costs)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Options(strategy=rebalance_pb2.STRATEGY_TO_BAND), RebalanceOptions(strategy=Strategy.TO_BAND)),
        (
            Options(minimum_trade_value=number_of("99.50")),
            RebalanceOptions(minimum_trade_value=Decimal("99.50")),
        ),
        (
            Options(maximum_turnover_weight=number_of("0")),
            RebalanceOptions(maximum_turnover_weight=Decimal(0)),
        ),
        (Options(maximum_turnover_weight=number_of("")), RebalanceOptions()),
        (Options(maximum_trade_count=0), RebalanceOptions(maximum_trade_count=0)),
        (Options(costs=rebalance_pb2.TradingCosts()), RebalanceOptions(costs=TradingCosts())),
        (costly("0.0015", "9.50"), RebalanceOptions(costs=TradingCosts(Decimal("0.0015"), Decimal("9.50")))),
        (Options(maximum_price_age_days=0), RebalanceOptions(maximum_price_age_days=0)),
        (Options(maximum_price_age_days=3650), RebalanceOptions(maximum_price_age_days=3650)),
        (
            restricted(1, 2, 3),
            RebalanceOptions(
                restrictions=(
                    Restriction(security_id(1), RestrictionType.DO_NOT_BUY),
                    Restriction(security_id(2), RestrictionType.DO_NOT_SELL),
                    Restriction(security_id(3), RestrictionType.HOLD),
                )
            ),
        ),
        (
            in_lots((1, 100), (2, 1)),
            RebalanceOptions(lot_sizes=(LotSize(security_id(1), 100), LotSize(security_id(2), 1))),
        ),
        (
            Options(
                lot_sizes=[lot_of(place, name) for place, name in enumerate(rebalance_pb2.LotSides.keys())]
            ),
            RebalanceOptions(
                lot_sizes=(
                    LotSize(security_id(0), 5, LotSides.BOTH),
                    LotSize(security_id(1), 5, LotSides.BOTH),
                    LotSize(security_id(2), 5, LotSides.BUYS),
                )
            ),
        ),
        (Options(unpriced=rebalance_pb2.UNPRICED_FAIL), RebalanceOptions()),
        (Options(unpriced=rebalance_pb2.UNPRICED_FREEZE), RebalanceOptions(unpriced=Unpriced.FREEZE)),
        (Options(sides=rebalance_pb2.SIDES_BUY_AND_SELL), RebalanceOptions()),
        (Options(sides=rebalance_pb2.SIDES_BUY_ONLY), RebalanceOptions(sides=Sides.BUY_ONLY)),
        (Options(sides=rebalance_pb2.SIDES_SELL_ONLY), RebalanceOptions(sides=Sides.SELL_ONLY)),
    ],
)
def test_options_that_change_what_may_be_traded(message: Options, expected: RebalanceOptions) -> None:
    assert options(message) == (expected, [])


@pytest.mark.parametrize(
    ("message", "paths"),
    [
        (Options(minimum_trade_value=number_of("-1")), ["options.minimum_trade_value"]),
        (Options(minimum_trade_value=number_of("x")), ["options.minimum_trade_value"]),
        (Options(maximum_turnover_weight=number_of("-0.1")), ["options.maximum_turnover_weight"]),
        (Options(maximum_trade_count=-1), ["options.maximum_trade_count"]),
        (costly("-0.1", "-0.01"), ["options.costs.rate_weight", "options.costs.per_trade_amount"]),
        (costly("1", "x"), ["options.costs.per_trade_amount", "options.costs.rate_weight"]),
        (Options(maximum_price_age_days=-1), ["options.maximum_price_age_days"]),
        (Options(maximum_price_age_days=3651), ["options.maximum_price_age_days"]),
        (restricted(1, 0), ["options.restrictions[1].type"]),
        (restricted(99), ["options.restrictions[0].type"]),
        (
            Options(restrictions=[rebalance_pb2.Restriction(type=rebalance_pb2.RESTRICTION_TYPE_HOLD)]),
            ["options.restrictions[0].security_id"],
        ),
        (in_lots((1, 0)), ["options.lot_sizes[0].shares"]),
        (in_lots((1, 5), (1, 6)), ["options.lot_sizes[1].security_id"]),
        (in_lots((1, -5), (1, 6)), ["options.lot_sizes[0].shares", "options.lot_sizes[1].security_id"]),
        (Options.FromString(b"\x08\x63"), ["options.strategy"]),
        (Options.FromString(b"\x50\x04"), ["options.sides"]),
        (Options.FromString(b"\x70\x03"), ["options.unpriced"]),
        (
            Options(lot_sizes=[rebalance_pb2.LotSize.FromString(b"\x10\x01\x18\x03")]),
            ["options.lot_sizes[0].security_id", "options.lot_sizes[0].applies_to"],
        ),
    ],
)
def test_bad_options_by_their_paths(message: Options, paths: list[str]) -> None:
    _, broken = options(message)
    assert [subject for subject, _ in broken] == paths


def test_a_security_restricted_twice() -> None:
    message = restricted(1)
    message.restrictions.add(security_id=security_id(1), type=rebalance_pb2.RESTRICTION_TYPE_HOLD)
    _, broken = options(message)
    assert [subject for subject, _ in broken] == ["options.restrictions[1].security_id"]
