"""Cases that desks know from other products, through a real port, worked out by hand: alone, and in a run.

Targets of a model add up to 0.95 at most: 60 to 40 of what is invested are 0.57 and 0.38.
"""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from google.type import decimal_pb2
from grpc import StatusCode

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import portfolio_id
from tests.e2e.api import Api, failure
from tests.e2e.outcomes import signed
from tests.e2e.runs import start, watched
from tests.limits import PATIENCE

pb, calls = rebalance_pb2, rebalance_service_pb2
Options = pb.RebalanceOptions
ONE = portfolio_id(0)
#: Prices of a fund of shares and of one of bonds, as they were.
VTI, BND = "290.60", "44.54"
NEAREST, TARGET = "ROUNDED_TO_NEAREST_SHARE", "TRADED_TO_TARGET"
CASH, SIDES, RESTRICTED = "REDUCED_FOR_CASH", "SIDES", "RESTRICTED"


@dataclass(frozen=True)
class Line:
    """A security: price, shares held, target, drift to either side; what is to be ordered, and why."""

    price: str
    held: str
    target: str
    drift: str
    order: int
    reason: str


@dataclass(frozen=True)
class Case:
    """A portfolio, and what is left in cash; `flow` comes to it, or is to be paid out."""

    cash: str
    lines: tuple[Line, ...]
    cash_after: str
    options: Options = field(default_factory=Options)
    flow: str = "0"
    cost: str = ""
    rule: str = ""  # on the first line: the name of a restriction, or of the sides that its lot binds


def number(text: str) -> decimal_pb2.Decimal:
    return decimal_pb2.Decimal(value=text)


def costs(per_trade: str, rate: str) -> Options:
    return Options(costs=pb.TradingCosts(rate_weight=number(rate), per_trade_amount=number(per_trade)))


BUY, SELL = Options(sides=pb.SIDES_BUY_ONLY), Options(sides=pb.SIDES_SELL_ONLY)
ODD = (Line("10", "237", "0.2", "0.02", -37, TARGET), Line("10", "0", "0.3", "0.05", 300, TARGET))
WITHDRAWAL = (Line(VTI, "191", "0.57", "0.02", -21, NEAREST), Line(BND, "827", "0.38", "0.02", -87, NEAREST))
CASES = {
    # Of 96,727.00 stay 86,727.00: targets of 49,434.39 and 32,956.26 are 170.1 and 739.9 shares.
    "a withdrawal is paid by sales that keep the weights": Case(
        "4387.82", WITHDRAWAL, "4365.40", flow="-10000"
    ),
    # 69,744.00 of 111,266.80 are above 59 %, and stay; 112 x 44.54 = 4,988.48 of what came is invested.
    "a contribution leaves what is overweight alone": Case(
        "0",
        (Line(VTI, "240", "0.57", "0.02", 0, SIDES), Line(BND, "820", "0.38", "0.05", 112, CASH)),
        "11.52",
        BUY,
        flow="5000",
    ),
    # Targets of 60,834.39 and 40,556.26 are 209.3 and 910.6 shares.
    "idle cash is invested though every band holds": Case(
        "10035.36",
        (Line(VTI, "200", "0.57", "0.05", 9, NEAREST), Line(BND, "866", "0.38", "0.05", 45, NEAREST)),
        "5415.66",
        BUY,
    ),
    # 37 shares too many go in one order; 300 are bought in lots of a hundred.
    "odd lots are sold in one order where lots bind buys": Case("7630", ODD, "5000", rule="BUYS"),
    # 95 shares and the commission would be 104.95 of 100.
    "a commission overdraws no account": Case(
        "100", (Line("1", "0", "0.95", "0.1", 90, CASH),), "0.05", costs("9.95", "0"), cost="9.95"
    ),
    # 90 shares would be 90.00 + 0.90 + 9.95.
    "nor does a rate beside it": Case(
        "100", (Line("1", "0", "0.95", "0.1", 89, CASH),), "0.16", costs("9.95", "0.01"), cost="10.84"
    ),
    # 54,986.76 are wanted of 69,744.00; the bonds, which are below their band, are not bought.
    "reductions sell and buy nothing": Case(
        "0",
        (Line(VTI, "240", "0.57", "0.02", -51, NEAREST), Line(BND, "600", "0.38", "0.02", 0, SIDES)),
        "14820.60",
        SELL,
    ),
    # Targets of 96,725.84: 189.7 and 825.2 shares.
    "sales cover a negative cash": Case(
        "-2000",
        (Line(VTI, "207", "0.57", "0.06", -17, NEAREST), Line(BND, "866", "0.38", "0.06", -41, NEAREST)),
        "4766.34",
    ),
    # 41 bonds to their target are 1,826.14; it takes 45, for 2,004.30.
    "the one that may be sold covers it alone": Case(
        "-2000",
        (Line(VTI, "207", "0.57", "0.06", 0, RESTRICTED), Line(BND, "866", "0.38", "0.06", -45, CASH)),
        "4.30",
        rule="DO_NOT_SELL",
    ),
}


