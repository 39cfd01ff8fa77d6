"""What a refusal suggests is entered through the API as it is printed: then nothing is in the way there."""

import re
from dataclasses import dataclass
from decimal import Decimal

import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2, rebalance_pb2
from google.rpc import error_details_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, stored_failure
from tests.limits import PATIENCE

Options = rebalance_pb2.RebalanceOptions
NUMBER = r"([\d,]*\d(?:\.\d+)?)"
Causes = dict[tuple[str, str], str]
"""What is in the way: subject and type, and the sentence."""


@dataclass(frozen=True)
class Line:
    """One security: price, quantity held, target, drifts, and shares in a lot."""

    price: str
    quantity: str
    target: str
    low: str
    high: str
    lot: int = 1


@dataclass(frozen=True)
class Desk:
    """One portfolio that follows a model of its own, and how it is rebalanced."""

    api: Api
    siblings: SimulatedSiblings
    model: model_pb2.Model
    lines: list[Line]
    cash: Decimal
    options: Options

    def causes(self, options: Options | None = None) -> Causes:
        """What is in the way of a rebalance: nothing, if it is answered."""
        answers = self.api.rebalance_all(self.model.model_id, options or self.options)
        (answer,) = [one.portfolio for one in answers if one.HasField("portfolio")]
        if answer.state != rebalance_pb2.PORTFOLIO_REBALANCE_STATE_INFEASIBLE:
            assert not answer.HasField("error")
            return {}
        details = stored_failure(answer.error).detail(error_details_pb2.PreconditionFailure)
        return {(one.subject, one.type): one.description for one in details.violations}

    def entered(self, what: str, subject: str, number: Decimal) -> Causes:
        """What is still in the way with a suggested number entered; afterwards all is as it was."""
        options = Options()
        options.CopyFrom(self.options)
        match what:
            case "high drift" | "low drift":
                return self._with_drift(f"{what[:-6]}_drift", subject, number)
            case "a market value":
                self.hold(self.cash + number - self.market_value)
                causes = self.causes()
                self.hold(self.cash)
                return causes
            case "cash floor":
                options.minimum_cash.amount.value = f"{number:f}"
            case "maximum turnover":
                options.maximum_turnover_weight.value = f"{number:f}"
            case _:
                options.maximum_trade_count = int(number)
        return self.causes(options)

    def hold(self, cash: Decimal) -> None:
        """Have that much cash."""
        pairs = zip(self.model.positions, self.lines, strict=True)
        held = [{"securityId": one.security_id, "netQuantity": line.quantity} for one, line in pairs]
        portfolio_id = self.model.portfolio_ids[0]
        known = {"portfolioId": portfolio_id, "cashBalance": f"{cash:f}", "securities": held}
        self.siblings.override_summary(portfolio_id, known)

    @property
    def market_value(self) -> Decimal:
        return self.cash + sum(Decimal(line.price) * Decimal(line.quantity) for line in self.lines)

    def _with_drift(self, field: str, security_id: str, number: Decimal) -> Causes:
        (before,) = [one for one in self.model.positions if one.security_id == security_id]
        wider = model_pb2.Position()
        wider.CopyFrom(before)
        getattr(wider, field).value = f"{number:f}"
        self._put(wider)
        causes = self.causes()
        self._put(before)
        return causes

    def _put(self, position: model_pb2.Position) -> None:
        request = model_service_pb2.UpdatePositionRequest(model_id=self.model.model_id, position=position)
        self.api.models.UpdatePosition(request, timeout=PATIENCE)


def desk(api: Api, siblings: SimulatedSiblings, lines: list[Line], cash: str, options: Options) -> Desk:
    """A portfolio that holds and wants these lines."""
    wanted = model_pb2.Model(name="Advice", portfolio_ids=siblings.model.portfolio_ids[:1])
    asked = Options()
    asked.CopyFrom(options)
    for known, line in zip(siblings.model.positions, lines, strict=False):
        siblings.override_price(known.security_id, Decimal(line.price))
        position = wanted.positions.add(security_id=known.security_id)
        position.target.value, position.low_drift.value = line.target, line.low
        position.high_drift.value = line.high
        if line.lot > 1:
            asked.lot_sizes.add(security_id=known.security_id, shares=line.lot)
    found = Desk(api, siblings, api.create(wanted), lines, Decimal(cash), asked)
    found.hold(found.cash)
    return found


def minimum_cash(amount: str) -> Options:
    options = Options()
    options.minimum_cash.amount.value = amount
    return options


def turnover(weight: str) -> Options:
    options = Options()
    options.maximum_turnover_weight.value = weight
    return options


CASES = {
    "a share too dear": ([Line("11200", "0", "0.01", "0.0005", "0.0005")], "1000000", Options()),
    "a low drift below the high one": ([Line("300.06", "0", "0.31", "0", "0.009945")], "1000", Options()),
    "a band without a width": ([Line("7.901234", "14", "0.08", "0", "0")], "1123.39", Options()),
    "pennies": ([Line("0.00073", "12", "0.015", "0", "0.000001")], "3.21", Options()),
    "no drift helps": ([Line("2500", "0", "0.5", "0", "0")], "1000", Options()),
    "lots": ([Line("10", "15", "0.16", "0.001", "0.02", lot=4)], "850", Options()),
    "closing is exempt": ([Line("710.76", "2.5", "0.09", "0.05", "0.05", lot=10)], "200", Options()),
    "the floor": ([Line("10", "20", "0.5", "0.01", "0.01")], "800", minimum_cash("600.005")),
    "the turnover": ([Line("10", "0", "0.505", "0.01", "0.01")], "1000", turnover("0.1")),
    "the trades": ([Line("10", "0", "0.45", "0.01", "0.01")] * 2, "1000", Options(maximum_trade_count=1)),
    "several": (
        [Line("333.3", "0", "0.3", "0.001", "0.001"), Line("7", "1", "0.4", "0.02", "0.02")],
        "990",
        Options(maximum_trade_count=0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_suggestion_helps_as_printed_and_nothing_less_does(
    api: Api, siblings: SimulatedSiblings, name: str
) -> None:
    asked = desk(api, siblings, *CASES[name])
    causes = asked.causes()
    assert causes
    for cause, sentence in causes.items():
        found = suggestions(sentence)
        for what, number, less in found:
            assert cause not in asked.entered(what, cause[0], number), sentence
            assert cause in asked.entered(what, cause[0], less), sentence
        assert found or "no drift that a model may have" in sentence


def suggestions(sentence: str) -> list[tuple[str, Decimal, Decimal]]:
    """What is suggested: each number as printed, and the next one of as many digits that gives way less."""
    kinds = (
        "high drift",
        "low drift",
        "a market value",
        "cash floor",
        "maximum turnover",
        "maximum trade count",
    )
    pattern = f"({'|'.join(kinds)}) ([<>])= {NUMBER}"
    found = []
    for what, side, text in re.findall(pattern, sentence):
        number = Decimal(text.replace(",", ""))
        step = Decimal((0, (1,), int(number.as_tuple().exponent)))
        found.append((what, number, number - step if side == ">" else number + step))
    return found


def test_where_only_an_overdraft_helps_it_may_be_entered(api: Api, siblings: SimulatedSiblings) -> None:
    asked = desk(api, siblings, [Line("1200", "0", "0.95", "0.1", "0.3")], "1000", Options())
    (sentence,) = asked.causes().values()
    assert sentence.endswith("; needs an overdraft of 200.00")
    assert asked.causes(Options(allow_overdraft=True)) == {}
