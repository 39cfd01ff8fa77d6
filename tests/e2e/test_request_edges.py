"""What lies on the edge of a rule is taken, through a real port."""

import uuid
from collections.abc import Iterator
from decimal import Decimal

import grpc
import pytest
from globeco.ordergen.v1 import (
    model_pb2,
    model_service_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
)
from google.protobuf.message import Message
from grpc import StatusCode

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import security_id
from tests.e2e.api import Api, message_of, served
from tests.limits import PATIENCE

Options = rebalance_pb2.RebalanceOptions
Restriction, LotSize = rebalance_pb2.Restriction, rebalance_pb2.LotSize


@pytest.fixture(scope="module")
def api(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    """One server for all of them: it answers on after each."""
    with served(mongodb_uri, f"ordergen-test-{uuid.uuid4().hex}", clean_siblings) as running:
        yield running


def number(message: Message, name: str, text: str) -> None:
    getattr(message, name).value = text


def numbers(**texts: str) -> Options:
    options = Options()
    for name, text in texts.items():
        owner = options.minimum_cash if name in ("amount", "weight") else options
        number(owner, name, text)
    return options


LARGEST, SMALLEST, LONGEST = "1e39", "1e-40", "0." + "1" * 34
EDGE_OPTIONS = {
    "absent": Options(),
    "no restriction": Options(strategy=rebalance_pb2.STRATEGY_TO_BAND, allow_overdraft=True),
    "empty minimum": Options(minimum_cash=rebalance_pb2.MinimumCash()),
    "nothing to keep": numbers(amount="-0", weight="0"),
    "everything": numbers(weight="1"),
    **{
        f"{name} {text}": numbers(**{name: text})
        for name in ("amount", "minimum_trade_value", "maximum_turnover_weight")
        for text in (LARGEST, SMALLEST, LONGEST, "0")
    },
    "weight": numbers(weight=LONGEST),
    "small weight": numbers(weight=SMALLEST),
    "no amount": numbers(amount="0E-40"),
    "no weight": numbers(weight="0E-40"),
    "no trade": Options(maximum_trade_count=0),
    "trades": Options(maximum_trade_count=2**31 - 1),
    "prices of any day": Options(maximum_price_age_days=3650),
    **{
        f"sides {sides}": Options(sides=sides)
        for sides in (
            rebalance_pb2.SIDES_BUY_AND_SELL,
            rebalance_pb2.SIDES_BUY_ONLY,
            rebalance_pb2.SIDES_SELL_ONLY,
        )
    },
    "open orders": Options(open_orders=rebalance_pb2.OPEN_ORDERS_IGNORE),
    **{
        f"lots {sides}": Options(lot_sizes=[LotSize(security_id=security_id(9), shares=1, applies_to=sides)])
        for sides in (rebalance_pb2.LOT_SIDES_BOTH, rebalance_pb2.LOT_SIDES_BUYS)
    },
}
#: Of money that comes, or goes.
EDGE_FLOWS = {
    "none": "0",
    "no money": "-0.00",
    **{f"{sign}{text}": sign + text for sign in ("", "-") for text in (LARGEST, SMALLEST, LONGEST)},
    "the most": "9" * 34 + "e6",
}


@pytest.mark.parametrize("options", EDGE_OPTIONS.values(), ids=EDGE_OPTIONS)
def test_what_lies_on_the_edge_of_a_rule_is_taken(
    api: Api, clean_siblings: SimulatedSiblings, options: Options
) -> None:
    """By the optimizer, too: an answer, or the refusal that there is none."""
    model = followed(api, clean_siblings)
    for position in model.positions[:2]:
        options.lot_sizes.add(security_id=position.security_id, shares=2**63 - 1)
    request = rebalance_service_pb2.RebalancePortfolioRequest(
        portfolio_id=model.portfolio_ids[0], options=options, validate_only=True
    )
    answered_or_refused(api, request)


@pytest.mark.parametrize("amount", EDGE_FLOWS.values(), ids=EDGE_FLOWS)
def test_money_on_the_edge_of_its_rule_is_taken(
    api: Api, clean_siblings: SimulatedSiblings, amount: str
) -> None:
    request = rebalance_service_pb2.RebalancePortfolioRequest(
        portfolio_id=followed(api, clean_siblings).portfolio_ids[0], validate_only=True
    )
    number(request, "cash_flow", amount)
    answered_or_refused(api, request)


def followed(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    """A model that one portfolio follows."""
    asked = message_of(siblings.model, portfolios=1)
    found = api.models.ListModels(
        model_service_pb2.ListModelsRequest(portfolio_id=asked.portfolio_ids[0]), timeout=PATIENCE
    )
    return found.models[0] if found.models else api.create(asked)


def answered_or_refused(api: Api, request: rebalance_service_pb2.RebalancePortfolioRequest) -> None:
    try:
        answer = api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
    except grpc.RpcError as error:
        refused = error
    else:
        assert answer.HasField("solution")
        return
    assert refused.code() is StatusCode.FAILED_PRECONDITION, refused.details()


@pytest.mark.parametrize(("low", "high"), [(SMALLEST, "1"), ("0", SMALLEST), (LONGEST, LONGEST), ("1", "1")])
def test_drifts_on_the_edge_of_their_rule_are_taken(
    api: Api, clean_siblings: SimulatedSiblings, low: str, high: str
) -> None:
    message = message_of(clean_siblings.model, portfolios=0)
    message.name = uuid.uuid4().hex
    for position in message.positions:
        number(position, "low_drift", low)
        number(position, "high_drift", high)
    model = api.create(message)
    assert {(one.low_drift.value, one.high_drift.value) for one in api.get(model.model_id).positions} == {
        (f"{Decimal(low):f}", f"{Decimal(high):f}")
    }
    request = model_service_pb2.AddPortfoliosRequest(
        model_id=model.model_id, portfolio_ids=clean_siblings.model.portfolio_ids[1:2]
    )
    linked = api.models.AddPortfolios(request, timeout=PATIENCE)
    refused: grpc.RpcError | None = None
    try:
        assert api.rebalance(linked.portfolio_ids[0]).HasField("solution")
    except grpc.RpcError as error:
        refused = error
    deletion = model_service_pb2.DeleteModelRequest(model_id=model.model_id, version=linked.version)
    api.models.DeleteModel(deletion, timeout=PATIENCE)
    assert not refused or refused.code() is StatusCode.FAILED_PRECONDITION
