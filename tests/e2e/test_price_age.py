"""The day of each price, and prices that are too old: through a real port, over both transports."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from ordergen_client import Client, RebalanceOptions, StalePrice
from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, failure, message_of, served, stored_failure

pb = rebalance_pb2
OLD = date(2014, 12, 12)
#: The eight last portfolios; of these the third holds what its model does not list.
FIRST, HOLDER = 17, 2


def few(siblings: SimulatedSiblings) -> model_pb2.Model:
    sent = message_of(siblings.model)
    del sent.portfolio_ids[:FIRST]
    return sent


def held_outside(siblings: SimulatedSiblings, portfolio_id: str) -> str:
    """A security that a portfolio holds and its model does not list."""
    number = siblings.portfolios.number_of(portfolio_id)
    assert number is not None
    wanted = {position.security_id for position in siblings.model.positions}
    return next(key for key in siblings.portfolios.portfolio(number).holdings if key not in wanted)


def day_of(line: pb.RebalancePosition) -> date | None:
    found = line.price_date
    return date(found.year, found.month, found.day) if line.HasField("price_date") else None


@pytest.mark.parametrize("over_grpc", [False, True], ids=["http", "grpc"])
def test_who_needs_an_old_price_fails_and_the_others_go_on(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, over_grpc: bool
) -> None:
    """Without a limit each line tells the day of its price, in streams and where one is asked for."""
    with served(mongodb_uri, database_name, siblings, over_grpc=over_grpc) as api:
        sent = few(siblings)
        holder = sent.portfolio_ids[HOLDER]
        security = held_outside(siblings, holder)
        siblings.override_price_date(security, OLD)
        undated = sent.positions[0].security_id
        siblings.override_price_date(undated, None)
        model = api.create(sent)
        lines = [line for one in api.rebalance_all(model.model_id) for line in one.portfolio.positions]
        days = {line.security_id: day_of(line) for line in lines}
        assert (days.pop(security), days.pop(undated)) == (OLD, None)
        assert len(set(days.values())) == 1
        answer = api.rebalance(holder)
        assert {line.security_id: day_of(line) for line in answer.positions}[security] == OLD
    siblings.override_price_date(undated, datetime.now(UTC).date() - timedelta(days=2))
    with served(mongodb_uri, database_name, siblings, over_grpc=over_grpc) as api:
        check_limited(api, model, holder, security)


def check_limited(api: Api, model: model_pb2.Model, holder: str, security: str) -> None:
    told = list(api.rebalance_all(model.model_id, pb.RebalanceOptions(maximum_price_age_days=30)))
    results = {one.portfolio.portfolio_id: one.portfolio for one in told[1:-1]}
    failed = results.pop(holder)
    assert failed.state == pb.PORTFOLIO_REBALANCE_STATE_FAILED
    error = stored_failure(failed.error)
    assert (error.code, error.info.reason) == (StatusCode.FAILED_PRECONDITION, "STALE_PRICE")
    assert error.info.metadata["security_id"] == security
    [cause] = error.detail(error_details_pb2.PreconditionFailure).violations
    assert (cause.subject, cause.type) == (security, "STALE_PRICE")
    assert str(OLD) in failed.error.message
    assert pb.PORTFOLIO_REBALANCE_STATE_FAILED not in {one.state for one in results.values()}
    ended = told[-1].finished
    assert (ended.state, ended.failed_count) == (pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS, 1)
    assert ended.options.maximum_price_age_days == 30
    none = list(api.rebalance_all(model.model_id, pb.RebalanceOptions(maximum_price_age_days=1)))
    assert none[-1].finished.failed_count >= 7, "who holds anything: the model targets one of two days ago"
    single = failure(lambda: api.rebalance(holder, pb.RebalanceOptions(maximum_price_age_days=30)))
    assert (single.code, single.info.reason) == (StatusCode.FAILED_PRECONDITION, "STALE_PRICE")


def test_a_server_is_configured_with_an_age_and_calls_may_say_another(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """The client and the command, too."""
    with served(mongodb_uri, database_name, siblings, maximum_price_age_days=400) as api:
        sent = few(siblings)
        before = datetime.now(UTC).date() - timedelta(days=500)
        siblings.override_price_date(sent.positions[0].security_id, before)
        api.create(sent)
        one = sent.portfolio_ids[0]
        with Client(f"127.0.0.1:{api.port}") as client:
            with pytest.raises(StalePrice):
                client.portfolios.rebalance(one)
            answer = client.portfolios.rebalance(one, RebalanceOptions(maximum_price_age_days=600))
            runs = list(client.runs.list(portfolio_ids=[one]))
        assert answer.positions
        limits = {run.options.maximum_price_age_days for run in runs if run.options}
        assert limits == {400, 600}
        command = ["rebalance", "--portfolio", one, "--json", f"--target=127.0.0.1:{api.port}"]
        refused = CliRunner().invoke(main, command)
        assert (refused.exit_code, f"is of {before}" in " ".join(refused.output.split())) == (1, True)
        done = CliRunner().invoke(main, [*command, "--maximum-price-age=600"])
        assert done.exit_code == 0, done.output
        shown = json.loads(done.stdout)["positions"]
        expected = {line.security_id: line.price_date for line in answer.positions}
        assert {one["security_id"]: date.fromisoformat(one["price_date"]) for one in shown} == expected