def laid(api: Api, siblings: SimulatedSiblings, case: Case) -> tuple[model_pb2.Model, Options]:
    """A model with these lines that the portfolio follows, and the options with their securities."""
    message = model_pb2.Model(name="Public", portfolio_ids=[ONE])
    held: dict[str, Decimal] = {}
    for line, known in zip(case.lines, siblings.model.positions, strict=False):
        siblings.override_price(known.security_id, Decimal(line.price))
        held[known.security_id] = Decimal(line.held)
        position = message.positions.add(security_id=known.security_id)
        position.target.value = line.target
        position.low_drift.value = position.high_drift.value = line.drift
    siblings.override_holdings(ONE, Decimal(case.cash), held)
    options = Options.FromString(case.options.SerializeToString())
    if case.rule.startswith("DO_NOT"):
        kind = pb.RestrictionType.Value(f"RESTRICTION_TYPE_{case.rule}")
        options.restrictions.add(security_id=next(iter(held)), type=kind)
    elif case.rule:
        sides = pb.LotSides.Value(f"LOT_SIDES_{case.rule}")
        for key in held:
            options.lot_sizes.add(security_id=key, shares=100, applies_to=sides)
    return api.create(message), options


def asked_alone(api: Api, case: Case, options: Options) -> pb.PortfolioRebalance:
    request = calls.RebalancePortfolioRequest(portfolio_id=ONE, options=options)
    request.cash_flow.value = case.flow
    return api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)


def asked_in_a_run(api: Api, case: Case, options: Options, model_id: str) -> pb.PortfolioRebalance:
    flows = [calls.CashFlow(portfolio_id=ONE, amount=number(case.flow))]
    run = start(api, model_id, options=options, cash_flows=flows)
    [found] = [one.portfolio for one in watched(api, run.rebalance_id) if one.HasField("portfolio")]
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_case(api: Api, siblings: SimulatedSiblings, name: str) -> None:
    case = CASES[name]
    model, options = laid(api, siblings, case)
    expected = {
        position.security_id: (line.order, line.reason)
        for position, line in zip(model.positions, case.lines, strict=True)
    }
    for answer in (asked_alone(api, case, options), asked_in_a_run(api, case, options, model.model_id)):
        assert answer.state == pb.PORTFOLIO_REBALANCE_STATE_REBALANCED
        assert answer.solution.status == pb.SOLUTION_STATUS_PROVEN_OPTIMAL
        lines = {
            one.security_id: (
                signed(one.transaction_type, one.trade_quantity),
                pb.PositionReason.Name(one.reason).removeprefix("POSITION_REASON_"),
            )
            for one in answer.positions
        }
        assert lines == expected
        orders = {one.security_id: signed(one.transaction_type, one.quantity) for one in answer.transactions}
        assert orders == {key: order for key, (order, _) in expected.items() if order}
        assert (answer.cash_after.value, answer.cost.value) == (case.cash_after, case.cost)


@pytest.mark.parametrize(
    ("case", "options", "why"),
    [
        # Bands leave 8,705.43 in cash at the most.
        (
            Case("4387.82", WITHDRAWAL, ""),
            Options(minimum_cash=pb.MinimumCash(amount=number("10000"))),
            "cash floor",
        ),
        # 137 of 237 are too few, and 237 too many.
        (Case("7630", ODD, "", rule="BOTH"), None, "lot"),
        # Nothing that is sold may cover what is overdrawn.
        (Case("-2000", WITHDRAWAL, ""), BUY, "cash floor"),
    ],
    ids=["a withdrawal kept as minimum cash", "lots of both sides", "a negative cash that buys cannot cover"],
)
def test_what_used_to_be_asked_in_their_place_does_not_fit(
    api: Api, siblings: SimulatedSiblings, case: Case, options: Options | None, why: str
) -> None:
    _, made = laid(api, siblings, case)
    found = failure(lambda: asked_alone(api, case, options or made))
    assert (found.code, found.info.reason) == (StatusCode.FAILED_PRECONDITION, "INFEASIBLE")
    assert why in found.message
