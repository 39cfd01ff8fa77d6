"""Siblings that are down, or know less than we need: never a zero."""

from fractions import Fraction

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from ordergen_server.sandbox.services.faults import Fault, ServiceName
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, failure, message_of, stored_failure
from tests.e2e.outcomes import inputs, outcome
from tests.verification import verify

pb = rebalance_pb2
NEEDED: dict[ServiceName, str] = {
    "accounting": "portfolio-accounting",
    "pricing": "pricing",
    "security": "security",
}


@pytest.mark.parametrize("service", NEEDED)
def test_a_portfolio_whose_sibling_is_down(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model, service: ServiceName
) -> None:
    """UNAVAILABLE, naming the service and when to try again; what became of it is stored."""
    siblings.set_faults(service, [Fault(kind="status", status=503)])
    one = model.portfolio_ids[0]
    found = failure(lambda: api.rebalance(one))
    assert (found.code, found.info.reason) == (StatusCode.UNAVAILABLE, "SIBLING_UNAVAILABLE")
    assert found.info.metadata["service"] == NEEDED[service]
    assert found.detail(error_details_pb2.RetryInfo).retry_delay.ToNanoseconds() > 0
    run = api.run(found.info.metadata["rebalance_id"])
    assert run.state == pb.REBALANCE_STATE_FAILED
    stored = api.portfolio(run.rebalance_id, one)
    assert stored.error.code == found.status.code
    assert not stored.HasField("market_value")


@pytest.mark.parametrize("service", NEEDED)
def test_a_run_whose_sibling_is_down(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model, service: ServiceName
) -> None:
    """It stops: the rest is skipped, the last message says why, and so does the status."""
    siblings.set_faults(service, [Fault(kind="reset")])
    told: list[rebalance_service_pb2.RebalanceModelResponse] = []

    def call() -> None:
        for response in api.rebalance_all(model.model_id):
            told.append(response)  # noqa: PERF402 - what came before the failure

    found = failure(call)
    assert (found.code, found.info.metadata["service"]) == (StatusCode.UNAVAILABLE, NEEDED[service])
    ended = told[-1].finished
    assert ended.state == pb.REBALANCE_STATE_FAILED
    assert ended.failed_count + ended.skipped_count == ended.portfolio_count == 4
    assert ended.error.code == StatusCode.UNAVAILABLE.value[0]
    assert api.run(ended.rebalance_id) == ended
    assert not api.get(model.model_id).HasField("last_rebalance_time")


def test_a_sibling_that_stumbles_is_asked_again(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    siblings.set_faults("pricing", [Fault(kind="status", status=500, times=1)])
    siblings.set_faults("accounting", [Fault(kind="reset", times=1)])
    one = model.portfolio_ids[0]
    verify(outcome(api.rebalance(one)), inputs(siblings, one))


def test_a_name_is_not_worth_a_failure(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    siblings.set_faults("portfolio", [Fault(kind="status", status=503)])
    one = model.portfolio_ids[0]
    answer = api.rebalance(one)
    assert answer.portfolio_name == ""
    verify(outcome(answer), inputs(siblings, one))


def held_by_some(siblings: SimulatedSiblings, outside: str) -> str:
    """A security of no model that only this portfolio holds."""
    number = siblings.portfolios.number_of(outside)
    assert number is not None
    wanted = {position.security_id for position in siblings.model.positions}
    return next(key for key in siblings.portfolios.portfolio(number).holdings if key not in wanted)


@pytest.mark.parametrize("what", ["price", "security"])
def test_a_missing_price_is_an_error_of_that_portfolio_and_the_others_go_on(
    api: Api, siblings: SimulatedSiblings, what: str
) -> None:
    """Portfolio 19 holds securities that its model does not list."""
    sent = message_of(siblings.model)
    poor = sent.portfolio_ids[19]
    del sent.portfolio_ids[:17]
    model = api.create(sent)
    security = held_by_some(siblings, poor)
    if what == "price":
        siblings.override_price(security, None)
    else:
        siblings.forget_security(security)
    responses = list(api.rebalance_all(model.model_id))
    results = {one.portfolio.portfolio_id: one.portfolio for one in responses[1:-1]}
    failed = results.pop(poor)
    assert failed.state == pb.PORTFOLIO_REBALANCE_STATE_FAILED
    error = stored_failure(failed.error)
    assert (error.code, error.info.reason) == (StatusCode.FAILED_PRECONDITION, "MISSING_DATA")
    assert error.info.metadata["security_id"] == security
    cause = error.detail(error_details_pb2.PreconditionFailure).violations[0]
    assert (cause.subject, cause.type) == (security, f"MISSING_{what.upper()}")
    assert security in failed.error.message
    for one in results.values():
        verify(outcome(one), inputs(siblings, one.portfolio_id))
    ended = responses[-1].finished
    assert ended.state == pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS
    assert (ended.failed_count, len(results)) == (1, 7)
    single = failure(lambda: api.rebalance(poor))
    assert (single.code, single.info.metadata["security_id"]) == (StatusCode.FAILED_PRECONDITION, security)


@pytest.mark.parametrize("price", ["0", "-1", '"NaN"', "true"])
def test_a_price_that_cannot_be_is_bad_data_of_pricing(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model, price: str
) -> None:
    security = model.positions[0].security_id
    siblings.override_price(security, price)
    found = failure(lambda: api.rebalance(model.portfolio_ids[0]))
    assert (found.code, found.info.reason) == (StatusCode.FAILED_PRECONDITION, "BAD_DATA")
    assert found.info.metadata["service"] == "pricing"
    assert security in found.message or model.positions[0].security_id in str(found.status)


def test_holdings_that_cannot_be_are_bad_data_of_that_portfolio(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    poor = model.portfolio_ids[0]
    siblings.override_summary(poor, {"portfolioId": poor, "cashBalance": "much", "securities": []})
    responses = list(api.rebalance_all(model.model_id))
    results = {one.portfolio.portfolio_id: one.portfolio for one in responses[1:-1]}
    error = stored_failure(results.pop(poor).error)
    assert (error.code, error.info.reason) == (StatusCode.FAILED_PRECONDITION, "BAD_DATA")
    assert "cashBalance" in error.message
    assert all(Fraction(one.drift_after.value) < Fraction(one.drift_before.value) for one in results.values())


def test_a_caller_with_little_time(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    """The deadline is the caller's, and what became of the portfolio is stored soon after it."""
    siblings.set_faults("pricing", [Fault(kind="hang")])
    request = rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=model.portfolio_ids[0])
    with pytest.raises(grpc.RpcError) as raised:
        api.rebalances.RebalancePortfolio(request, timeout=0.3)
    assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED
