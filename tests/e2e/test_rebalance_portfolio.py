"""One portfolio rebalanced through the API, of every kind there is."""

from decimal import Decimal
from fractions import Fraction

import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from google.rpc import error_details_pb2
from google.type import decimal_pb2
from grpc import StatusCode

from ordergen_server.sandbox.market.portfolios import Kind
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import portfolio_id, security_id
from tests.e2e.api import Api, failure, message_of
from tests.e2e.conftest import PORTFOLIOS
from tests.e2e.outcomes import inputs, outcome
from tests.price_ranges import check_range
from tests.summaries import check_summary
from tests.verification import verify

pb = rebalance_pb2


def of_kind(siblings: SimulatedSiblings, kind: Kind) -> str:
    """The first portfolio of a kind."""
    portfolios = siblings.portfolios
    return portfolios.portfolio_id(
        next(number for number in range(PORTFOLIOS) if portfolios.kind(number) is kind)
    )


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.NEW])
def test_portfolios_of_every_kind(api: Api, siblings: SimulatedSiblings, kind: Kind) -> None:
    """A run of one portfolio, stored like any other."""
    api.create(message_of(siblings.model))
    one = of_kind(siblings, kind)
    answer = api.rebalance(one)
    verify(outcome(answer), inputs(siblings, one))
    assert api.portfolio(answer.rebalance_id, one) == answer
    for place, line in enumerate(answer.positions):
        assert line.HasField("good_until")
        check_range(answer, place, line.good_until)
    run = api.run(answer.rebalance_id)
    assert (run.state, run.portfolio_count, run.rebalanced_count) == (pb.REBALANCE_STATE_COMPLETED, 1, 1)


def test_a_new_portfolio_needs_nothing(api: Api, siblings: SimulatedSiblings) -> None:
    """Its model was not rebalanced by that."""
    created = api.create(message_of(siblings.model))
    answer = api.rebalance(of_kind(siblings, Kind.NEW))
    assert answer.state == pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION
    assert Fraction(answer.market_value.value) == 0
    assert Fraction(answer.cash_after.value) == 0
    assert api.get(created.model_id) == created


def test_cash_is_kept_as_asked(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    one = model.portfolio_ids[0]
    options = pb.RebalanceOptions(
        minimum_cash=pb.MinimumCash(weight=decimal_pb2.Decimal(value="0.08")),
    )
    options.solver_timeout.FromSeconds(1)  # a proof may take longer than its answer is worth waiting for
    answer = api.rebalance(one, options)
    verify(outcome(answer), inputs(siblings, one, options))
    stored = api.run(answer.rebalance_id)
    assert stored.options.minimum_cash.weight.value == "0.08"
    check_summary(stored, [answer])


def test_a_portfolio_of_no_model(api: Api) -> None:
    found = failure(lambda: api.rebalance(portfolio_id(1)))
    assert (found.code, found.info.reason) == (StatusCode.NOT_FOUND, "NOT_FOUND")
    resource = found.detail(error_details_pb2.ResourceInfo)
    assert (resource.resource_type, resource.resource_name) == ("Portfolio", portfolio_id(1))


def test_a_model_without_positions_sells_nothing(api: Api) -> None:
    created = api.create(model_pb2.Model(name="Empty", portfolio_ids=[portfolio_id(1)]))
    for call in (lambda: api.rebalance(portfolio_id(1)), lambda: list(api.rebalance_all(created.model_id))):
        found = failure(call)
        assert (found.code, found.info.reason) == (
            StatusCode.FAILED_PRECONDITION,
            "MODEL_WITHOUT_POSITIONS",
        )
        cause = found.detail(error_details_pb2.PreconditionFailure).violations[0]
        assert (cause.type, cause.subject) == ("MODEL_WITHOUT_POSITIONS", created.model_id)


def test_a_portfolio_without_a_solution(api: Api, siblings: SimulatedSiblings) -> None:
    """The error says which band holds no share, and leads to what was stored."""
    one = siblings.model.portfolio_ids[0]
    security = siblings.model.positions[0].security_id
    sent = model_pb2.Model(name="Narrow", portfolio_ids=[one])
    sent.positions.add(security_id=security).target.value = "0.5"
    siblings.override_price(security, Decimal("33333.33"))
    api.create(sent)
    found = failure(lambda: api.rebalance(one))
    assert (found.code, found.info.reason) == (StatusCode.FAILED_PRECONDITION, "INFEASIBLE")
    causes = found.detail(error_details_pb2.PreconditionFailure).violations
    assert security in [cause.subject for cause in causes]
    stored = api.portfolio(found.info.metadata["rebalance_id"], one)
    assert stored.state == pb.PORTFOLIO_REBALANCE_STATE_INFEASIBLE
    assert stored.error.message == found.message


def test_a_portfolio_worth_nothing(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    one = model.portfolio_ids[0]
    siblings.override_summary(
        one,
        {
            "portfolioId": one,
            "cashBalance": "-100",
            "securityCount": 0,
            "lastUpdated": "2025-06-06T12:17:03Z",
            "securities": [],
        },
    )
    found = failure(lambda: api.rebalance(one))
    assert (found.code, found.info.reason) == (
        StatusCode.FAILED_PRECONDITION,
        "MARKET_VALUE_NOT_POSITIVE",
    )
    assert "not -100" in found.message


def test_a_model_whose_security_nobody_knows(api: Api, siblings: SimulatedSiblings) -> None:
    one = siblings.model.portfolio_ids[0]
    sent = model_pb2.Model(name="Unknown", portfolio_ids=[one])
    sent.positions.add(security_id=security_id(1)).target.value = "0.5"
    api.create(sent)
    found = failure(lambda: api.rebalance(one))
    assert (found.code, found.info.reason) == (StatusCode.FAILED_PRECONDITION, "MISSING_DATA")
    assert found.info.metadata["security_id"] == security_id(1)
