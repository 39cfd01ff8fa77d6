"""Runs with each option: every number and every rule of every answer checked anew."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pymongo
import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import duration_pb2
from google.type import decimal_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, message_of, served
from tests.e2e.runs import check_answers, check_told
from tests.limits import PATIENCE

pb = rebalance_pb2
PORTFOLIOS = 10
Options = pb.RebalanceOptions


@pytest.fixture(scope="module")
def running(
    mongodb_uri: str, clean_siblings: SimulatedSiblings, worker_id: str
) -> Iterator[tuple[Api, model_pb2.Model]]:
    """A server with a model; nothing else is rebalanced there."""
    name = f"ordergen-test-options-{worker_id}"
    with served(mongodb_uri, name, clean_siblings) as api:
        yield api, api.create(message_of(clean_siblings.model, portfolios=PORTFOLIOS))
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)


def number(text: str) -> decimal_pb2.Decimal:
    return decimal_pb2.Decimal(value=text)


def restricted(model: model_pb2.Model) -> Options:
    """Every third security each of the three ways."""
    kinds = [pb.RESTRICTION_TYPE_DO_NOT_BUY, pb.RESTRICTION_TYPE_DO_NOT_SELL, pb.RESTRICTION_TYPE_HOLD]
    found = Options()
    for place, one in enumerate(model.positions[:12]):
        found.restrictions.add(security_id=one.security_id, type=kinds[place % 3])
    return found


def in_lots(model: model_pb2.Model) -> Options:
    found = Options()
    for place, one in enumerate(model.positions[:20]):
        found.lot_sizes.add(security_id=one.security_id, shares=2 + place % 4)
    return found


def in_lots_of_buys(model: model_pb2.Model) -> Options:
    found = in_lots(model)
    for one in found.lot_sizes:
        one.applies_to = pb.LOT_SIDES_BUYS
    return found


def limited(model: model_pb2.Model) -> Options:
    """Somewhat less than the target at most, somewhat more at least, or nothing that binds."""
    found = Options()
    for place, one in enumerate(model.positions[:12]):
        target = Decimal(one.target.value)
        limit = found.security_limits.add(security_id=one.security_id)
        if place % 3 == 0:
            limit.maximum_weight.value = str(target * Decimal("0.9"))
        elif place % 3 == 1:
            limit.minimum_weight.value = str(target * Decimal("1.1"))
        else:
            limit.minimum_weight.value, limit.maximum_weight.value = "0", "1"
    return found


def grouped(model: model_pb2.Model) -> Options:
    """Groups of ten, the first at most, the second at least a little beside its targets."""
    found = Options(solver_timeout=duration_pb2.Duration(nanos=400_000_000))
    for place, (side, part) in enumerate((("maximum_weight", "0.97"), ("minimum_weight", "1.03"))):
        members = model.positions[10 * place : 10 * place + 10]
        group = found.group_limits.add(name=f"G{place}", security_ids=[one.security_id for one in members])
        total = sum((Decimal(one.target.value) for one in members), Decimal(0))
        getattr(group, side).value = str(total * Decimal(part))
    return found


def barred(model: model_pb2.Model) -> Options:
    """A security that is worth more than it may be, and stays; another by itself in a group."""
    found = Options()
    alone, grouped = model.positions[:2]
    for one in (alone, grouped):
        found.restrictions.add(security_id=one.security_id, type=pb.RESTRICTION_TYPE_HOLD)
    found.security_limits.add(security_id=alone.security_id).maximum_weight.value = "0"
    group = found.group_limits.add(name="Held", security_ids=[grouped.security_id])
    group.maximum_weight.CopyFrom(grouped.target)
    return found


def everything(model: model_pb2.Model) -> Options:
    found = restricted(model)
    found.lot_sizes.add(security_id=model.positions[13].security_id, shares=3)
    found.minimum_trade_value.value = "50"
    found.minimum_cash.weight.value = "0.01"
    found.maximum_trade_count = 59
    found.costs.rate_weight.value = "0.001"
    found.costs.per_trade_amount.value = "0"
    return found


CASES: dict[str, Callable[[model_pb2.Model], Options]] = {
    "band": lambda _: Options(strategy=pb.STRATEGY_TO_BAND),
    "minimum trade": lambda _: Options(minimum_trade_value=number("500.50")),
    "restrictions": restricted,
    "lots": in_lots,
    "turnover": lambda _: Options(maximum_turnover_weight=number("0.30")),
    "trade count": lambda _: Options(maximum_trade_count=45),
    "cash amount": lambda _: Options(minimum_cash=pb.MinimumCash(amount=number("3000.33"))),
    "cash weight": lambda _: Options(minimum_cash=pb.MinimumCash(weight=number("0.06"))),
    "overdraft": lambda _: Options(allow_overdraft=True),
    "sells alone": lambda _: Options(sides=pb.SIDES_SELL_ONLY),
    "lots of buys": in_lots_of_buys,
    "costs": lambda _: Options(
        costs=pb.TradingCosts(rate_weight=number("0.0015"), per_trade_amount=number("2.5"))
    ),
    "limits of securities": limited,
    "limits of groups": grouped,
    "limits that restrictions bar": barred,
    "together": everything,
}


@pytest.mark.parametrize("name", CASES)
def test_a_run_with_an_option(
    running: tuple[Api, model_pb2.Model], clean_siblings: SimulatedSiblings, name: str
) -> None:
    api, model = running
    options = CASES[name](model)
    options.solver_timeout.CopyFrom(duration_pb2.Duration(nanos=400_000_000))
    told = list(api.rebalance_all(model.model_id, options))
    ended = check_told(told, list(model.portfolio_ids))
    portfolios = [one.portfolio for one in told[1:-1]]
    check_answers(clean_siblings, portfolios, options)
    assert ended.rebalanced_count + ended.no_action_count > PORTFOLIOS / 3
    asked = Options.FromString(options.SerializeToString())
    asked.strategy = asked.strategy or pb.STRATEGY_TO_TARGET
    assert ended.options == asked


def test_a_run_that_sells_nothing(
    running: tuple[Api, model_pb2.Model], clean_siblings: SimulatedSiblings
) -> None:
    """Money that comes is invested, and what a sale alone could mend stays as it is."""
    api, model = running
    options = Options(sides=pb.SIDES_BUY_ONLY, solver_timeout=duration_pb2.Duration(seconds=1))
    flows = dict.fromkeys(model.portfolio_ids, "100000000")
    request = rebalance_service_pb2.RebalanceModelRequest(model_id=model.model_id, options=options)
    for one, amount in flows.items():
        request.cash_flows.add(portfolio_id=one, amount=number(amount))
    told = list(api.rebalances.RebalanceModel(request, timeout=PATIENCE))
    check_told(told, list(model.portfolio_ids))
    portfolios = [one.portfolio for one in told[1:-1]]
    check_answers(clean_siblings, portfolios, options, flows)
    traded = [one for portfolio in portfolios for one in portfolio.transactions]
    assert {one.transaction_type for one in traded} == {pb.TRANSACTION_TYPE_BUY}


def test_limits_that_restrictions_bar_are_told(running: tuple[Api, model_pb2.Model]) -> None:
    api, model = running
    answers = [api.rebalance(one, barred(model)) for one in model.portfolio_ids[:3]]
    told = {line.security_id for one in answers for line in one.limit_breaches if not line.group}
    assert told == {model.positions[0].security_id}


REASONS = {
    "band": pb.POSITION_REASON_INSIDE_BAND,
    "minimum trade": pb.POSITION_REASON_BELOW_MINIMUM_TRADE,
    "restrictions": pb.POSITION_REASON_RESTRICTED,
    "lots": pb.POSITION_REASON_ROUNDED_TO_LOT,
    "sells alone": pb.POSITION_REASON_SIDES,
    "limits of securities": pb.POSITION_REASON_SECURITY_LIMIT,
    "limits of groups": pb.POSITION_REASON_GROUP_LIMIT,
}


@pytest.mark.parametrize("name", REASONS)
def test_a_line_that_an_option_moved_says_so(running: tuple[Api, model_pb2.Model], name: str) -> None:
    api, model = running
    answers = [api.rebalance(one, CASES[name](model)) for one in model.portfolio_ids[:3]]
    assert REASONS[name] in {line.reason for one in answers for line in one.positions}
